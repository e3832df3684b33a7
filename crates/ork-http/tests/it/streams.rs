//! Answers that are read as they come.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::{Body, Bytes, Frame, SizeHint};

use ork_http::{CallError, Reach, StreamError, StreamLimits, Streaming, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::attacks::{post, serve};

/// What is sent, each part after a rest in milliseconds.
type Parts = &'static [(u64, &'static str)];

const HEAD: &str = "HTTP/1.1 200 OK\r\nX-Word: one\r\ntransfer-encoding: chunked\r\n\r\n";
const LIMITS: StreamLimits = StreamLimits {
    first: Duration::from_secs(10),
    idle: Duration::from_secs(10),
    total: Duration::from_secs(20),
    bytes: 1_000,
};
const MOMENT: Duration = Duration::from_millis(200);

async fn say(mut stream: TcpStream, parts: Parts) {
    for (rest_ms, part) in parts {
        sleep(Duration::from_millis(*rest_ms)).await;
        stream.write_all(part.as_bytes()).await.ok();
    }
}

async fn open(parts: Parts, limits: StreamLimits) -> Result<Streaming, CallError> {
    let (address, _) = serve(move |stream, _| say(stream, parts)).await;
    Transport::new(Reach::Anyone).stream(post(&format!("http://{address}/")), limits).await
}

/// What came, and how it ended.
async fn read(parts: Parts, limits: StreamLimits) -> (String, Result<(), StreamError>) {
    let mut stream = open(parts, limits).await.unwrap();
    let mut text = String::new();
    loop {
        match stream.chunk().await {
            Ok(Some(bytes)) => text += std::str::from_utf8(&bytes).unwrap(),
            Ok(None) => return (text, Ok(())),
            Err(error) => return (text, Err(error)),
        }
    }
}

#[tokio::test]
async fn an_answer_is_read_as_it_comes() {
    let mut stream = open(&[(0, HEAD), (0, "2\r\nab\r\n"), (60_000, "")], LIMITS).await.unwrap();
    assert_eq!((stream.status, stream.header("x-word"), stream.header("x-other")), (200, Some("one"), None));
    assert_eq!(stream.chunk().await.unwrap().as_deref(), Some(&b"ab"[..]), "the rest is not waited for");
    let whole = read(&[(0, HEAD), (0, "2\r\nab\r\n"), (50, "1\r\nc\r\n0\r\n\r\n")], LIMITS).await;
    assert_eq!(whole, ("abc".into(), Ok(())));
}

#[tokio::test]
async fn an_answer_that_does_not_come_to_its_end_is_told_from_one_that_does() {
    let (text, ended) = read(&[(0, HEAD), (0, "2\r\nab\r\n")], LIMITS).await;
    assert!(text == "ab" && matches!(ended, Err(StreamError::Broken(_))), "{text} {ended:?}");
    let halts: Parts = &[(0, HEAD), (0, "2\r\nab\r\n"), (60_000, "")];
    let silent = read(halts, StreamLimits { idle: MOMENT, ..LIMITS }).await;
    assert_eq!(silent, ("ab".into(), Err(StreamError::Silent(200))));
    let slow = read(halts, StreamLimits { total: MOMENT, ..LIMITS }).await;
    assert_eq!(slow, ("ab".into(), Err(StreamError::TooSlow(200))));
    let long = read(&[(0, HEAD), (0, "2\r\nab\r\n2\r\ncd\r\n")], StreamLimits { bytes: 3, ..LIMITS }).await;
    assert_eq!(long.1, Err(StreamError::TooLong(3)));
}

#[tokio::test]
async fn what_was_never_sent_is_told_from_what_may_have_been() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://{closed}/");
    let anyone = Transport::new(Reach::Anyone);
    for url in [&url, "http://no-such-host.invalid/"] {
        let opened = anyone.stream(post(url), LIMITS).await;
        assert!(matches!(opened, Err(CallError::Unconnected(_))), "{opened:?}");
    }
    let guarded = Transport::new(Reach::Public("".parse().unwrap()));
    assert!(matches!(guarded.stream(post(&url), LIMITS).await, Err(CallError::Refused(_))));
    let gone = open(&[], LIMITS).await;
    assert!(matches!(gone, Err(CallError::Unreachable(_))), "{gone:?}");
    let silent = open(&[(60_000, HEAD)], StreamLimits { first: MOMENT, ..LIMITS }).await;
    assert_eq!(silent.err(), Some(CallError::TooSlow(200)));
}

#[tokio::test]
async fn a_redirect_is_an_answer_whose_body_is_bounded() {
    let answer = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 5\r\n\r\nabcde";
    let (address, asked) = serve(move |mut stream, _| async move {
        stream.write_all(answer.as_bytes()).await.ok();
    })
    .await;
    let transport = Transport::new(Reach::Anyone);
    let mut stream = transport.stream(post(&format!("http://{address}/")), LIMITS).await.unwrap();
    assert_eq!((stream.status, stream.rest(3).await), (302, b"abc".to_vec()));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn a_request_does_not_show_its_secrets() {
    let mut call = post("http://example.com/secret");
    call.headers.push(("authorization".into(), "secret".into()));
    assert_eq!(format!("{call:?}"), "Call { method: \"POST\", .. }");
}

/// So many pieces of 64 KiB.
struct Pieces(u64);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
        self.0 = left;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[7; 64 << 10])))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0 * (64 << 10))
    }
}

const PIECES: u64 = 512;

fn put(url: String) -> Request<Pieces> {
    Request::put(url).body(Pieces(PIECES)).unwrap()
}

/// Takes 32 MiB, with a rest after each MiB, and says how many bytes came.
async fn take(mut stream: TcpStream, head: String, rest: Duration) {
    assert!(head.starts_with("PUT / HTTP/1.1\r\n") && head.contains("content-length: 33554432\r\n"), "{head}");
    let first = head.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
    let (mut left, mut piece) = (PIECES as usize * (64 << 10) - first, vec![0; 1 << 20]);
    while left > 0 {
        let most = left.min(piece.len());
        left -= stream.read_exact(&mut piece[..most]).await.unwrap();
        sleep(rest).await;
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.ok();
}

#[tokio::test]
async fn a_body_that_is_taken_slowly_is_no_silence() {
    let (address, _) = serve(|stream, head| take(stream, head, Duration::from_millis(25))).await;
    let limits = StreamLimits { first: Duration::from_millis(400), ..LIMITS };
    let answer = Transport::new(Reach::Anyone).relay(put(format!("http://{address}/")), limits).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ok");
}

#[tokio::test]
async fn a_body_that_nobody_takes_is_given_up() {
    let (address, _) = serve(|stream, _| async move {
        sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let limits = StreamLimits { first: MOMENT, ..LIMITS };
    let sent = Transport::new(Reach::Anyone).relay(put(format!("http://{address}/")), limits).await;
    assert_eq!(sent.map(|_| ()), Err(CallError::TooSlow(200)));
}

#[tokio::test]
async fn an_answer_to_a_relayed_request_is_bounded() {
    let relay = async |parts: Parts, limits| {
        let (address, _) = serve(move |stream, _| say(stream, parts)).await;
        let request = Request::get(format!("http://{address}/")).body(Pieces(0)).unwrap();
        Transport::new(Reach::Anyone).relay(request, limits).await.unwrap().into_body().collect().await.map(|_| ())
    };
    let halts: Parts = &[(0, HEAD), (0, "2\r\nab\r\n"), (60_000, "")];
    let silent = relay(halts, StreamLimits { idle: MOMENT, ..LIMITS }).await;
    assert_eq!(silent, Err(StreamError::Silent(200)));
    let slow = relay(halts, StreamLimits { total: MOMENT, ..LIMITS }).await;
    assert_eq!(slow, Err(StreamError::TooSlow(200)));
    let long = relay(&[(0, HEAD), (0, "2\r\nab\r\n2\r\ncd\r\n")], StreamLimits { bytes: 3, ..LIMITS }).await;
    assert_eq!(long, Err(StreamError::TooLong(3)));
    let broken = relay(&[(0, HEAD), (0, "2\r\nab\r\n")], LIMITS).await;
    assert!(matches!(broken, Err(StreamError::Broken(_))), "{broken:?}");
}

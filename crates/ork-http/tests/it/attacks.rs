//! The numbers are those of the attack catalogue: what is refused, and what is bounded.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ork_http::{Answer, Call, CallError, Egress, Limits, Reach, Resolve, Resolving, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LIMITS: Limits = Limits { time: Duration::from_secs(5), bytes: 1_000 };

/// Says for each question the next answer, and the last one for ever.
struct Names(Mutex<Vec<Vec<IpAddr>>>);

impl Resolve for Names {
    fn resolve(&self, _: &str) -> Resolving {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Box::pin(async move { Ok(answer) })
    }
}

fn names(answers: &[&[&str]]) -> Arc<Names> {
    let parsed = answers.iter().map(|all| all.iter().map(|one| one.parse().unwrap()).collect());
    Arc::new(Names(Mutex::new(parsed.collect())))
}

fn guarded(allow: &str) -> Transport {
    Transport::new(Reach::Public(allow.parse().unwrap()))
}

pub fn post(url: &str) -> Call {
    Call { method: "POST".into(), url: url.into(), headers: Vec::new(), body: b"{}".to_vec() }
}

/// Somebody who answers everybody, and counts them.
pub async fn serve<F: Future<Output = ()> + Send>(
    answer: impl Fn(TcpStream, String) -> F + Send + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut head = vec![0; 8_192];
            let read = stream.read(&mut head).await.unwrap();
            head.truncate(read);
            answer(stream, String::from_utf8(head).unwrap()).await;
        }
    });
    (address, asked)
}

async fn ok(mut stream: TcpStream, _: String) {
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.ok();
}

async fn refused(transport: &Transport, url: &str) -> String {
    match transport.call(post(url), LIMITS).await {
        Err(CallError::Refused(why)) => why,
        other => panic!("{url}: {other:?}"),
    }
}

/// 16: addresses that are not public are refused before anything is connected to.
#[tokio::test]
async fn a_private_address_is_not_connected_to() {
    let (address, asked) = serve(ok).await;
    let port = address.port();
    let transport = guarded("");
    let addresses = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://LOCALHOST:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://[::ffff:7f00:1]:{port}/"),
        format!("http://[64:ff9b::7f00:1]:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://017700000001:{port}/"),
        format!("http://0x7f000001:{port}/"),
        format!("http://127.1:{port}/"),
        "http://169.254.169.254/latest/meta-data/".into(),
        "http://10.0.0.1/".into(),
        "http://100.64.0.1/".into(),
        "http://192.168.0.1/".into(),
        "http://[fc00::1]/".into(),
        "http://[fe80::1]/".into(),
        "https://[fd00:ec2::254]/".into(),
    ];
    for url in &addresses {
        refused(&transport, url).await;
    }
    // A resolver may know it or not; it leads nowhere in any case.
    assert!(transport.call(post(&format!("http://localhost.:{port}/")), LIMITS).await.is_err());
    let metadata = Transport::with_resolver(Reach::Public(Egress::default()), names(&[&["169.254.169.254"]]));
    assert!(refused(&metadata, "http://metadata.google.internal/").await.contains("metadata"));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    // What is named is reached.
    let named = guarded(&format!("127.0.0.1:{port}"));
    assert_eq!(named.call(post(&addresses[0]), LIMITS).await.unwrap().body, b"ok");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

/// 17: a name that means something else at the second look, and one that is half public.
#[tokio::test]
async fn a_name_cannot_change_its_meaning() {
    let (address, asked) = serve(ok).await;
    let url = format!("http://rebind.example.com:{}/", address.port());
    for mixed in
        [["1.1.1.1", "127.0.0.1"], ["127.0.0.1", "1.1.1.1"], ["2606:4700::1111", "::1"], ["1.1.1.1", "::ffff:7f00:1"]]
    {
        let transport = Transport::with_resolver(Reach::Public(Egress::default()), names(&[&mixed]));
        refused(&transport, &url).await;
    }
    // Allowed at first, and private afterwards: each call is resolved and checked, and no connection is kept.
    let transport =
        Transport::with_resolver(Reach::Public("127.0.0.1".parse().unwrap()), names(&[&["127.0.0.1"], &["127.0.0.2"]]));
    assert_eq!(transport.call(post(&url), LIMITS).await.unwrap().status, 200);
    assert!(refused(&transport, &url).await.contains("127.0.0.2"));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

/// 18: redirects, other schemes, names and passwords, ports of other protocols.
#[tokio::test]
async fn a_redirect_is_an_answer_and_no_way() {
    let (inner, reached) = serve(ok).await;
    let (outer, _) = serve(move |mut stream, _| async move {
        let to = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{inner}/\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(to.as_bytes()).await.unwrap();
    })
    .await;
    let transport = guarded("127.0.0.0/8");
    let answer = transport.call(post(&format!("http://{outer}/")), LIMITS).await.unwrap();
    assert_eq!((answer.status, reached.load(Ordering::SeqCst)), (307, 0));
    for url in [
        "gopher://a/",
        "file:///etc/passwd",
        "ftp://a/",
        "http://ada:pw@a/",
        "http://127.0.0.1:25/",
        "http://127.0.0.1:6379/",
    ] {
        refused(&transport, url).await;
    }
}

/// 19: nothing of a caller's gets into the head of a request.
#[tokio::test]
async fn a_line_cannot_be_broken() {
    let transport = guarded("127.0.0.1");
    for url in ["http://127.0.0.1/\r\nx: y", "http://127.0.0.1/\0", "http://127.0.0.1/\n"] {
        refused(&transport, url).await;
    }
    for (name, value) in [("x", "a\r\nb: c"), ("x", "a\0"), ("x\r\ny", "a"), ("", "a"), ("a b", "c")] {
        let call = Call { headers: vec![(name.into(), value.into())], ..post("http://127.0.0.1/") };
        assert!(matches!(transport.call(call, LIMITS).await, Err(CallError::Refused(_))), "{name:?}: {value:?}");
    }
    let call = Call { method: "GET / HTTP/1.1\r\n".into(), ..post("http://127.0.0.1/") };
    assert!(matches!(transport.call(call, LIMITS).await, Err(CallError::Refused(_))));
}

/// 20: an answer without end, one that drips, one that says nothing, and one that would be large once it is unpacked.
#[tokio::test]
async fn an_answer_is_bounded_in_bytes_and_in_time() {
    let transport = guarded("127.0.0.1");
    let call = |address: SocketAddr, ms| {
        let limits = Limits { time: Duration::from_millis(ms), ..LIMITS };
        let transport = transport.clone();
        async move { transport.call(post(&format!("http://{address}/")), limits).await }
    };
    let (endless, _) = serve(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while stream.write_all(&[b'x'; 1 << 16]).await.is_ok() {}
    })
    .await;
    let Answer { body, is_cut, .. } = call(endless, 60_000).await.unwrap();
    assert_eq!((body.len(), is_cut), (1_000, true));
    let (dripping, _) = serve(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n").await.unwrap();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let Answer { status, is_cut, .. } = call(dripping, 300).await.unwrap();
    assert_eq!((status, is_cut), (200, true), "what was said before counts");
    let (silent, _) = serve(|stream, _| async move {
        let _open = stream;
        std::future::pending().await
    })
    .await;
    assert_eq!(call(silent, 200).await, Err(CallError::TooSlow(200)));
    // Nothing is asked to be compressed, and what is comes as it is.
    let (packed, _) = serve(|mut stream, head| async move {
        assert!(!head.to_lowercase().contains("accept-encoding"), "{head}");
        let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&[0x1f, 0x8b, 8, 0]).await.unwrap();
    })
    .await;
    assert_eq!(call(packed, 5_000).await.unwrap().body, [0x1f, 0x8b, 8, 0]);
    // A head without end.
    let (head, _) = serve(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
        while stream.write_all(format!("x: {}\r\n", "y".repeat(1_000)).as_bytes()).await.is_ok() {}
    })
    .await;
    assert!(matches!(call(head, 60_000).await, Err(CallError::Unreachable(_))));
}

/// 21: a proxy that a variable names is not used. Played in a process of its own, because variables belong to the whole one.
#[tokio::test]
async fn a_proxy_of_the_environment_is_not_used() {
    let (proxy, through) = serve(ok).await;
    let (server, asked) = serve(ok).await;
    let exe = std::env::current_exe().unwrap();
    let played = tokio::task::spawn_blocking(move || {
        let mut command = std::process::Command::new(exe);
        command.args(["--exact", "attacks::ask_with_a_proxy"]);
        command.env("ORK_TEST_URL", format!("http://{server}/"));
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env(name, format!("http://{proxy}"));
        }
        command.output().unwrap()
    });
    let output = played.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!((through.load(Ordering::SeqCst), asked.load(Ordering::SeqCst)), (0, 1));
}

/// Played by the test above, with proxies in its environment; by itself it has nobody to ask.
#[tokio::test]
async fn ask_with_a_proxy() {
    let Ok(url) = std::env::var("ORK_TEST_URL") else { return };
    assert_eq!(guarded("127.0.0.1").call(post(&url), LIMITS).await.unwrap().status, 200);
}

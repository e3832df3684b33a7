//! What only a store of objects does, and what becomes of requests that it does not answer well.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ork_core::blobs::{BlobError, Blobs, Expected, LinkUse};
use ork_http::{Call, Limits, Reach, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::moto::Moto;
use crate::site::{Outside, Pieces, Site, bytes, key, variables};

const QUICKLY: Duration = Duration::from_secs(15);

fn at(endpoint: &str) -> Arc<dyn Blobs> {
    ork_blobs::open_with(&format!("s3://bucket/some?endpoint={endpoint}"), &variables()).unwrap()
}

#[tokio::test]
async fn what_a_dead_process_left_goes_with_its_key() {
    let Some(site) = Site::bucket().await else { return };
    let Outside::Bucket(moto, bucket) = &site.outside else { return };
    for name in ["a", "a", "ab"] {
        moto.ask("POST", &format!("/{bucket}/some/where/w/r/{name}?uploads"), b"").await;
    }
    assert_eq!(site.kept().await.len(), 3);
    site.blobs.remove(&key("a")).await.unwrap();
    assert_eq!(site.kept().await, ["some/where/w/r/ab"], "a neighbour's upload goes on");
}

#[tokio::test]
async fn links_carry_bytes_past_the_server() {
    let Some(site) = Site::bucket().await else { return };
    let http = Transport::new(Reach::Anyone);
    let limits = Limits { time: QUICKLY, bytes: 1 << 20 };
    let call = |method: &str, url: String, body: &[u8]| Call {
        method: method.into(),
        url,
        headers: vec![],
        body: body.into(),
    };
    let put = site.blobs.link(&key("a"), LinkUse::Put, 60).await.unwrap().unwrap();
    assert!(put.contains("X-Amz-Signature=") && put.contains("X-Amz-Expires=60"), "{put}");
    assert_eq!(http.call(call("PUT", put, b"linked"), limits).await.unwrap().status, 200);
    assert_eq!(site.read(&key("a"), None).await.unwrap(), b"linked");
    let get = site.blobs.link(&key("a"), LinkUse::Get, 60).await.unwrap().unwrap();
    assert_eq!(http.call(call("GET", get, b""), limits).await.unwrap().body, b"linked");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_said_to_be_none() {
    let Some(moto) = Moto::find() else { return };
    moto.bucket().await;
    let none = ork_blobs::open_with(&format!("s3://none?endpoint={}", moto.endpoint), &variables()).unwrap();
    assert_eq!(none.check().await, Err(BlobError::Unavailable("there is no bucket `none`".into())));
}

#[tokio::test]
async fn nobody_there_is_said_quickly() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let blobs = at(&format!("http://{closed}"));
    let size = timeout(QUICKLY, blobs.size(&key("a"))).await.unwrap();
    assert!(matches!(&size, Err(BlobError::Unavailable(why)) if why.contains("refused")), "{size:?}");
    let put = timeout(QUICKLY, blobs.put(&key("a"), &mut Pieces::of(b"abc"), &Expected::default())).await.unwrap();
    assert!(matches!(put, Err(BlobError::Unavailable(_))), "{put:?}");
    assert!(timeout(QUICKLY, blobs.check()).await.unwrap().is_err());
}

/// Answers each request with the next head, and the last one for ever; counts them.
async fn scripted(heads: &[&str]) -> (String, Arc<AtomicUsize>) {
    let heads: Vec<String> = heads.iter().map(|head| format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n")).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let n = counter.fetch_add(1, Ordering::SeqCst);
            let mut head = vec![0; 16_384];
            let taken = stream.read(&mut head).await.unwrap();
            assert!(taken > 0, "a connection without a request");
            stream.write_all(heads[n.min(heads.len() - 1)].as_bytes()).await.ok();
        }
    });
    (endpoint, asked)
}

const FOUND: &str = "200 OK\r\ncontent-length: 3\r\netag: \"a\"\r\nlast-modified: Thu, 01 Jan 2026 00:00:00 GMT";

#[tokio::test]
async fn trouble_that_passes_is_waited_out_a_few_times() {
    let (endpoint, asked) = scripted(&["500 No", "503 Slow Down\r\ncontent-length: 0", FOUND]).await;
    assert_eq!(timeout(QUICKLY, at(&endpoint).size(&key("a"))).await.unwrap(), Ok(Some(3)));
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn trouble_that_stays_is_told_after_four_requests() {
    for head in
        ["500 No\r\ncontent-length: 0", "503 Slow Down\r\ncontent-length: 0", "429 Too Many\r\ncontent-length: 0"]
    {
        let (endpoint, asked) = scripted(&[head]).await;
        let (blobs, key, mut bytes, expected) = (at(&endpoint), key("a"), Pieces::of(b"abc"), Expected::default());
        let put = timeout(QUICKLY, blobs.put(&key, &mut bytes, &expected)).await.unwrap();
        assert!(matches!(put, Err(BlobError::Unavailable(_))), "{head}: {put:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 4, "{head}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_repeated_and_says_where_credentials_come_from() {
    let (endpoint, asked) = scripted(&["403 Forbidden\r\ncontent-length: 0"]).await;
    let size = at(&endpoint).size(&key("a")).await;
    assert!(matches!(&size, Err(BlobError::Unavailable(why)) if why.contains("AWS_ACCESS_KEY_ID")), "{size:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let (elsewhere, reached) = scripted(&[FOUND]).await;
    let head = format!("307 Elsewhere\r\nlocation: {elsewhere}/\r\ncontent-length: 0");
    let (endpoint, asked) = scripted(&[&head]).await;
    let size = timeout(QUICKLY, at(&endpoint).size(&key("a"))).await.unwrap();
    assert!(matches!(size, Err(BlobError::Unavailable(_))), "{size:?}");
    assert_eq!((asked.load(Ordering::SeqCst), reached.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test]
async fn an_open_line_must_be_named() {
    let (endpoint, asked) = scripted(&[FOUND]).await;
    let mut variables = variables();
    variables.insert("AWS_ENDPOINT_URL".into(), endpoint);
    // Named by the variable that other programs know, too.
    let blobs = ork_blobs::open_with("s3://bucket", &variables).unwrap();
    assert_eq!(blobs.size(&key("a")).await, Ok(Some(3)));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let said = ork_blobs::open_with("s3://bucket?endpoint=ftp://host", &variables).map(|_| ()).unwrap_err();
    assert!(said.contains("neither"), "{said}");
    variables.remove("AWS_SECRET_ACCESS_KEY");
    let said = ork_blobs::open_with("s3://bucket", &variables).map(|_| ()).unwrap_err();
    assert!(said.contains("credentials come from AWS_ACCESS_KEY_ID") && !said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn what_breaks_off_goes_on_where_it_was() {
    let Some(site) = Site::bucket().await else { return };
    let whole = bytes(2_000_000);
    site.put(&key("a"), &whole).await.unwrap();
    let Outside::Bucket(moto, bucket) = &site.outside else { return };
    let server = moto.endpoint.strip_prefix("http://").unwrap().to_owned();
    // A line to moto that is cut after so many bytes, once.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let line = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut allowed = 700_000_u64;
        while let Ok((near, _)) = listener.accept().await {
            let far = tokio::net::TcpStream::connect(&server).await.unwrap();
            let (mut near_in, mut near_out) = near.into_split();
            let (far_in, mut far_out) = far.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut near_in, &mut far_out).await.ok() });
            tokio::io::copy(&mut far_in.take(allowed), &mut near_out).await.ok();
            allowed = u64::MAX;
        }
    });
    let blobs = ork_blobs::open_with(&format!("s3://{bucket}/some/where?endpoint={line}"), &variables()).unwrap();
    let read = crate::site::drain(blobs.get(&key("a"), None).await.unwrap());
    assert!(timeout(QUICKLY, read).await.unwrap().unwrap() == whole);
}

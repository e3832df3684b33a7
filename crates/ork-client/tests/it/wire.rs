//! Time and memory are bounded, whatever comes.

use std::time::Duration;

use ork_client::{Client, ClientError, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a client of a server makes of what it says to everybody.
async fn asked<F: Future<Output = ()> + Send>(
    timeout_ms: u64,
    answer: impl Fn(TcpStream) -> F + Send + 'static,
) -> (String, bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The request is small, and comes whole.
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            answer(stream).await;
        }
    });
    let options = Options { timeout: Duration::from_millis(timeout_ms), ..Options::default() };
    let client = Client::new(address.parse().unwrap(), options).unwrap();
    let error: ClientError = client.version().await.unwrap_err();
    serving.abort();
    (error.to_string().replace(&address, "URL"), error.is_transient())
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for_for_ever() {
    let (message, is_transient) = asked(200, |stream| async move {
        let _open = stream;
        std::future::pending().await
    })
    .await;
    assert_eq!((message.as_str(), is_transient), ("failed to reach `URL`: no whole answer within 200 ms", true));
}

/// Each piece comes in time, and the whole never would.
#[tokio::test]
async fn who_says_it_slowly_is_not_waited_for_for_ever() {
    let (message, is_transient) = asked(300, |mut stream| async move {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!((message.as_str(), is_transient), ("failed to reach `URL`: no whole answer within 300 ms", true));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_it() {
    let (message, is_transient) = asked(60_000, |mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n").await.unwrap();
        while stream.write_all(&[b' '; 1 << 16]).await.is_ok() {}
    })
    .await;
    let expected = "`URL` does not answer as a server of Ork: the answer is over 64 MiB";
    assert_eq!((message.as_str(), is_transient), (expected, false));
}

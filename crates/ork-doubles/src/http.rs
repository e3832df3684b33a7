//! As much of HTTP/1.1 as a server needs that wants to break it at any place.

use std::collections::BTreeMap;
use std::io;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// Bytes of a request's head and of its body.
const HEAD_BYTES_MAX: u64 = 64 << 10;
const BODY_BYTES_MAX: usize = 16 << 20;

/// A whole request.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Reads a request; what follows it is left in the reader.
pub async fn read(socket: &mut BufReader<impl AsyncRead + Unpin>) -> io::Result<Request> {
    let mut head = socket.take(HEAD_BYTES_MAX);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if head.read_line(&mut line).await? == 0 {
            return Err(io::Error::other("the request's head does not come to its end"));
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut words = lines.first().map(|line| line.split(' ')).into_iter().flatten();
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (method, path) = (word(), word());
    let named = lines.iter().skip(1).filter_map(|line| line.split_once(':'));
    let headers: BTreeMap<String, String> =
        named.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let length =
        headers.get("content-length").map_or(Ok(0), |length| length.parse::<usize>()).map_err(io::Error::other)?;
    if length > BODY_BYTES_MAX {
        return Err(io::Error::other("the request's body is too long"));
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await?;
    Ok(Request { method, path, headers, body })
}

/// Writes a whole answer in JSON.
pub async fn answer(
    socket: &mut (impl AsyncWrite + Unpin),
    status: u16,
    headers: &BTreeMap<String, String>,
    body: &Value,
) -> io::Result<()> {
    let body = body.to_string();
    let own = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    let text = format!("{}{own}\r\n{body}", head(status, headers));
    socket.write_all(text.as_bytes()).await?;
    socket.flush().await
}

/// Writes the head of an answer that comes in chunks.
pub async fn begin(socket: &mut (impl AsyncWrite + Unpin), headers: &BTreeMap<String, String>) -> io::Result<()> {
    let text = format!("{}transfer-encoding: chunked\r\n\r\n", head(200, headers));
    socket.write_all(text.as_bytes()).await?;
    socket.flush().await
}

/// Writes a chunk; an empty one ends the answer.
pub async fn chunk(socket: &mut (impl AsyncWrite + Unpin), text: &str) -> io::Result<()> {
    socket.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await?;
    socket.flush().await
}

fn head(status: u16, headers: &BTreeMap<String, String>) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} Status\r\nconnection: close\r\n{headers}")
}

//! A client that sends bytes as they are, and a server to send them to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use serde_json::Value;

use crate::home::{Background, Home};

/// How often and for how long a server is waited for.
const LOOKS_MAX: u32 = 3_000;
const LOOK: Duration = Duration::from_millis(10);

/// A running `ork serve`.
pub struct Server {
    pub process: Background,
    pub port: u16,
}

/// What was answered.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Server {
    /// Starts one on a free port.
    pub fn start(home: &Home, options: &str) -> Self {
        Self::begin(home, &format!("serve {options}"))
    }

    /// Starts it by this command.
    pub fn begin(home: &Home, command: &str) -> Self {
        Self::begin_at(home, 0, command)
    }

    /// Starts it on this port.
    pub fn begin_at(home: &Home, port: u16, command: &str) -> Self {
        let mut process = home.start(format!("{} --listen 127.0.0.1:{port}", command.trim_end()).as_str());
        let line = process.wait_for("ready: http://");
        let port = line.split("127.0.0.1:").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
        Self { process, port }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", "")
    }

    /// Sends JSON. `headers` end in line breaks.
    pub fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        self.send("POST", path, &format!("content-type: application/json\r\n{headers}"), body)
    }

    pub fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let host = format!("127.0.0.1:{}", self.port);
        let length = body.len();
        self.raw(
            format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
                .as_bytes(),
        )
    }

    /// Sends bytes, and reads what comes until the connection is closed.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        Self::talk(self.connect(), bytes)
    }

    /// Sends a request from another address of this machine.
    pub fn send_from(&self, from: [u8; 4], method: &str, path: &str, headers: &str) -> Answer {
        let stream = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&stream, &SocketAddr::from((from, 0))).unwrap();
        connect(&stream, &SocketAddr::from(([127, 0, 0, 1], self.port))).unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n{headers}\r\n", self.port);
        Self::talk(TcpStream::from(stream), request.as_bytes())
    }

    fn talk(mut stream: TcpStream, bytes: &[u8]) -> Answer {
        // The last request of its connection.
        let end = bytes.windows(2).position(|two| two == b"\r\n").map_or(bytes.len(), |at| at + 2);
        stream.write_all(&bytes[..end]).unwrap();
        stream.write_all(b"connection: close\r\n").unwrap();
        stream.write_all(&bytes[end..]).unwrap();
        let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
        loop {
            let read = stream.read(&mut piece).unwrap();
            answer.extend_from_slice(&piece[..read]);
            let text = String::from_utf8_lossy(&answer);
            // A stream of events has no end.
            if read == 0 || text.contains("content-type: text/event-stream\r\n") && text.contains("\r\n\r\n") {
                break;
            }
        }
        Answer::read(&String::from_utf8_lossy(&answer))
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }
}

/// Waits until somebody listens on a port: a server that was killed is started again.
pub fn is_up(port: u16) {
    let is_up = (0..LOOKS_MAX).any(|_| {
        let is_up = TcpStream::connect(("127.0.0.1", port)).is_ok();
        if !is_up {
            std::thread::park_timeout(LOOK);
        }
        is_up
    });
    assert!(is_up, "nobody listens on {port}");
}

impl Answer {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let is_chunked = head.contains("transfer-encoding: chunked");
        let body = if is_chunked { unchunked(body) } else { body.to_owned() };
        Self { status, head: head.to_owned(), body }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.head, self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Status, kind and body, as a page would show them.
    pub fn shown(&self) -> String {
        let kind = self.header("content-type").unwrap_or("nothing");
        let body = match kind.contains("json") {
            true => format!("{:#}", self.json()),
            false => self.body.trim_end().to_owned(),
        };
        format!("{} {kind}\n{body}\n", self.status)
    }

    /// Status, code and what is wrong, in a line.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}\n{}", self.head, self.body);
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut line = format!("{} {}: {}", self.status, text(&problem["code"]), text(&problem["detail"]));
        if let Some(hint) = problem["hint"].as_str() {
            line += &format!(" ({hint})");
        }
        for fault in problem["errors"].as_array().into_iter().flatten() {
            let (line_of, column) = (&fault["line"], &fault["column"]);
            let hint = fault["hint"].as_str().map(|hint| format!(" ({hint})")).unwrap_or_default();
            line += &format!("\n    {} {line_of}:{column} {}{hint}", text(&fault["pointer"]), text(&fault["message"]));
        }
        line
    }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        whole += rest.get(..size).unwrap_or_default();
        body = rest.get(size + 2..).unwrap_or_default();
    }
    whole
}

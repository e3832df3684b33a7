//! One `ork serve` of its own, and what a client of it sees.
#![allow(clippy::disallowed_methods, reason = "it waits for real processes")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fleet::Request;
use crate::kills::Place;

/// How long it may take until it can work.
const READY: Duration = Duration::from_secs(60);
/// How long it may be silent while something is expected of it.
const SILENCE: Duration = Duration::from_secs(60);

/// A server, until it is dropped.
pub(crate) struct Serving {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16, String> {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    Ok(address.map_err(text)?.port())
}

impl Serving {
    /// Starts one, and waits until it says that it can work.
    pub(crate) fn start(place: &Place, options: &[&str]) -> Result<Self, String> {
        let port = free_port()?;
        let log = place.folder.join(format!("serve-{port}.log"));
        let file = File::create(&log).map_err(text)?;
        let mut command = place.command(&["serve", "--listen", &format!("127.0.0.1:{port}")]);
        command.args(options).stdin(Stdio::null()).stderr(file.try_clone().map_err(text)?).stdout(file);
        let mut serving = Self { child: command.spawn().map_err(text)?, port, log };
        let began = Instant::now();
        while !Request::get("/readyz").send(port).is_ok_and(|answer| answer.status == 200) {
            let ended = serving.child.try_wait().map_err(text)?;
            if ended.is_some() || began.elapsed() > READY {
                return Err(format!("`ork serve` is not ready: {ended:?}\n{}", serving.said()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(serving)
    }

    /// What it wrote.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn connect(&self) -> Result<TcpStream, String> {
        let socket = TcpStream::connect(("127.0.0.1", self.port)).map_err(text)?;
        socket.set_nodelay(true).map_err(text)?;
        socket.set_read_timeout(Some(SILENCE)).map_err(text)?;
        Ok(socket)
    }

    /// Sends a request that must be carried out; its answer.
    pub(crate) fn ask(&self, request: &Request<'_>) -> Result<Value, String> {
        let answer = request.send(self.port).map_err(text)?;
        let Request { method, path, .. } = request;
        let is_good = (200..300).contains(&answer.status);
        if is_good { Ok(answer.body) } else { Err(format!("{method} {path}: {} {}", answer.status, answer.body)) }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, String> {
        self.ask(&Request::get(path))
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Result<Value, String> {
        self.ask(&Request { method: "POST", path, headers: "", body })
    }

    /// Submits a plan; the run's id.
    pub(crate) fn submit(&self, plan: &Value) -> Result<String, String> {
        self.submit_with("", plan)
    }

    /// Submits a plan with this token.
    pub(crate) fn submit_as(&self, token: &str, plan: &Value) -> Result<String, String> {
        self.submit_with(&format!("authorization: Bearer {token}\r\n"), plan)
    }

    fn submit_with(&self, headers: &str, plan: &Value) -> Result<String, String> {
        let body = json!({ "plan": plan }).to_string();
        let answer = self.ask(&Request { method: "POST", path: "/api/v1/runs", headers, body: &body })?;
        answer["id"].as_str().map(str::to_owned).ok_or_else(|| answer.to_string())
    }

    /// A stream of a run's events.
    pub(crate) fn follow(&self, run: &str) -> Result<BufReader<TcpStream>, String> {
        let mut socket = self.connect()?;
        let head =
            format!("GET /api/v1/events/stream?topics=run:{run} HTTP/1.0\r\nhost: localhost:{}\r\n\r\n", self.port);
        socket.write_all(head.as_bytes()).map_err(text)?;
        let mut reader = BufReader::new(socket);
        until(&mut reader, |line| line.starts_with("retry: "))?;
        Ok(reader)
    }
}

/// Reads lines until one is as wanted.
pub(crate) fn until(reader: &mut impl BufRead, is_wanted: impl Fn(&str) -> bool) -> Result<(), String> {
    let mut line = String::new();
    while !is_wanted(&line) {
        line.clear();
        if reader.read_line(&mut line).map_err(text)? == 0 {
            return Err("the stream ended".into());
        }
    }
    Ok(())
}

pub(crate) fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

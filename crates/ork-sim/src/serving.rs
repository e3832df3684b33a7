//! One `ork serve` of its own, and what a client of it sees.
#![allow(clippy::disallowed_methods, reason = "it waits for real processes")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ork_core::clock::Timestamp;
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

/// How long something takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch(Instant);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn ms(self) -> f64 {
        self.seconds() * 1e3
    }

    pub(crate) fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// Lets so many milliseconds pass.
pub(crate) fn rest(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// What the clock says, in nanoseconds since 1970.
pub(crate) fn now_ns() -> Result<u128, String> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH).map_err(text)?.as_nanos())
}

/// Some days ago.
pub(crate) fn days_ago(days: u64) -> Result<Timestamp, String> {
    let then = SystemTime::now().checked_sub(Duration::from_secs(days * 24 * 3_600)).ok_or("no such day")?;
    let micros = then.duration_since(UNIX_EPOCH).map_err(text)?.as_micros();
    i64::try_from(micros).map(Timestamp::from_micros).map_err(text)
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16, String> {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    Ok(address.map_err(text)?.port())
}

impl Serving {
    /// Starts one, and waits until it says that it can work.
    pub(crate) fn start(place: &Place, options: &[&str]) -> Result<Self, String> {
        Self::start_with(place, options, &[])
    }

    /// As [`Self::start`], with more variables.
    pub(crate) fn start_with(place: &Place, options: &[&str], variables: &[(&str, &str)]) -> Result<Self, String> {
        let port = free_port()?;
        let log = place.folder.join(format!("serve-{port}.log"));
        let file = File::create(&log).map_err(text)?;
        let mut command = place.command(&["serve", "--listen", &format!("127.0.0.1:{port}")]);
        command
            .args(options)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stderr(file.try_clone().map_err(text)?)
            .stdout(file);
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

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port that it listens on.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Result<TcpStream, String> {
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

    pub(crate) fn patch(&self, path: &str, body: &str) -> Result<Value, String> {
        self.ask(&Request { method: "PATCH", path, headers: "", body })
    }

    /// The status with which a request without a body is answered.
    pub(crate) fn status(&self, path: &str) -> Result<u16, String> {
        Request::get(path).send(self.port).map(|answer| answer.status).map_err(text)
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
        self.submit_body(headers, &json!({ "plan": plan }))
    }

    /// Submits what `POST /runs` takes; the run's id.
    pub(crate) fn submit_body(&self, headers: &str, body: &Value) -> Result<String, String> {
        let body = body.to_string();
        let answer = self.ask(&Request { method: "POST", path: "/api/v1/runs", headers, body: &body })?;
        answer["id"].as_str().map(str::to_owned).ok_or_else(|| answer.to_string())
    }

    /// Submits a task of this priority, and waits for its end. Milliseconds from before the request to the moment that the
    /// process itself reads from its clock, and those of the request.
    pub(crate) fn time_start(&self, priority: i32) -> Result<(f64, f64), String> {
        let plan = json!({"tasks": {"a": {"command": ["date", "+%s%N"], "output": "stdout"}}});
        let body = json!({"plan": plan, "priority": priority});
        let (began, watch) = (SystemTime::now(), Watch::start());
        let run = self.submit_body("", &body)?;
        let request_ms = watch.ms();
        let tasks = loop {
            rest(20);
            let tasks = self.get(&format!("/api/v1/runs/{run}/tasks"))?;
            if tasks["items"][0]["finished_at"].is_string() {
                break tasks;
            }
            if watch.ms() > SILENCE.as_secs_f64() * 1e3 {
                return Err(format!("it is not over: {tasks}"));
            }
        };
        let task = tasks["items"][0]["id"].as_str().unwrap_or_default();
        let task = self.get(&format!("/api/v1/tasks/{task}"))?;
        let output = task["output"].as_str().or(task["output"]["stdout"].as_str()).unwrap_or_default();
        let at: u128 = output.trim().parse().map_err(|_| format!("no time: {task}"))?;
        let began = began.duration_since(UNIX_EPOCH).map_err(text)?.as_nanos();
        #[allow(clippy::cast_precision_loss, reason = "milliseconds")]
        let start_ms = at.saturating_sub(began) as f64 / 1e6;
        Ok((start_ms, request_ms))
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

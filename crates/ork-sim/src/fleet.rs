//! Real nodes of one PostgreSQL: `ork serve` and `ork worker` processes that are killed and started again, and what an
//! HTTP client sees of them.
#![allow(clippy::disallowed_methods, reason = "it times and waits for real processes")]

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ork_core::clock::SeededEntropy;
use serde_json::Value;

use crate::kills::{Database, Place};
use crate::serving::free_port;

/// The pipe by which PostgreSQL is stopped and started: `stop`, `start` or `restart`, each as sudden as a crash.
const CONTROL_VARIABLE: &str = "ORK_TEST_POSTGRES_CONTROL";
/// How long a server may take to answer before the next one is asked.
const ANSWER: Duration = Duration::from_secs(5);

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `ork serve`, at this port.
    Server(u16),
    /// `ork worker`.
    Worker,
    /// `ork worker` on a host of another name: only the age of its heartbeat tells that it is dead.
    WorkerElsewhere,
}

/// One node, through all of its lives.
pub struct Node {
    kind: Kind,
    name: String,
    log: PathBuf,
    child: Option<Child>,
}

/// All nodes, and a place for them.
pub struct Fleet {
    /// Where they work.
    pub(crate) place: Place,
    database: Database,
    nodes: Vec<Node>,
    control: PathBuf,
    capacity: String,
    next: usize,
    /// Nodes that ended by themselves and were started again, because the database was away when they began.
    pub ended_by_themselves: u32,
}

/// An answer of a server.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The lines before the body.
    pub head: String,
    /// The body.
    pub body: Value,
}

impl Fleet {
    /// Starts servers and workers on a fresh database, the last worker on another host.
    ///
    /// # Errors
    /// When the database cannot be made, or PostgreSQL cannot be stopped from here.
    pub fn start(ork: &Path, base: &str, shape: (usize, usize, usize), seed: u64) -> Result<Self, String> {
        let (servers, workers, capacity) = shape;
        let control = std::env::var(CONTROL_VARIABLE).map_err(|_| format!("{CONTROL_VARIABLE} is not set"))?;
        let database = Database::Postgres(base.into());
        let place = Place::new(ork, &database, 2_000_000 + seed)?;
        let mut fleet = Self {
            place,
            database,
            nodes: Vec::new(),
            control: control.into(),
            capacity: capacity.to_string(),
            next: 0,
            ended_by_themselves: 0,
        };
        for _ in 0..servers {
            fleet.add(Kind::Server(free_port()?))?;
        }
        for number in 0..workers {
            fleet.add(if number + 1 == workers { Kind::WorkerElsewhere } else { Kind::Worker })?;
        }
        Ok(fleet)
    }

    fn add(&mut self, kind: Kind) -> Result<(), String> {
        let name = format!("n{}", self.nodes.len());
        let log = self.place.folder.join(format!("{name}.log"));
        self.nodes.push(Node { kind, name, log, child: None });
        self.revive(self.nodes.len() - 1)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Kills a node where it stands.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self, number: usize) -> Result<(), String> {
        let Some(mut child) = self.nodes[number].child.take() else { return Ok(()) };
        // It may have ended by itself a moment ago.
        let _ = child.kill();
        child.wait().map(drop).map_err(|e| e.to_string())
    }

    /// Starts a node that is down.
    ///
    /// # Errors
    /// When there is no process to be had.
    pub fn revive(&mut self, number: usize) -> Result<(), String> {
        let node = &self.nodes[number];
        let mut arguments = match node.kind {
            Kind::Server(port) => vec!["serve".into(), "--listen".into(), format!("127.0.0.1:{port}")],
            Kind::Worker | Kind::WorkerElsewhere => vec!["worker".into()],
        };
        arguments.extend(["--capacity".into(), self.capacity.clone(), "--name".into(), node.name.clone()]);
        let plain = self.place.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let mut command = if node.kind == Kind::WorkerElsewhere { elsewhere(&plain) } else { plain };
        let log = OpenOptions::new().create(true).append(true).open(&node.log).map_err(|e| e.to_string())?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.nodes[number].child = Some(command.spawn().map_err(|e| format!("failed to start ork: {e}"))?);
        Ok(())
    }

    /// Starts again whatever ended by itself, as a supervisor does.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn tend(&mut self) -> Result<(), String> {
        for number in 0..self.nodes.len() {
            let ended = self.nodes[number].child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(Some(_))));
            if ended {
                self.ended_by_themselves += 1;
                self.nodes[number].child = None;
                self.revive(number)?;
            }
        }
        Ok(())
    }

    /// Stops or starts PostgreSQL: `stop`, `start`, `restart`.
    ///
    /// # Errors
    /// When nobody reads the pipe.
    pub fn postgres(&self, word: &str) -> Result<(), String> {
        let pipe = OpenOptions::new().write(true).open(&self.control);
        pipe.and_then(|mut pipe| writeln!(pipe, "{word}")).map_err(|e| format!("`{}`: {e}", self.control.display()))
    }

    /// Asks the servers in turn until one answers.
    ///
    /// # Errors
    /// When none does in time.
    pub fn ask(&mut self, request: &Request<'_>, patience: Duration) -> Result<Answer, String> {
        let ports: Vec<u16> = self.nodes.iter().filter_map(|node| node.port()).collect();
        let until = Instant::now() + patience;
        loop {
            self.next = (self.next + 1) % ports.len().max(1);
            match request.send(ports[self.next]) {
                Ok(answer) => return Ok(answer),
                Err(error) if Instant::now() > until => return Err(format!("no server answers: {error}")),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
            self.tend()?;
        }
    }

    /// What the nodes said, for whoever looks for the reason of a failure.
    #[must_use]
    pub fn said(&self) -> String {
        let end = |node: &Node| {
            let text = fs::read_to_string(&node.log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            format!("{}:\n{}\n", node.name, lines[lines.len().saturating_sub(20)..].join("\n"))
        };
        self.nodes.iter().map(end).collect()
    }

    /// Ends all nodes, and removes what they left.
    pub fn remove(mut self) {
        for number in 0..self.nodes.len() {
            let _ = self.kill(number);
        }
        self.place.remove(&self.database);
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for number in 0..self.nodes.len() {
            let _ = self.kill(number);
        }
    }
}

impl Node {
    const fn port(&self) -> Option<u16> {
        match self.kind {
            Kind::Server(port) => Some(port),
            Kind::Worker | Kind::WorkerElsewhere => None,
        }
    }
}

/// The same command on a host of another name.
fn elsewhere(plain: &Command) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--uts", "sh", "-c", "hostname elsewhere && exec \"$0\" \"$@\""]);
    command.arg(plain.get_program()).args(plain.get_args()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// A request of a client that is in no hurry.
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The path with its query.
    pub path: &'a str,
    /// More headers, each with its line break.
    pub headers: &'a str,
    /// JSON, or nothing.
    pub body: &'a str,
}

impl<'a> Request<'a> {
    /// A request without a body.
    #[must_use]
    pub const fn get(path: &'a str) -> Self {
        Self { method: "GET", path, headers: "", body: "" }
    }

    pub(crate) fn send(&self, port: u16) -> std::io::Result<Answer> {
        let Self { method, path, headers, body } = self;
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n{headers}\r\n{body}"
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        // A server that was killed in the middle of its answer has given none.
        let broken = || std::io::Error::other("half an answer");
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(broken)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
        let is_json = head.to_lowercase().contains("json");
        let body = if is_json { serde_json::from_str(body).map_err(|_| broken())? } else { body.into() };
        Ok(Answer { status, head: head.to_owned(), body })
    }
}

/// Chooses a number below `limit`.
pub fn choose(dice: &mut SeededEntropy, limit: usize) -> usize {
    usize::try_from(dice.below(limit.max(1) as u64)).unwrap_or_default()
}

/// Reads what was appended to a file since the last time.
pub struct Tail {
    path: PathBuf,
    at: u64,
}

impl Tail {
    /// From the beginning.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path, at: 0 }
    }

    /// The whole lines that came since.
    pub fn lines(&mut self) -> Vec<String> {
        use std::io::{Seek, SeekFrom};
        let Ok(mut file) = File::open(&self.path) else { return Vec::new() };
        let mut text = Vec::new();
        if file.seek(SeekFrom::Start(self.at)).and_then(|_| file.read_to_end(&mut text)).is_err() {
            return Vec::new();
        }
        let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.at += end as u64;
        String::from_utf8_lossy(&text[..end]).lines().map(str::to_owned).collect()
    }
}

//! What uploads cost a server: large artifacts up and down through S3's protocol, with its memory watched, and many uploads at once
//! beside a full load of tasks. All bytes are read back and compared by their SHA-256.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use ork_core::checksum::Checksum;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::figures::Figures;
use crate::fleet::Request;
use crate::kills::{Database, Place};
use crate::load::{Load, SLOTS, TASK_SECONDS, Turns};
use crate::serving::{Serving, Watch, free_port, rest, text};

/// Bytes of one large artifact.
const LARGE_BYTES: u64 = 256 << 20;
/// Large ones that are under way at once.
const LARGE_AT_ONCE: u64 = 4;
/// Memory that they may take beyond that of a server at rest, in MiB.
const LARGE_MEMORY_MAX: f64 = 64.0;
/// Memory that each of many uploads may take, in MiB.
const MEMORY_EACH_MAX: f64 = 1.0;
/// Bytes that are written and read at once.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces of the largest of many uploads.
const PIECES_MAX: u64 = 16;
/// How long an answer may take: the server of S3's protocol does one thing after the other.
const ANSWER: Duration = Duration::from_secs(900);
/// How long the server of S3's protocol may take to start, in milliseconds.
const START_MS: f64 = 60_000.0;
const BUCKET: &str = "/artifacts";

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// MiB of large artifacts, all together.
    pub mebibytes: u64,
    /// Uploads at once.
    pub uploads: u64,
    /// Starts of tasks that are measured without uploads. Beside them there are as many as there is time for.
    pub starts: u64,
}

/// Measures it: on SQLite with a folder, on PostgreSQL with S3's protocol.
///
/// # Errors
/// When bytes are lost or others, an upload is refused, or memory grows with them.
pub fn prove(ork: &Path, base: &str, size: Size) -> Result<Value, String> {
    let (files, mut figures) = (more_files()?, Figures::default());
    let mut facts = json!({
        "mebibytes": size.mebibytes, "large_mebibytes": LARGE_BYTES >> 20, "large_at_once": LARGE_AT_ONCE,
        "uploads": size.uploads, "slots": SLOTS, "load_task_seconds": TASK_SECONDS, "files_max": files,
    });
    for database in [Database::Sqlite, Database::Postgres(base.into())] {
        let place = Place::new(ork, &database, 8_000_000)?;
        let word = database.word();
        // Large ones go to S3 on both; many small ones to the folder beside SQLite, and to S3 beside PostgreSQL.
        let s3 = S3::start()?;
        let mut found = large(&mut figures, &at_s3(&place, &s3)?, word, size)?;
        let server = match database {
            Database::Sqlite => Serving::start(&place, &["--capacity", SLOTS])?,
            Database::Postgres(_) => at_s3(&place, &s3)?,
        };
        found["at_once"] = many(&mut figures, &server, word, size)?;
        drop(server);
        place.say(&["doctor"])?;
        facts[word] = found;
        place.remove(&database);
    }
    figures.verdict("every byte came and went, in bounded memory, doctor clean", facts)
}

/// As many open files as this user may have: each upload is a connection.
fn more_files() -> Result<Option<u64>, String> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).map_err(text)?;
    Ok(limit.maximum)
}

fn at_s3(place: &Place, s3: &S3) -> Result<Serving, String> {
    let url = format!("s3:/{BUCKET}/proof?endpoint=http://127.0.0.1:{}", s3.port);
    // It believes everybody, but nobody asks without a name.
    let names = [("AWS_ACCESS_KEY_ID", "ada"), ("AWS_SECRET_ACCESS_KEY", "none"), ("AWS_REGION", "us-east-1")];
    Serving::start_with(place, &["--capacity", SLOTS, "--artifacts", &url], &names)
}

/// A server of S3's protocol, until it is dropped.
struct S3 {
    child: Child,
    port: u16,
}

impl S3 {
    fn start() -> Result<Self, String> {
        let program = std::env::var("ORK_TEST_S3").map_err(|_| "ORK_TEST_S3 does not name `moto_server`")?;
        let port = free_port()?;
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        // Parts go to files, and not into its memory.
        command.env("MOTO_S3_DEFAULT_KEY_BUFFER_SIZE", "65536");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let own = Self { child: command.spawn().map_err(text)?, port };
        let watch = Watch::start();
        let make = Request { method: "PUT", path: BUCKET, headers: "", body: "" };
        while !make.send(port).is_ok_and(|answer| answer.status == 200) {
            if watch.ms() > START_MS {
                return Err("moto does not start".into());
            }
            rest(50);
        }
        Ok(own)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A field of what the kernel says of a process, in MiB.
fn memory(pid: u32, field: &str) -> Result<f64, String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(text)?;
    let found =
        status.lines().find_map(|line| line.strip_prefix(field)?.split_whitespace().next()?.parse::<f64>().ok());
    Ok(found.ok_or_else(|| format!("no {field}"))? / 1024.0)
}

/// A run to put artifacts beside.
fn run(server: &Serving) -> Result<String, String> {
    server.submit(&json!({"tasks": {"a": {"command": ["true"]}}}))
}

fn large(figures: &mut Figures, server: &Serving, word: &str, size: Size) -> Result<Value, String> {
    let run = run(server)?;
    // What only the first one needs is no part of it.
    Upload { number: 0, bytes: 1 << 20 }.go(server, &run, || {})?;
    let idle = memory(server.pid(), "VmRSS:")?;
    let count = (size.mebibytes << 20).div_ceil(LARGE_BYTES).div_ceil(LARGE_AT_ONCE) * LARGE_AT_ONCE;
    let watch = Watch::start();
    for round in 0..count / LARGE_AT_ONCE {
        let each = |n| Upload { number: round * LARGE_AT_ONCE + n, bytes: LARGE_BYTES };
        at_once((0..LARGE_AT_ONCE).map(each), |upload| upload.go(server, &run, || {}))?;
    }
    let (seconds, most) = (watch.seconds(), memory(server.pid(), "VmHWM:")?);
    let what = format!("memory over idle, {LARGE_AT_ONCE} × 256 MiB at once through S3, {word}");
    figures.note(&what, "MiB", Some(most - idle), (None, Some(LARGE_MEMORY_MAX)));
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let rate = (count * LARGE_BYTES) as f64 / f64::from(1 << 20) / seconds;
    figures.note(&format!("up and down through S3, {word}"), "MiB/s", Some(rate), (None, None));
    Ok(json!({"large_uploads": count, "large_seconds": seconds.round(), "idle_mebibytes": idle.round()}))
}

fn many(figures: &mut Figures, server: &Serving, word: &str, size: Size) -> Result<Value, String> {
    let run = run(server)?;
    Upload { number: 0, bytes: 1 << 20 }.go(server, &run, || {})?;
    let (load, mut turns) = (Load::default(), Turns::default());
    let (idle, seconds) = load.beside(server, || {
        turns.without.push(load.measure(server, |count| Ok(count as u64 >= size.starts))?);
        let idle = memory(server.pid(), "VmRSS:")?;
        // All of them have begun before one goes on.
        let (all, watch) = (Barrier::new(usize::try_from(size.uploads).map_err(text)?), Watch::start());
        let each = |number| Upload { number, bytes: (number % PIECES_MAX + 1) * PIECE_BYTES as u64 + number };
        thread::scope(|scope| {
            let storm = scope.spawn(|| {
                at_once((0..size.uploads).map(each), |upload| {
                    upload.go(server, &run, || {
                        all.wait();
                    })
                })
            });
            turns.with.push(load.measure(server, |_| Ok(storm.is_finished()))?);
            storm.join().map_err(|_| "a panic")?
        })?;
        Ok((idle, watch.seconds()))
    })?;
    let most = memory(server.pid(), "VmHWM:")?;
    turns.note(figures, (word, "uploads"), [(0.5, None), (0.99, None)]);
    figures.note(&format!("all uploads, written and read back, {word}"), "s", Some(seconds), (None, None));
    #[allow(clippy::cast_precision_loss, reason = "a share")]
    let share = (most - idle) / size.uploads.max(1) as f64;
    figures.note(
        &format!("memory over idle for each upload at once, {word}"),
        "MiB",
        Some(share),
        (None, Some(MEMORY_EACH_MAX)),
    );
    let listed = server.get(&format!("/api/v1/runs/{run}/artifacts?limit=1"))?;
    if listed["items"].as_array().is_none_or(Vec::is_empty) {
        return Err(format!("no artifact is listed: {listed}"));
    }
    Ok(turns.counts())
}

/// Does something with all of them at once; the first error.
fn at_once(
    uploads: impl Iterator<Item = Upload>,
    act: impl Fn(Upload) -> Result<(), String> + Sync,
) -> Result<(), String> {
    thread::scope(|scope| {
        let act = &act;
        let begin = |upload| thread::Builder::new().stack_size(512 << 10).spawn_scoped(scope, move || act(upload));
        let threads: Vec<_> = uploads.map(begin).collect::<Result<_, _>>().map_err(text)?;
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a panic")?)
    })
}

/// Bytes that are made as they are sent.
#[derive(Debug, Clone, Copy)]
struct Upload {
    number: u64,
    bytes: u64,
}

impl Upload {
    /// Sends it, with something in its middle, and reads it back.
    fn go(self, server: &Serving, run: &str, in_between: impl FnOnce()) -> Result<(), String> {
        let (mut socket, port) = (server.connect()?, server.port());
        let path = format!("/api/v1/runs/{run}/artifacts?name=proof/{}", self.number);
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\ncontent-type: application/octet-stream\r\n\
             content-length: {}\r\n\r\n",
            self.bytes
        );
        socket.write_all(head.as_bytes()).map_err(text)?;
        let (mut sum, mut left, mut in_between) = (Checksum::new(), self.bytes, Some(in_between));
        while left > 0 {
            let piece = self.piece(sum.size(), left);
            socket.write_all(&piece).map_err(text)?;
            sum.update(&piece);
            left -= piece.len() as u64;
            if left <= self.bytes / 2
                && let Some(act) = in_between.take()
            {
                act();
            }
        }
        let (status, body) = answer(socket)?;
        let mut told = String::new();
        body.take(1 << 20).read_to_string(&mut told).map_err(text)?;
        let artifact: Value = serde_json::from_str(&told).map_err(|_| format!("{path}: {status} {told}"))?;
        let checksum = sum.finish();
        if status != 201 || artifact["checksum"] != *checksum || artifact["size"] != self.bytes {
            return Err(format!("{path}: {status} {artifact}, and {} bytes of {checksum} were sent", self.bytes));
        }
        let id = artifact["id"].as_str().unwrap_or_default();
        self.read_back(server, id, &checksum)
    }

    fn read_back(self, server: &Serving, id: &str, checksum: &str) -> Result<(), String> {
        let (mut socket, port) = (server.connect()?, server.port());
        let path = format!("/api/v1/artifacts/{id}/content");
        let head = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n");
        socket.write_all(head.as_bytes()).map_err(text)?;
        let (status, mut body) = answer(socket)?;
        let (mut sum, mut piece) = (Checksum::new(), vec![0; PIECE_BYTES]);
        loop {
            match body.read(&mut piece).map_err(text)? {
                0 => break,
                read => sum.update(&piece[..read]),
            }
        }
        let (size, found) = (sum.size(), sum.finish());
        if status != 200 || size != self.bytes || found != checksum {
            return Err(format!(
                "{path}: {status}, {size} bytes of {found}, and {} of {checksum} were kept",
                self.bytes
            ));
        }
        Ok(())
    }

    /// The next bytes: no two pieces of all uploads are alike.
    fn piece(self, at: u64, left: u64) -> Vec<u8> {
        let size = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let mut state = (self.number << 40 | at).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut piece = Vec::with_capacity(size + 8);
        while piece.len() < size {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            piece.extend(state.to_le_bytes());
        }
        piece.truncate(size);
        piece
    }
}

/// The status, and what comes after the head: its end is the end of the connection.
fn answer(socket: TcpStream) -> Result<(u16, BufReader<TcpStream>), String> {
    socket.set_read_timeout(Some(ANSWER)).map_err(text)?;
    let mut reader = BufReader::new(socket);
    let (mut line, mut status) = (String::new(), None);
    loop {
        line.clear();
        if reader.read_line(&mut line).map_err(text)? == 0 {
            return Err("the server said nothing".into());
        }
        status = status.or_else(|| line.split(' ').nth(1)?.parse().ok());
        if line == "\r\n" {
            return Ok((status.ok_or("no status")?, reader));
        }
    }
}

//! `stream --rounds N`: how soon an event reaches a client after its commit, and how soon a process starts after its submit,
//! over real sockets and with the real `ork serve`. 50 clients read along. The last line is the verdict as JSON.
//!
//! Events are measured from the moment before the request that causes them is sent: the commit is a part of it, so what is
//! found is more than what is asked for. How long the request itself takes is the floor. A round is 200 events and 20
//! submits.
#![allow(clippy::disallowed_methods, reason = "it times real processes")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Clients that read the same events.
const CLIENTS: usize = 50;
const EVENTS: u64 = 200;
const SUBMITS: u64 = 20;
/// What is asked for.
const EVENT_P99_MS: f64 = 20.0;
const START_P50_MS: f64 = 10.0;

type Found<T> = Result<T, String>;

fn main() -> ExitCode {
    ork_sim::rounds::main(5, prove)
}

fn prove(rounds: u64) -> Found<Value> {
    let ork = PathBuf::from(std::env::var("ORK_BIN").map_err(|_| "ORK_BIN does not name the `ork` to be measured")?);
    let url = std::env::var("ORK_TEST_POSTGRES_URL").map_err(|_| "ORK_TEST_POSTGRES_URL is not set")?;
    let home = std::env::temp_dir().join(format!("ork-stream-{}", std::process::id()));
    std::fs::create_dir_all(&home).map_err(text)?;
    let measured = measure_all(&ork, &home, &url, rounds.max(1));
    std::fs::remove_dir_all(&home).ok();
    let (figures, missed) = measured?;
    let verdict = json!({
        "verdict": if missed == 0 { "events and processes come in time" } else { "MISSED" },
        "clients": CLIENTS,
        "events_each": rounds * EVENTS,
        "submits_each": rounds * SUBMITS,
        "figures": figures,
    });
    if missed == 0 { Ok(verdict) } else { Err(verdict.to_string()) }
}

fn measure_all(ork: &Path, home: &Path, url: &str, rounds: u64) -> Found<(Vec<Value>, usize)> {
    let mut figures = Figures::default();
    {
        let server = Server::start(ork, home, &format!("sqlite:{}", home.join("ork.db").display()))?;
        figures.events("sqlite, the same server", &server, &server, rounds)?;
        figures.starts("sqlite", &server, rounds)?;
    }
    let (cluster, _) = url.rsplit_once('/').ok_or("the URL names no database")?;
    let name = format!("ork_stream_{}", std::process::id());
    psql(url, &format!("CREATE DATABASE {name}"))?;
    let own = format!("{cluster}/{name}");
    let measured = (|| {
        let migrated = command(ork, home, &own).args(["db", "migrate"]).stderr(Stdio::null()).status().map_err(text)?;
        if !migrated.success() {
            return Err(format!("`ork db migrate` ended with {migrated}"));
        }
        let server = Server::start(ork, home, &own)?;
        figures.events("postgres, the same server", &server, &server, rounds)?;
        figures.starts("postgres", &server, rounds)?;
        let other = Server::start(ork, home, &own)?;
        figures.events("postgres, another server", &server, &other, rounds)
    })();
    psql(url, &format!("DROP DATABASE {name} WITH (FORCE)"))?;
    measured.map(|()| (figures.shown, figures.missed))
}

fn psql(url: &str, statement: &str) -> Found<()> {
    let status = Command::new("psql").args([url, "-qc", statement]).status().map_err(text)?;
    if status.success() { Ok(()) } else { Err(format!("`{statement}` failed: {status}")) }
}

fn command(ork: &Path, home: &Path, database: &str) -> Command {
    let mut command = Command::new(ork);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home).env("ORK_DATABASE_URL", database);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Server {
    fn start(ork: &Path, home: &Path, database: &str) -> Found<Self> {
        let mut serve = command(ork, home, database);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--capacity", "4"]).stderr(Stdio::piped());
        let mut child = serve.spawn().map_err(text)?;
        let mut said = BufReader::new(child.stderr.take().ok_or("no stderr")?);
        let mut all = String::new();
        let port = loop {
            let mut line = String::new();
            if said.read_line(&mut line).map_err(text)? == 0 {
                return Err(format!("`ork serve` ended: {all}"));
            }
            all += &line;
            let port = line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok());
            if let Some(port) = port.filter(|_| line.contains("ready")) {
                break port;
            }
        };
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Ok(Self { child, port })
    }

    fn connect(&self) -> Found<TcpStream> {
        let socket = TcpStream::connect(("127.0.0.1", self.port)).map_err(text)?;
        socket.set_nodelay(true).map_err(text)?;
        socket.set_read_timeout(Some(Duration::from_secs(60))).map_err(text)?;
        Ok(socket)
    }

    /// Sends a request and reads the answer's body.
    fn ask(&self, method: &str, path: &str, body: &str) -> Found<Value> {
        let mut socket = self.connect()?;
        let length = body.len();
        let request = format!(
            "{method} /api/v1{path} HTTP/1.0\r\nhost: localhost:{}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}",
            self.port
        );
        socket.write_all(request.as_bytes()).map_err(text)?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).map_err(text)?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        serde_json::from_str(body).map_err(|error| format!("{method} {path}: {error}: {answer}"))
    }

    fn submit(&self, plan: &Value) -> Found<String> {
        let answer = self.ask("POST", "/runs", &json!({ "plan": plan }).to_string())?;
        answer["id"].as_str().map(str::to_owned).ok_or_else(|| answer.to_string())
    }

    /// A stream of a run's events.
    fn follow(&self, run: &str) -> Found<BufReader<TcpStream>> {
        let mut socket = self.connect()?;
        let request =
            format!("GET /api/v1/events/stream?topics=run:{run} HTTP/1.0\r\nhost: localhost:{}\r\n\r\n", self.port);
        socket.write_all(request.as_bytes()).map_err(text)?;
        let mut reader = BufReader::new(socket);
        until(&mut reader, |line| line.starts_with("retry: "))?;
        Ok(reader)
    }
}

/// Reads lines until one is as wanted.
fn until(reader: &mut impl BufRead, is_wanted: impl Fn(&str) -> bool) -> Found<()> {
    let mut line = String::new();
    while !is_wanted(&line) {
        line.clear();
        if reader.read_line(&mut line).map_err(text)? == 0 {
            return Err("the stream ended".into());
        }
    }
    Ok(())
}

#[derive(Default)]
struct Figures {
    shown: Vec<Value>,
    missed: usize,
}

impl Figures {
    /// Events that `from` causes, as 50 clients of `to` see them: the slowest of them counts.
    fn events(&mut self, what: &str, from: &Server, to: &Server, rounds: u64) -> Found<()> {
        let run = from.submit(&json!({"tasks": {"a": {"operation": "nobody"}}}))?;
        let mut readers = (0..CLIENTS).map(|_| to.follow(&run)).collect::<Found<Vec<_>>>()?;
        let (mut firsts, mut lasts, mut floor) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..rounds * EVENTS {
            let (ask, event) = if n % 2 == 0 { ("pause", "run.paused") } else { ("resume", "run.resumed") };
            std::thread::sleep(Duration::from_millis(3));
            let began = Instant::now();
            std::thread::scope(|scope| {
                let asking = scope.spawn(|| {
                    from.ask("POST", &format!("/runs/{run}/{ask}"), "").map(|_| began.elapsed().as_secs_f64() * 1e3)
                });
                for (at, reader) in readers.iter_mut().enumerate() {
                    until(reader, |line| line.strip_prefix("event: ").is_some_and(|word| word.trim_end() == event))?;
                    let took = began.elapsed().as_secs_f64() * 1e3;
                    if at == 0 {
                        firsts.push(took);
                    } else if at == CLIENTS - 1 {
                        lasts.push(took);
                    }
                }
                floor.push(asking.join().map_err(|_| "a panic")??);
                Ok::<(), String>(())
            })?;
        }
        self.note(
            &format!("request to event, {what}, p50"),
            quantile(&mut firsts, 0.5),
            quantile(&mut floor, 0.5),
            None,
        );
        let floor = quantile(&mut floor, 0.99);
        self.note(&format!("request to event, {what}, p99"), quantile(&mut firsts, 0.99), floor, Some(EVENT_P99_MS));
        let what = format!("request to event at the last of {CLIENTS} clients, {what}, p99");
        self.note(&what, quantile(&mut lasts, 0.99), floor, None);
        Ok(())
    }

    /// From before a submit is sent to the moment that the process itself reads from its clock.
    fn starts(&mut self, what: &str, server: &Server, rounds: u64) -> Found<()> {
        let plan = json!({"tasks": {"a": {"command": ["date", "+%s%N"], "output": "stdout"}}});
        let (mut starts, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..rounds * SUBMITS {
            let (began, asked) = (SystemTime::now(), Instant::now());
            let run = server.submit(&plan)?;
            floor.push(asked.elapsed().as_secs_f64() * 1e3);
            let tasks = loop {
                std::thread::sleep(Duration::from_millis(20));
                let tasks = server.ask("GET", &format!("/runs/{run}/tasks"), "")?;
                if tasks["items"][0]["finished_at"].is_string() {
                    break tasks;
                }
            };
            let task = tasks["items"][0]["id"].as_str().unwrap_or_default();
            let task = server.ask("GET", &format!("/tasks/{task}"), "")?;
            let output = task["output"].as_str().or(task["output"]["stdout"].as_str()).unwrap_or_default();
            let at: u128 = output.trim().parse().map_err(|_| format!("no time: {task}"))?;
            let began = began.duration_since(UNIX_EPOCH).map_err(text)?.as_nanos();
            #[allow(clippy::cast_precision_loss, reason = "milliseconds")]
            starts.push(at.saturating_sub(began) as f64 / 1e6);
        }
        let floor = quantile(&mut floor, 0.5);
        self.note(
            &format!("idle submit to process, {what}, p50"),
            quantile(&mut starts, 0.5),
            floor,
            Some(START_P50_MS),
        );
        self.note(&format!("idle submit to process, {what}, p99"), quantile(&mut starts, 0.99), floor, None);
        Ok(())
    }

    fn note(&mut self, what: &str, value: f64, floor: f64, target: Option<f64>) {
        let verdict = match target {
            Some(target) if value > target => "MISSED",
            Some(_) => "met",
            None => "",
        };
        self.missed += usize::from(verdict == "MISSED");
        let target_shown = target.map_or(String::new(), |target| format!("at most {target} ms"));
        println!("{what:70} {value:8.2} ms   floor {floor:6.2} ms   {target_shown} {verdict}");
        self.shown.push(json!({
            "what": what, "unit": "ms", "value": round(value), "floor": round(floor), "target": target, "verdict": verdict,
        }));
    }
}

fn round(ms: f64) -> f64 {
    (ms * 100.0).round() / 100.0
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place in a list"
)]
fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = ((values.len() as f64 - 1.0) * q).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}

fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

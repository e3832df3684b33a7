//! W12: the API of a server whose database holds a million finished runs, and the memory that it takes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::Size;
use crate::latency::many_at_once;
use crate::measure::{Figure, memory_mib, quantile};
use crate::world::{Kind, World, noop};

/// What a page may take.
const PAGE_P99_MS: f64 = 20.0;
/// What ten times as many runs may take of memory beyond the first.
const MORE_MIB: f64 = 10.0;

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
    fn start(world: &World) -> Result<Self> {
        let ork = std::env::var("ORK_BIN").context("ORK_BIN is not set: use `cargo xtask bench`")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(ork);
        command.args(["serve", "--capacity", "1", "--queues", "nobody", "--listen", &format!("127.0.0.1:{port}")]);
        command.env("HOME", world.folder()).env("ORK_DATABASE_URL", world.database_url());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let server = Self { child, port };
        let began = Instant::now();
        while !server.ask("GET", "/readyz", "").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            ensure!(began.elapsed() < Duration::from_secs(60), "the server is not ready");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// The whole answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> Result<String> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.set_nodelay(true)?;
        let (port, length) = (self.port, body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n");
        socket.write_all(
            format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes(),
        )?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Milliseconds of some requests that must succeed.
    fn times(&self, count: u32, method: &str, path: &str, body: &str) -> Result<Vec<f64>> {
        let mut times = Vec::new();
        for _ in 0..count {
            let began = Instant::now();
            let answer = self.ask(method, path, body)?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
            ensure!(answer.starts_with("HTTP/1.1 20"), "{method} {path}: {answer}");
        }
        Ok(times)
    }
}

/// W12: pages beside more and more finished runs, each of them run through.
pub async fn served(kind: Kind, size: Size) -> Result<Vec<Figure>> {
    let world = Arc::new(World::new(kind).await?);
    let engine = world.engine(noop(), 256, "noop").await?;
    let asks = size.of(300, 5);
    let (mut figures, mut memories, mut filled) = (Vec::new(), Vec::new(), 0);
    for runs in [size.of(10_000, 20), size.of(100_000, 200), size.of(1_000_000, 400)] {
        many_at_once(&world, runs - filled, 1).await?;
        filled = runs;
        let server = Server::start(&world)?;
        let first = server.ask("GET", "/api/v1/runs?limit=1", "")?;
        let id = first.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).context("a run")?.to_owned();
        let plan = r#"{"plan": {"tasks": {"a": {"operation": "noop"}}}}"#;
        let is_last = runs == size.of(1_000_000, 400);
        for (what, method, path, body, target) in [
            ("POST /runs", "POST", "/api/v1/runs", plan, None),
            ("GET /runs", "GET", "/api/v1/runs", "", Some(PAGE_P99_MS)),
            ("GET /runs, a filter", "GET", "/api/v1/runs?q=status:success", "", None),
            ("GET /runs/{id}", "GET", &*format!("/api/v1/runs/{id}"), "", Some(PAGE_P99_MS)),
        ] {
            let times = server.times(asks, method, path, body)?;
            for q in [0.5, 0.99] {
                let what = format!("{what}, {runs} finished runs, p{}", q * 100.0);
                let figure = Figure::new("W12", kind.word(), what, "ms").values(vec![quantile(&times, q)]);
                let wanted = target.filter(|_| is_last && q > 0.5);
                figures.push(if let Some(target) = wanted { figure.at_most(target) } else { figure });
            }
        }
        let memory = memory_mib(&server.child.id().to_string()).context("it lives")?;
        figures
            .push(Figure::new("W12", kind.word(), format!("memory, {runs} finished runs"), "MiB").values(vec![memory]));
        memories.push(memory);
    }
    engine.drain(Duration::from_secs(10)).await.map_err(anyhow::Error::msg)?;
    let more = |what: &str, value| Figure::new("W12", kind.word(), what, "MiB").values(vec![value]).at_most(MORE_MIB);
    figures.push(more("memory, 100,000 runs beyond 10,000", memories[1] - memories[0]));
    figures.push(more("memory, 1,000,000 runs beyond 10,000", memories[2] - memories[0]));
    Ok(figures)
}

//! W8: a steady load beside a reader that never ends, which keeps the database from clearing up behind it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ork_core::id::RunId;
use ork_engine::{Executors, Handlers};
use tokio_postgres::NoTls;

use crate::Size;
use crate::measure::{Figure, quantile};
use crate::throughput::fan;
use crate::world::{Kind, World};

/// Tasks a second, and in how many runs they come.
const TASKS: u32 = 1_000;
const RUNS: u32 = 50;

/// When a run was submitted, and how long each task that began then took to, by the second.
#[derive(Default)]
struct Seen {
    submitted: HashMap<RunId, Instant>,
    starts: Vec<Vec<f64>>,
}

/// Something that has read and goes on for as long as it is kept.
enum Reader {
    Sqlite(#[allow(dead_code, reason = "it is kept")] rusqlite::Connection),
    Postgres(#[allow(dead_code, reason = "it is kept")] tokio_postgres::Client),
}

impl Reader {
    async fn open(world: &World) -> Result<Self> {
        match world.kind {
            Kind::Sqlite => {
                let connection = rusqlite::Connection::open(world.url())?;
                connection.execute_batch("BEGIN")?;
                connection.query_row("SELECT count(*) FROM runs", [], |row| row.get::<_, i64>(0))?;
                Ok(Self::Sqlite(connection))
            }
            Kind::Postgres => {
                let (client, connection) = tokio_postgres::connect(world.url(), NoTls).await?;
                tokio::spawn(connection);
                client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM workspaces").await?;
                Ok(Self::Postgres(client))
            }
        }
    }
}

/// W8: how soon tasks start in the first and in the last minute.
pub async fn steady(kind: Kind, size: Size) -> Result<Vec<Figure>> {
    let (seconds, window) = (size.of(600, 4), size.of(60, 1) as usize);
    let world = World::new(kind).await?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (begin, handler) = (Instant::now(), Arc::clone(&seen));
    let handlers = Handlers::default().with("noop", move |context| {
        let mut seen = handler.lock().expect("no panic while it was held");
        if let Some(submitted) = seen.submitted.get(&context.task.run) {
            let took = submitted.elapsed().as_secs_f64() * 1e3;
            let second = submitted.duration_since(begin).as_secs() as usize;
            if seen.starts.len() <= second {
                seen.starts.resize(second + 1, Vec::new());
            }
            seen.starts[second].push(took);
        }
        async { Ok(None) }
    });
    let engine = world.engine(Executors { handlers, ..Executors::default() }, 64, "noop").await?;
    let _reader = Reader::open(&world).await?;
    let mut every = tokio::time::interval(Duration::from_secs(1) / RUNS);
    for _ in 0..seconds * RUNS {
        every.tick().await;
        let new = world.run(fan(TASKS / RUNS));
        seen.lock().expect("no panic while it was held").submitted.insert(new.id, Instant::now());
        world.store.submit(&new).await?;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    engine.drain(Duration::from_secs(10)).await.map_err(anyhow::Error::msg)?;
    let seen = seen.lock().expect("no panic while it was held");
    let p99 = |part: &[Vec<f64>]| quantile(&part.concat(), 0.99);
    let (first, last) =
        (p99(seen.starts.get(..window).context("a start")?), p99(&seen.starts[seen.starts.len() - window..]));
    let begun: usize = seen.starts.iter().map(Vec::len).sum();
    anyhow::ensure!(begun as u32 >= seconds * TASKS, "{begun} tasks began: the load was not carried");
    let figure = |what: &str, unit, value| Figure::new("W8", kind.word(), what, unit).values(vec![value]);
    let mut figures = vec![
        figure("submit to start p99, first minute", "ms", first),
        figure("submit to start p99, last minute", "ms", last),
        figure("submit to start p99, last minute / first", "×", last / first).at_most(3.0),
        figure("tasks begun", "tasks", begun as f64),
    ];
    if kind == Kind::Sqlite {
        let wal = std::fs::metadata(format!("{}-wal", world.url()))?.len();
        figures.push(figure("write-ahead log at the end, reader open", "MiB", wal as f64 / 1048576.0));
    }
    Ok(figures)
}

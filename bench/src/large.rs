//! W9 and W10: with a million finished tasks, and with nothing to do.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ork_core::store::{RunFilter, Scope, TaskFilter};

use crate::Size;
use crate::latency::starts;
use crate::measure::{Figure, cpu_of, memory_mib, quantile};
use crate::throughput::{fan, run_through};
use crate::world::{Kind, World, noop};

/// What is measured before and after.
struct Probe {
    drain: f64,
    start: f64,
    list: f64,
    detail: f64,
}

async fn probe(world: &World, count: u32) -> Result<Probe> {
    let drain = run_through(world, fan(count), count).await?.rate;
    let start = quantile(&starts(world, Arc::clone(&world.store), 100).await?, 0.5);
    let newest = RunFilter { limit: 50, ..RunFilter::default() };
    let run = world.store.runs(Scope::All, &newest).await?.first().context("a run")?.id;
    let (mut lists, mut details) = (Vec::new(), Vec::new());
    for _ in 0..50 {
        let begin = Instant::now();
        world.store.runs(Scope::All, &newest).await?;
        lists.push(begin.elapsed().as_secs_f64() * 1e3);
        let begin = Instant::now();
        world.store.run(Scope::All, run).await?;
        world.store.groups(Scope::All, run).await?;
        world.store.tasks(Scope::All, run, &TaskFilter { limit: 200, ..TaskFilter::default() }).await?;
        details.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Probe { drain, start, list: quantile(&lists, 0.5), detail: quantile(&details, 0.5) })
}

/// W9: the same work in an empty database and beside a million finished tasks.
pub async fn finished(kind: Kind, size: Size) -> Result<Vec<Figure>> {
    let world = World::new(kind).await?;
    let (count, fill) = (size.of(50_000, 500), size.of(100_000, 1_000));
    let before = probe(&world, count).await?;
    for _ in 0..size.of(10, 2) {
        run_through(&world, fan(fill), fill).await?;
    }
    let after = probe(&world, count).await?;
    let ratio = |what: &str, value: f64| {
        Figure::new("W9", kind.word(), format!("{what}, 1,000,000 finished / empty"), "×")
            .values(vec![value])
            .at_most(1.2)
    };
    Ok(vec![
        ratio("drain time", before.drain / after.drain),
        ratio("submit to start", after.start / before.start),
        ratio("list page", after.list / before.list),
        ratio("detail page", after.detail / before.detail),
        Figure::new("W9", kind.word(), "list page of 50", "ms").values(vec![after.list]),
        Figure::new("W9", kind.word(), "detail page", "ms").values(vec![after.detail]),
    ])
}

/// W10: an engine with nothing to do, in a process of its own.
pub async fn idle(kind: Kind, size: Size) -> Result<Vec<Figure>> {
    let seconds = size.of(60, 3);
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--idle", kind.word()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut ready = [0_u8; 1];
    child.stdout.as_mut().context("its stdout")?.read_exact(&mut ready)?;
    let pid = child.id().to_string();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let cpu = cpu_of(&pid, false).context("it lives")?;
    tokio::time::sleep(Duration::from_secs(u64::from(seconds))).await;
    let used = (cpu_of(&pid, false).context("it lives")? - cpu) * 1e3 * 60.0 / f64::from(seconds);
    let memory = memory_mib(&pid).context("it lives")?;
    drop(child.stdin.take());
    child.wait()?;
    Ok(vec![
        Figure::new("W10", kind.word(), "idle engine: memory", "MiB").values(vec![memory]).at_most(30.0),
        Figure::new("W10", kind.word(), "idle engine: CPU in 60 s", "ms").values(vec![used]).at_most(60.0),
    ])
}

/// The idle process: ends when its standard input does.
pub fn idle_child(database: &str) -> Result<()> {
    let kind = if database == "postgres" { Kind::Postgres } else { Kind::Sqlite };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let world = World::new(kind).await?;
        let _engine = world.engine(noop(), 8, "noop").await?;
        print!("r");
        std::io::Write::flush(&mut std::io::stdout())?;
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        anyhow::Ok(())
    })
}

//! W3 and W4: how soon.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use ork_core::store::Store;
use ork_engine::{EngineHandle, Executors, Handlers, Observation};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::measure::{Figure, Stopwatch, quantile};
use crate::world::{Kind, World, chain, noop, task};
use crate::{Size, floors};

/// Handlers that say when they begin.
fn reporting() -> (Executors, UnboundedReceiver<Instant>) {
    let (sender, receiver) = unbounded_channel();
    let handlers = Handlers::default().with("noop", move |_| {
        let _ = sender.send(Instant::now());
        async { Ok(None) }
    });
    (Executors { handlers, ..Executors::default() }, receiver)
}

/// Milliseconds from a submit to the start of its handler, one at a time.
pub async fn starts(world: &World, engine_store: Arc<dyn Store>, count: u32) -> Result<Vec<f64>> {
    let (executors, mut begun) = reporting();
    let engine = world.engine_on(engine_store, executors, 8, "noop").await?;
    let mut latencies = Vec::new();
    for _ in 0..count {
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        let new = world.run(chain(1, |k, p| task(k, p)));
        let submitted = Instant::now();
        world.store.submit(&new).await?;
        let at = begun.recv().await.context("the handler begins")?;
        latencies.push(at.duration_since(submitted).as_secs_f64() * 1e3);
    }
    engine.drain(std::time::Duration::from_secs(5)).await.map_err(anyhow::Error::msg)?;
    Ok(latencies)
}

/// W3: idle latency, in this process and from another connection.
pub async fn idle(kind: Kind, size: Size) -> Result<Vec<Figure>> {
    let count = size.of(400, 20);
    // What a start must wait for: the submit's commit and the claim's.
    let commit = floors::commit(kind, size.of(500, 20)).await?;
    let mut figures = Vec::new();
    let ways: &[(&str, bool, f64, f64)] = match kind {
        Kind::Sqlite => &[("in process", false, 1.0, 5.0)],
        Kind::Postgres => &[("in process", false, 1.0, 5.0), ("other process", true, 2.0, 5.0)],
    };
    for (way, other, p50, p99) in ways {
        let (mut medians, mut tails) = (Vec::new(), Vec::new());
        for _ in 0..size.repeats {
            let world = World::new(kind).await?;
            let store = if *other { world.another_store().await? } else { Arc::clone(&world.store) };
            let latencies = starts(&world, store, count).await?;
            medians.push(quantile(&latencies, 0.5));
            tails.push(quantile(&latencies, 0.99));
        }
        figures.push(
            Figure::new("W3", kind.word(), format!("submit to start, {way}, p50"), "ms")
                .values(medians)
                .floor(2.0 * commit)
                .at_most(*p50),
        );
        figures.push(
            Figure::new("W3", kind.word(), format!("submit to start, {way}, p99"), "ms").values(tails).at_most(*p99),
        );
    }
    Ok(figures)
}

async fn until_ended(engine: &EngineHandle, world: &World, new: &ork_core::graph::NewRun) -> Result<f64> {
    let mut seen = engine.observe();
    engine.seed(new);
    let begin = Instant::now();
    world.store.submit(new).await?;
    loop {
        if let Ok(Observation::RunEnded(run)) = seen.recv().await
            && run == new.id
        {
            return Ok(begin.elapsed().as_secs_f64() * 1e3);
        }
    }
}

/// W4: tasks in sequence, and many short workflows at once.
pub async fn sequences(kind: Kind, size: Size) -> Result<Vec<Figure>> {
    // In sequence: the submit's commit, the first claim's, and one for each task.
    let commit = floors::commit(kind, size.of(500, 20)).await?;
    let mut figures = Vec::new();
    for (length, target) in [(3, 2.0), (40, 20.0)] {
        let mut medians = Vec::new();
        for _ in 0..size.repeats {
            let world = World::new(kind).await?;
            let engine = world.engine(noop(), 8, "noop").await?;
            let mut times = Vec::new();
            for _ in 0..size.of(50, 3) {
                times.push(until_ended(&engine, &world, &world.run(chain(length, |k, p| task(k, p)))).await?);
            }
            medians.push(quantile(&times, 0.5));
            engine.drain(std::time::Duration::from_secs(5)).await.map_err(anyhow::Error::msg)?;
        }
        let figure = Figure::new("W4", kind.word(), format!("{length} tasks in sequence"), "ms")
            .values(medians)
            .floor(f64::from(length + 2) * commit);
        figures.push(if kind == Kind::Sqlite { figure.at_most(target) } else { figure });
    }
    let (count, mut rates, mut cpu) = (size.of(8_000, 100), Vec::new(), Vec::new());
    for _ in 0..size.repeats {
        let world = Arc::new(World::new(kind).await?);
        let engine = world.engine(noop(), 256, "noop").await?;
        let watch = Stopwatch::start();
        many_at_once(&world, count, 3).await?;
        let (seconds, used) = watch.stop();
        rates.push(f64::from(count) / seconds);
        cpu.push((used.own + used.postgres) * 1e6 / f64::from(count));
        engine.drain(std::time::Duration::from_secs(5)).await.map_err(anyhow::Error::msg)?;
    }
    let figure = Figure::new("W4", kind.word(), "three-task workflows at once", "runs/s").values(rates);
    figures.push(if kind == Kind::Sqlite { figure.at_least(4_000.0) } else { figure });
    figures.push(Figure::new("W4", kind.word(), "three-task workflows at once: CPU", "µs/run").values(cpu));
    Ok(figures)
}

/// Submits so many chains of this length, and waits until all are over.
pub async fn many_at_once(world: &Arc<World>, count: u32, length: u32) -> Result<()> {
    let submitters = 64_u32.min(count);
    let mut tasks = Vec::new();
    for part in 0..submitters {
        let world = Arc::clone(world);
        tasks.push(tokio::spawn(async move {
            let mut last = None;
            for _ in (part..count).step_by(submitters as usize) {
                let new = world.run(chain(length, |k, p| task(k, p)));
                world.store.submit(&new).await?;
                last = Some(new.id);
            }
            anyhow::Ok(last)
        }));
    }
    let mut lasts = Vec::new();
    for task in tasks {
        lasts.extend(task.await??);
    }
    for run in lasts {
        world.until_over(run, 2).await?;
    }
    // The last of each submitter are over; now the stragglers, counted in the database.
    loop {
        let live = ork_core::store::RunFilter {
            statuses: vec![ork_core::state::RunStatus::Pending, ork_core::state::RunStatus::Running],
            limit: 1,
            ..Default::default()
        };
        if world.store.runs(ork_core::store::Scope::All, &live).await?.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

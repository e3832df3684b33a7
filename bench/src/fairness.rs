//! W13: one workspace has a million tasks in its queue, another submits one at a time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ork_core::access::Settings;
use ork_core::id::WorkspaceId;
use ork_core::store::WorkspaceRow;
use ork_engine::{Executors, Handlers};
use tokio::sync::mpsc::unbounded_channel;

use crate::Size;
use crate::measure::{Figure, quantile};
use crate::throughput::fan;
use crate::world::{Kind, Random, World};

/// How long a task of the crowded workspace takes.
const TASK: Duration = Duration::from_millis(5);
const CAPACITY: usize = 64;

/// Milliseconds from a submit to its start in one workspace, while the other has so many tasks in its queue.
async fn starts(kind: Kind, queued: u32, count: u32) -> Result<Vec<f64>> {
    let world = World::new(kind).await?;
    let quiet = WorkspaceId::new(world.clock.now(), &mut Random);
    let row =
        WorkspaceRow { id: quiet, name: "quiet".into(), settings: Settings::default(), created_at: world.clock.now() };
    world.store.create_workspace(&row).await?;
    let mut left = queued;
    while left > 0 {
        let part = left.min(100_000);
        world.store.submit(&world.run(fan(part))).await?;
        left -= part;
    }
    let (sender, mut begun) = unbounded_channel();
    let handlers = Handlers::default().with("noop", move |context| {
        let is_quiet = context.workspace == quiet;
        if is_quiet {
            sender.send(Instant::now()).ok();
        }
        async move {
            if !is_quiet {
                tokio::time::sleep(TASK).await;
            }
            Ok(None)
        }
    });
    let engine = world.engine(Executors { handlers, ..Executors::default() }, CAPACITY, "noop").await?;
    let mut latencies = Vec::new();
    for _ in 0..count {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let mut new = world.run(fan(1));
        new.workspace = quiet;
        let submitted = Instant::now();
        world.store.submit(&new).await?;
        let at = begun.recv().await.context("it begins")?;
        latencies.push(at.duration_since(submitted).as_secs_f64() * 1e3);
    }
    engine.drain(Duration::from_secs(10)).await.map_err(anyhow::Error::msg)?;
    Ok(latencies)
}

/// W13: beside nobody, beside as many tasks as keep every slot busy while it is measured, beside a million.
pub async fn fairness(kind: Kind, size: Size) -> Result<Vec<Figure>> {
    let (count, crowd) = (size.of(300, 5), size.of(1_000_000, 2_000));
    let mut figures = Vec::new();
    let mut medians = Vec::new();
    for (what, queued) in
        [("nobody", 0), ("a busy workspace", size.of(100_000, 1_000)), ("a million queued tasks", crowd)]
    {
        let latencies = starts(kind, queued, count).await?;
        let (p50, p99) = (quantile(&latencies, 0.5), quantile(&latencies, 0.99));
        medians.push(p50);
        for (name, value) in [("p50", p50), ("p99", p99)] {
            let what = format!("submit to start beside {what}, {name}");
            figures.push(Figure::new("W13", kind.word(), what, "ms").values(vec![value]));
        }
    }
    let ratio = |what: &str, value| Figure::new("W13", kind.word(), what, "×").values(vec![value]);
    figures.push(ratio("a million / a busy workspace, p50", medians[2] / medians[1]).at_most(2.0));
    figures.push(ratio("a million / nobody, p50", medians[2] / medians[0]));
    Ok(figures)
}

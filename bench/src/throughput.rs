//! W1, W2 and W7: how many tasks a second.

use anyhow::Result;
use ork_core::plan::{Fan, Plan};

use crate::measure::{Figure, Stopwatch};
use crate::world::{Kind, World, chain, noop, plan, task};
use crate::{Size, floors};

pub fn fan(count: u32) -> Plan {
    let mut wide = task("wide", &[]);
    wide.fan = Fan::Count(count);
    plan(vec![wide])
}

fn distinct(count: u32) -> Plan {
    plan((0..count).map(|i| task(format!("t{i}"), &[])).collect())
}

/// W1: one plan of 100,000 tasks, as one folded fan-out and as 100,000 nodes.
pub async fn enqueue(kind: Kind, size: Size) -> Result<Vec<Figure>> {
    let count = size.of(100_000, 2_000);
    let (floor, _) = floor(kind, count).await?;
    let mut figures = Vec::new();
    for (what, make) in [("enqueue, one fan-out", fan as fn(u32) -> Plan), ("enqueue, that many nodes", distinct)] {
        let (mut rates, mut cpu) = (Vec::new(), Vec::new());
        for _ in 0..size.repeats {
            let world = World::new(kind).await?;
            let new = world.run(make(count));
            let watch = Stopwatch::start();
            world.store.submit(&new).await?;
            let (seconds, used) = watch.stop();
            rates.push(f64::from(count) / seconds);
            cpu.push((used.own + used.postgres) * 1e6 / f64::from(count));
        }
        let target = if kind == Kind::Sqlite { 60_000.0 } else { 40_000.0 };
        figures.push(Figure::new("W1", kind.word(), what, "tasks/s").values(rates).floor(floor).at_least(target));
        figures.push(Figure::new("W1", kind.word(), format!("{what}: CPU"), "µs/task").values(cpu));
    }
    Ok(figures)
}

/// Insert and drain of bare SQL.
pub async fn floor(kind: Kind, count: u32) -> Result<(f64, f64)> {
    match kind {
        Kind::Sqlite => tokio::task::block_in_place(|| floors::sqlite(count, 1_000)),
        Kind::Postgres => floors::postgres(count, 1_000).await,
    }
}

pub struct Drained {
    pub rate: f64,
    pub own_us: f64,
    pub postgres_us: f64,
}

/// Runs a plan of no-op tasks to its end, as the database says.
pub async fn run_through(world: &World, plan: Plan, count: u32) -> Result<Drained> {
    let new = world.run(plan);
    world.store.submit(&new).await?;
    let watch = Stopwatch::start();
    let engine = world.engine(noop(), 64, "noop").await?;
    world.until_over(new.id, if count < 10_000 { 1 } else { 50 }).await?;
    let (seconds, used) = watch.stop();
    engine.drain(std::time::Duration::from_secs(5)).await.map_err(anyhow::Error::msg)?;
    let each = 1e6 / f64::from(count);
    Ok(Drained { rate: f64::from(count) / seconds, own_us: used.own * each, postgres_us: used.postgres * each })
}

/// W2: drain of no-op tasks.
pub async fn drain(kind: Kind, size: Size) -> Result<Vec<Figure>> {
    let count = size.of(100_000, 2_000);
    let (_, floor) = floor(kind, count).await?;
    let (mut rates, mut own, mut server, mut all) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.repeats {
        let world = World::new(kind).await?;
        let drained = run_through(&world, fan(count), count).await?;
        rates.push(drained.rate);
        own.push(drained.own_us);
        server.push(drained.postgres_us);
        all.push(drained.own_us + drained.postgres_us);
    }
    let (rate, cpu) = if kind == Kind::Sqlite { (50_000.0, 25.0) } else { (35_000.0, 55.0) };
    Ok(vec![
        Figure::new("W2", kind.word(), "drain of no-op tasks", "tasks/s").values(rates).floor(floor).at_least(rate),
        Figure::new("W2", kind.word(), "drain: CPU, client and server", "µs/task").values(all).at_most(cpu),
        Figure::new("W2", kind.word(), "drain: CPU, client", "µs/task").values(own),
        Figure::new("W2", kind.word(), "drain: CPU, server", "µs/task").values(server),
    ])
}

/// Layers of nodes, each of which needs three of the layer before.
fn layers(count: u32, width: u32) -> Plan {
    let node = |i: u32| {
        let (layer, place) = (i / width, i % width);
        if layer == 0 {
            return task(format!("t{i}"), &[]);
        }
        let before = (layer - 1) * width;
        let mut parents: Vec<u32> = [0, 1, 7].iter().map(|step| before + (place + step) % width).collect();
        parents.sort_unstable();
        parents.dedup();
        task(format!("t{i}"), &parents)
    };
    plan((0..count * width).map(node).collect())
}

fn fan_out_in(count: u32) -> Plan {
    let mut wide = task("wide", &[0]);
    wide.fan = Fan::Count(count);
    plan(vec![task("first", &[]), wide, task("last", &[1])])
}

/// W7: graphs, beside a flat drain in the same run.
pub async fn graphs(kind: Kind, size: Size) -> Result<Vec<Figure>> {
    let (width, wide, long) = (size.of(2_000, 50), size.of(100_000, 1_000), size.of(1_000, 50));
    let repeats = size.repeats.min(3);
    let mut flat = Vec::new();
    let mut graphs = [Vec::new(), Vec::new(), Vec::new()];
    let mut shorts = Vec::new();
    for _ in 0..repeats {
        flat.push(1e6 / run_through(&World::new(kind).await?, fan(wide), wide).await?.rate);
        let layered = layers(20, width);
        graphs[0].push(1e6 / run_through(&World::new(kind).await?, layered, 20 * width).await?.rate);
        graphs[1].push(1e6 / run_through(&World::new(kind).await?, fan_out_in(wide), wide + 2).await?.rate);
        graphs[2].push(1e6 / run_through(&World::new(kind).await?, chain(long, |k, p| task(k, p)), long).await?.rate);
        shorts.push(1e6 / run_through(&World::new(kind).await?, chain(40, |k, p| task(k, p)), 40).await?.rate);
    }
    let [layered, fans, chains] = graphs;
    let flat = Figure::new("W7", kind.word(), "flat drain, for comparison", "µs/task").values(flat);
    let short = Figure::new("W7", kind.word(), "chain of 40, for comparison", "µs/task").values(shorts);
    let (limit, chain_limit) = (flat.median() * 1.5, short.median() * 1.5);
    Ok(vec![
        Figure::new("W7", kind.word(), "20 layers, 3 parents each", "µs/task").values(layered).at_most(limit),
        Figure::new("W7", kind.word(), "fan-out and fan-in", "µs/task").values(fans).at_most(limit),
        Figure::new("W7", kind.word(), "chain", "µs/task").values(chains).at_most(chain_limit),
        flat,
        short,
    ])
}

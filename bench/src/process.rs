//! W5 and W6: real processes.

use anyhow::Result;
use ork_core::plan::Fan;

use crate::measure::{Figure, Stopwatch};
use crate::world::{Kind, World, chain, plan, process, processes};
use crate::{Size, floors};

/// W5: light processes in sequence.
pub async fn sequence(kind: Kind, size: Size) -> Result<Vec<Figure>> {
    let mut times = Vec::new();
    for _ in 0..size.repeats {
        let world = World::new(kind).await?;
        let engine = world.engine(processes()?, 2, "default").await?;
        // The first process of an engine pays for its threads and folders; a run of a pipeline does not begin cold.
        let first = world.run(chain(1, |k, p| process(k, p)));
        world.store.submit(&first).await?;
        world.until_over(first.id, 1).await?;
        let new = world.run(chain(40, |k, p| process(k, p)));
        let watch = Stopwatch::start();
        world.store.submit(&new).await?;
        world.until_over(new.id, 1).await?;
        times.push(watch.stop().0 * 1e3);
        engine.drain(std::time::Duration::from_secs(5)).await.map_err(anyhow::Error::msg)?;
    }
    let floor = tokio::task::block_in_place(|| 40.0 / floors::spawn(400, 1) * 1e3);
    Ok(vec![Figure::new("W5", kind.word(), "40 processes in sequence", "ms").values(times).floor(floor).at_most(80.0)])
}

/// W6: many processes fanned out, beside a bare loop and `xargs`.
pub async fn fan_out(kind: Kind, size: Size) -> Result<Vec<Figure>> {
    let count = size.of(10_000, 200);
    let (mut rates, mut bare, mut xargs, mut cpu) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.repeats.min(3) {
        bare.push(tokio::task::block_in_place(|| floors::spawn(count, 4)));
        xargs.push(tokio::task::block_in_place(|| floors::xargs(count))?);
        let world = World::new(kind).await?;
        let engine = world.engine(processes()?, 4, "default").await?;
        let mut wide = process("wide", &[]);
        wide.fan = Fan::Count(count);
        let new = world.run(plan(vec![wide]));
        let watch = Stopwatch::start();
        world.store.submit(&new).await?;
        world.until_over(new.id, 20).await?;
        let (seconds, used) = watch.stop();
        rates.push(f64::from(count) / seconds);
        cpu.push((used.own + used.postgres) * 1e6 / f64::from(count));
        engine.drain(std::time::Duration::from_secs(5)).await.map_err(anyhow::Error::msg)?;
    }
    let bare = Figure::new("W6", kind.word(), "bare loop, 4 in flight", "per s").values(bare);
    let xargs = Figure::new("W6", kind.word(), "xargs -P2", "per s").values(xargs);
    let target = (1.2 * xargs.median()).max(0.65 * bare.median());
    Ok(vec![
        Figure::new("W6", kind.word(), "/bin/true, fanned out", "tasks/s")
            .values(rates)
            .floor(bare.median())
            .at_least(target),
        Figure::new("W6", kind.word(), "Ork's own CPU, children apart", "µs/task").values(cpu),
        bare,
        xargs,
    ])
}

//! `ork tasks cancel`, and what `ork runs cancel` does with a task.

use anyhow::Result;
use ork_core::id::TaskRef;
use serde_json::json;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::ids;
use crate::output::Output;
use crate::world::World;

/// Options of `ork tasks cancel`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A task that is at work is told to stop by its worker, and is `cancelled` once it has. What needs it is skipped.

Examples:
  ork tasks cancel last/encode
  ork tasks cancel last/cut/3")]
pub struct Args {
    /// A task: RUN/KEY, RUN/KEY/INDEX, or its id.
    #[arg(value_name = "TASK")]
    pub task: String,
}

/// Carries out `ork tasks cancel`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let task = ids::task(world.store.as_ref(), world.scope(), &args.task).await?;
    cancel_task(&world, task).await
}

/// Asks for the end of a task.
pub async fn cancel_task(world: &World, task: TaskRef) -> Result<Exit> {
    let asked = world.store.cancel_task(world.scope(), task, &world.actor(), world.now()).await?;
    if world.out.json {
        world.out.value(&json!({"task_id": task.id().to_string(), "asked": asked}))?;
    } else {
        let text = if asked { "cancelling" } else { "over, or told so already" };
        world.out.data(format!("{text}: {}", task.id()))?;
    }
    Ok(Exit::Success)
}

//! `ork runs cancel`.

use anyhow::Result;
use ork_core::id::RunId;
use ork_core::state::Reason;
use serde_json::json;

use crate::carrier::is_orphan;
use crate::carry::{How, row};
use crate::commands::run::take_over;
use crate::commands::tasks::cancel::cancel_task;
use crate::config::Config;
use crate::exit_code::Exit;
use crate::ids::{self, Target};
use crate::output::Output;
use crate::progress::tasks;
use crate::world::World;

/// Options of `ork runs cancel`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
What has not begun is cancelled at once. What is at work is told to stop by its worker, and is `cancelled` once it has.

Examples:
  ork runs cancel last
  ork runs cancel last/encode")]
pub struct Args {
    /// A run or a task.
    #[arg(value_name = "RUN|TASK")]
    pub target: String,
}

/// Carries out `ork runs cancel`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    match ids::target(world.store.as_ref(), world.scope(), &args.target).await? {
        Target::Run(run) => cancel_run(&world, run).await,
        Target::Task(task) => cancel_task(&world, task).await,
    }
}

async fn cancel_run(world: &World, id: RunId) -> Result<Exit> {
    let asked = world.store.cancel_run(world.scope(), id, Reason::Cancel, &world.actor(), world.now()).await?;
    let run = row(world, id).await?;
    if world.out.json {
        world.out.value(&json!({"run_id": id.to_string(), "asked": asked, "status": run.status.word()}))?;
    } else if run.status.is_terminal() {
        world.out.data(format!("{}: {id}{}", run.status, if asked { "" } else { " was over already" }))?;
    } else if asked {
        world.out.data(format!("cancelling: {id}, {} left", tasks(u64::from(run.tasks_left))))?;
    } else {
        world.out.data(format!("cancelling: {id} was told so already"))?;
    }
    // What a dead process left would wait for the next one that looks after this database, and there may be none.
    if is_orphan(world, &run).await? {
        take_over(world, &run, How::to_end()).await?;
    }
    Ok(Exit::Success)
}

//! Why something is not over, for commands.

use anyhow::Result;
use ork_core::id::{RunId, TaskRef};
use ork_core::why::Why;
pub use ork_server::why::Reason;

use crate::world::World;

/// Why a task is where it is; `None` when it does not exist.
pub async fn of_task(world: &World, task: TaskRef) -> Result<Option<Reason>> {
    Ok(ork_server::why::of_task(world.look(), task).await?)
}

/// Why a run is not over: the one unfinished task that says most. `None` when it is over or does not exist.
pub async fn of_run(world: &World, run: RunId) -> Result<Option<Reason>> {
    Ok(ork_server::why::of_run(world.look(), run).await?)
}

/// What holds a run up, what says most first.
pub async fn all_of_run(world: &World, run: RunId) -> Result<Vec<Reason>> {
    Ok(ork_server::why::all_of_run(world.look(), run).await?)
}

/// Whether a worker must be started for it.
pub const fn needs_worker(reason: &Reason) -> bool {
    matches!(reason.why, Why::NoWorker { .. } | Why::OtherHost { .. })
}

//! Why something is not over, for commands.

use anyhow::Result;
use ork_api::RunWhy;
use ork_core::id::{RunId, TaskRef};

use crate::history::History;
use crate::names::Names;

/// Why one task is where it is.
pub struct Reason {
    /// As JSON shows it.
    pub shape: ork_api::Reason,
    /// What the task is called.
    pub name: String,
    /// `waits for …`, without the task's name in front.
    pub text: String,
}

impl Reason {
    fn of(shape: ork_api::Reason, names: &Names) -> Self {
        let size = names.group(&shape.key).and_then(|group| group.size);
        let is_alone = size.is_none_or(|size| size == 1);
        let name = if is_alone { shape.key.clone() } else { format!("{}/{}", shape.key, shape.task_index) };
        let text = shape.sentence.strip_prefix(&format!("{name}: ")).unwrap_or(&shape.sentence).to_owned();
        Self { shape, name, text }
    }

    /// Whether a worker must be started for it.
    pub fn needs_worker(&self) -> bool {
        matches!(self.shape.why.get("code").and_then(|code| code.as_str()), Some("no_worker" | "other_host"))
    }
}

/// Why a task is where it is; `None` when it does not exist.
pub async fn of_task(history: &History, task: TaskRef) -> Result<Option<Reason>> {
    let Some(shape) = history.why_task(task).await? else { return Ok(None) };
    Ok(Some(Reason::of(shape, &history.names(task.run).await?)))
}

/// Why a run is not over: the one unfinished task that says most. `None` when it is over or does not exist.
pub async fn of_run(history: &History, run: RunId) -> Result<Option<Reason>> {
    let Some(why) = history.why_run(run).await? else { return Ok(None) };
    Ok(reasons(history, run, &why).await?.into_iter().next())
}

/// What holds a run up, what says most first.
pub async fn reasons(history: &History, run: RunId, why: &RunWhy) -> Result<Vec<Reason>> {
    let names = history.names(run).await?;
    Ok(why.reasons.iter().map(|shape| Reason::of(shape.clone(), &names)).collect())
}

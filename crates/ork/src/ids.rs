//! What people type for a run or a task: whole ids, a part of one, `last`, a name of their own, RUN/KEY, RUN/KEY/INDEX.

use std::fmt::Display;

use anyhow::Result;
use ork_core::id::{RunId, TaskRef};
use ork_core::store::GroupRow;
use ork_server::resolve;
pub use ork_server::resolve::Target;

use crate::exit_code::Refusal;
use crate::history::History;
use crate::names::Names;

/// The run that a text means.
///
/// # Errors
/// When there is none, or more than one, or when it means a task.
pub async fn run(history: &History, text: &str) -> Result<RunId> {
    match history.resolve(text).await? {
        Target::Run(run) => Ok(run),
        Target::Task(task) => {
            Err(Refusal::usage(format!("`{text}` is a task, not a run")).hint(task.run.to_string()).into())
        }
    }
}

/// The task that a text means.
///
/// # Errors
/// When there is none, more than one, or when it means a run.
pub async fn task(history: &History, text: &str) -> Result<TaskRef> {
    let run = match history.resolve(text).await? {
        Target::Task(task) => return Ok(task),
        Target::Run(run) => run,
    };
    let names = history.names(run).await?;
    let key = names.groups().first().map_or("KEY", |group| group.key.as_str());
    Err(Refusal::usage(format!("`{text}` is a run: say which of its tasks")).hint(format!("{text}/{key}")).into())
}

/// The group of this name.
///
/// # Errors
/// When there is none.
pub fn group<'n>(names: &'n Names, run: RunId, key: &str) -> Result<&'n GroupRow> {
    let keys = names.groups().iter().map(|group| group.key.as_str());
    Ok(names.group(key).ok_or_else(|| no_task(run, key, keys))?)
}

/// There is no task of this name among those of a run or of a workflow.
pub fn no_task<'k>(of: impl Display, key: &str, keys: impl Iterator<Item = &'k str> + Clone) -> Refusal {
    resolve::no_task(of, key, keys).into()
}

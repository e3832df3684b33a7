//! What people type for a run or a task: whole ids, a part of one, `last`, a name of their own, RUN/KEY, RUN/KEY/INDEX.

use std::fmt::Display;

use ork_core::id::{RunId, TaskId, TaskRef};
use ork_core::limits::PAGE_MAX;
use ork_core::store::{GroupRow, RunFilter, Scope};
use ork_core::suggest::nearest;

use crate::look::Look;
use crate::names::{Names, number};
use crate::refused::{Answer, Code, Refused};

/// A run, or one of its tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A run.
    Run(RunId),
    /// A task.
    Task(TaskRef),
}

/// Digits that a part of an id must have.
const DIGITS_MIN: usize = 4;
/// Runs, the newest, among which the last digits of an id are looked for. Beginnings are looked for among all.
const ENDINGS_MAX: u32 = 1_000;
/// Names that are offered where one is wrong.
const NAMES_MAX: usize = 12;

/// The run that a text means.
///
/// # Errors
/// When there is none, or more than one.
pub async fn run(look: Look<'_>, text: &str) -> Answer<RunId> {
    if matches!(text, "last" | "@last") {
        let newest = look.own(RunFilter { limit: 1, ..RunFilter::default() });
        let newest = look.store.runs(look.scope, &newest).await?;
        let newest = newest.first().map(|row| row.id);
        let none = || Refused::new(Code::NotFound, "there is no run yet").hint("ork run FILE");
        return newest.ok_or_else(none);
    }
    if let Some(id) = whole(text) {
        return match look.run(id).await? {
            Some(row) => Ok(row.id),
            None => Err(none(text)),
        };
    }
    if let Scope::One(workspace) = look.scope
        && let Some(id) = look.store.run_by_external_id(workspace, text).await?
        && look.run(id).await?.is_some()
    {
        return Ok(id);
    }
    let digits: String = text.strip_prefix(RunId::PREFIX).unwrap_or(text).chars().filter(|c| *c != '-').collect();
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        let hint = "an id as `ork runs list` shows it, a part of one, or `last`";
        return Err(wrong(format!("`{text}` is not a run")).hint(hint));
    }
    if digits.len() < DIGITS_MIN {
        return Err(wrong(format!("`{text}` is too short: give at least {DIGITS_MIN} digits of the id")));
    }
    part(look, text, &digits.to_ascii_lowercase()).await
}

/// The run or task that a text means.
///
/// # Errors
/// When there is none, or more than one.
pub async fn target(look: Look<'_>, text: &str) -> Answer<Target> {
    if let Some(task) = text.strip_prefix(TaskId::PREFIX).and_then(|bare| bare.parse::<TaskId>().ok()) {
        let n = task.n().ok_or_else(|| none(text))?;
        let task = TaskRef { run: task.run(), n };
        let is_there = look.run(task.run).await?.is_some() && look.store.task(look.scope, task).await?.is_some();
        return if is_there { Ok(Target::Task(task)) } else { Err(none(text)) };
    }
    let mut parts = text.splitn(3, '/');
    let run = run(look, parts.next().unwrap_or_default()).await?;
    let Some(key) = parts.next() else { return Ok(Target::Run(run)) };
    let names = Names::read(look.store, look.scope, run).await?;
    let group = names.group(key).ok_or_else(|| no_task(run, key, names.groups().iter().map(|g| g.key.as_str())))?;
    let index = match parts.next() {
        Some(index) => index.parse().map_err(|_| wrong(format!("`{index}` is not the index of a task")))?,
        None => only_index(group, run)?,
    };
    let size = group.size.unwrap_or(1);
    if index >= size {
        let tasks = if size == 1 { "1 task".to_owned() } else { format!("{size} tasks") };
        let message = format!("`{key}` has {tasks}, numbered from 0: there is no {index}");
        return Err(Refused::new(Code::NotFound, message));
    }
    Ok(Target::Task(TaskRef { run, n: number(group, index) }))
}

fn only_index(group: &GroupRow, run: RunId) -> Answer<u32> {
    match group.size {
        Some(size) if size > 1 => {
            let message = format!("`{}` has {size} tasks: say which", group.key);
            Err(wrong(message).hint(format!("{run}/{}/0", group.key)))
        }
        _ => Ok(0),
    }
}

/// Looks for what begins with these digits, and for what ends with them before the zeros that every run's id ends in.
async fn part(look: Look<'_>, text: &str, digits: &str) -> Answer<RunId> {
    let mut found = Vec::new();
    for id in look.store.runs_by_prefix(look.scope, digits).await? {
        found.extend(look.run(id).await?.map(|row| row.id));
    }
    let mut filter = look.own(RunFilter { limit: PAGE_MAX, ..RunFilter::default() });
    for _ in 0..ENDINGS_MAX.div_ceil(filter.limit) {
        let page = look.store.runs(look.scope, &filter).await?;
        found.extend(page.iter().map(|row| row.id).filter(|id| ends_with(*id, digits)));
        filter.before = page.last().map(|row| row.id);
        if page.len() < filter.limit as usize {
            break;
        }
    }
    found.sort_unstable();
    found.dedup();
    match found[..] {
        [run] => Ok(run),
        [] => Err(none(text)),
        _ => {
            let shown: Vec<String> = found.iter().take(5).map(ToString::to_string).collect();
            let message = format!("`{text}` can mean {} runs or more", found.len());
            Err(wrong(message).hint(format!("give more digits: {}", shown.join(", "))))
        }
    }
}

fn ends_with(id: RunId, digits: &str) -> bool {
    let hex = id.uuid().simple().to_string();
    hex.ends_with(digits) || hex[..24].ends_with(digits)
}

/// A whole id of a run. A task's id without its prefix names its run.
fn whole(text: &str) -> Option<RunId> {
    let id: RunId = text.parse().ok()?;
    Some(TaskId::from_uuid(id.uuid()).run())
}

fn wrong(message: String) -> Refused {
    Refused::new(Code::InvalidRequest, message)
}

fn none(text: &str) -> Refused {
    Refused::new(Code::NotFound, format!("nothing matches `{text}`")).hint("ork runs list")
}

/// There is no task of this name among those of a run or of a workflow.
pub fn no_task<'k>(of: impl Display, key: &str, keys: impl Iterator<Item = &'k str> + Clone) -> Refused {
    let hint = match nearest(key, keys.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its tasks: {}", keys.take(NAMES_MAX).collect::<Vec<_>>().join(", ")),
    };
    Refused::new(Code::NotFound, format!("`{of}` has no task `{key}`")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ork_core::clock::{SeededEntropy, Timestamp};

    #[test]
    fn the_last_digits_are_those_before_the_zeros() {
        let id = RunId::new(Timestamp::from_micros(1_700_000_000_000_000), &mut SeededEntropy::new(3));
        let hex = id.uuid().simple().to_string();
        assert!(ends_with(id, &hex[20..24]) && ends_with(id, &hex[16..]) && !ends_with(id, "zzzz"));
        assert_eq!(whole(&id.task(4).uuid().to_string()), Some(id));
    }
}

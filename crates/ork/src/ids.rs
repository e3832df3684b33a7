//! What people type for a run or a task: whole ids, a part of one, `last`, RUN/KEY, RUN/KEY/INDEX.

use anyhow::Result;
use ork_core::id::{RunId, TaskId, TaskRef};
use ork_core::store::{GroupRow, RunFilter, Scope, Store};

use ork_workflow::nearest;

use crate::exit_code::Refusal;
use crate::names::{Names, number};
use crate::progress::tasks;

/// A run, or one of its tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Run(RunId),
    Task(TaskRef),
}

/// Digits that a part of an id must have.
const DIGITS_MIN: usize = 4;
/// Runs, the newest, among which the last digits of an id are looked for. Beginnings are looked for among all.
const ENDINGS_MAX: u32 = 1_000;

/// The run that a text means.
///
/// # Errors
/// When there is none, or more than one.
pub async fn run(store: &dyn Store, scope: Scope, text: &str) -> Result<RunId> {
    if matches!(text, "last" | "@last") {
        let newest = store.runs(scope, &RunFilter { limit: 1, ..RunFilter::default() }).await?;
        let newest = newest.first().map(|row| row.id);
        return newest.ok_or_else(|| Refusal::no_match("there is no run yet").hint("ork run FILE").into());
    }
    if let Some(id) = whole(text) {
        return match store.run(scope, id).await? {
            Some(row) => Ok(row.id),
            None => Err(none(text).into()),
        };
    }
    let digits: String = text.strip_prefix(RunId::PREFIX).unwrap_or(text).chars().filter(|c| *c != '-').collect();
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        let message = format!("`{text}` is not a run");
        return Err(Refusal::usage(message).hint("an id as `ork runs list` shows it, a part of one, or `last`").into());
    }
    if digits.len() < DIGITS_MIN {
        return Err(
            Refusal::usage(format!("`{text}` is too short: give at least {DIGITS_MIN} digits of the id")).into()
        );
    }
    part(store, scope, text, &digits.to_ascii_lowercase()).await
}

/// The run or task that a text means.
///
/// # Errors
/// When there is none, or more than one.
pub async fn target(store: &dyn Store, scope: Scope, text: &str) -> Result<Target> {
    if let Some(task) = text.strip_prefix(TaskId::PREFIX).and_then(|bare| bare.parse::<TaskId>().ok()) {
        let n = task.n().ok_or_else(|| none(text))?;
        let task = TaskRef { run: task.run(), n };
        return match store.task(scope, task).await? {
            Some(_) => Ok(Target::Task(task)),
            None => Err(none(text).into()),
        };
    }
    let mut parts = text.splitn(3, '/');
    let run = run(store, scope, parts.next().unwrap_or_default()).await?;
    let Some(key) = parts.next() else { return Ok(Target::Run(run)) };
    let names = Names::read(store, scope, run).await?;
    let group = group(&names, run, key)?;
    let index = match parts.next() {
        Some(index) => index.parse().map_err(|_| Refusal::usage(format!("`{index}` is not the index of a task")))?,
        None => only_index(group, run)?,
    };
    if index >= group.size.unwrap_or(1) {
        let tasks = tasks(u64::from(group.size.unwrap_or(1)));
        return Err(Refusal::no_match(format!("`{key}` has {tasks}, numbered from 0: there is no {index}")).into());
    }
    Ok(Target::Task(TaskRef { run, n: number(group, index) }))
}

/// The task that a text means.
///
/// # Errors
/// When there is none, more than one, or when it means a run.
pub async fn task(store: &dyn Store, scope: Scope, text: &str) -> Result<TaskRef> {
    let run = match target(store, scope, text).await? {
        Target::Task(task) => return Ok(task),
        Target::Run(run) => run,
    };
    let names = Names::read(store, scope, run).await?;
    let key = names.groups().first().map_or("KEY", |group| group.key.as_str());
    Err(Refusal::usage(format!("`{text}` is a run: say which of its tasks")).hint(format!("{text}/{key}")).into())
}

/// The group of this name.
///
/// # Errors
/// When there is none.
pub fn group<'n>(names: &'n Names, run: RunId, key: &str) -> Result<&'n GroupRow> {
    Ok(names.group(key).ok_or_else(|| no_key(names, run, key))?)
}

fn only_index(group: &GroupRow, run: RunId) -> Result<u32> {
    match group.size {
        Some(size) if size > 1 => {
            let message = format!("`{}` has {size} tasks: say which", group.key);
            Err(Refusal::usage(message).hint(format!("{run}/{}/0", group.key)).into())
        }
        _ => Ok(0),
    }
}

/// Looks for what begins with these digits, and for what ends with them before the zeros that every run's id ends in.
async fn part(store: &dyn Store, scope: Scope, text: &str, digits: &str) -> Result<RunId> {
    let mut found = store.runs_by_prefix(scope, digits).await?;
    let mut filter = RunFilter { limit: ork_core::limits::PAGE_MAX, ..RunFilter::default() };
    for _ in 0..ENDINGS_MAX.div_ceil(filter.limit) {
        let page = store.runs(scope, &filter).await?;
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
        [] => Err(none(text).into()),
        _ => {
            let shown: Vec<String> = found.iter().take(5).map(ToString::to_string).collect();
            let message = format!("`{text}` can mean {} runs or more", found.len());
            Err(Refusal::usage(message).hint(format!("give more digits: {}", shown.join(", "))).into())
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

fn none(text: &str) -> Refusal {
    Refusal::no_match(format!("nothing matches `{text}`")).hint("ork runs list")
}

fn no_key(names: &Names, run: RunId, key: &str) -> Refusal {
    let keys = || names.groups().iter().map(|group| group.key.as_str());
    let hint = match nearest(key, keys()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its tasks: {}", keys().take(12).collect::<Vec<_>>().join(", ")),
    };
    Refusal::no_match(format!("`{run}` has no task `{key}`")).hint(hint)
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

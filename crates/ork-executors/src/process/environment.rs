//! The environment of a task's process.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ork_core::executor::{Assignment, ProcessWork};
use ork_core::id::TaskRef;

use super::folders::Folder;
use super::tree::NONCE;

/// The environment of one process.
pub type Variables = BTreeMap<OsString, OsString>;

/// What begins the names that belong to Ork.
const RESERVED: &str = "ORK_";

/// The variables of this process whose names are in `allowed`, where a `*` at the end stands for any rest. Ork's own
/// are never among them: they name databases and hold secrets.
pub fn inherited(allowed: &[String]) -> Variables {
    let is_allowed = |name: &OsStr| {
        let name = name.as_bytes();
        !name.starts_with(RESERVED.as_bytes())
            && allowed.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => name.starts_with(start.as_bytes()),
                None => name == pattern.as_bytes(),
            })
    };
    env::vars_os().filter(|(name, _)| is_allowed(name)).collect()
}

/// All variables of an attempt, or of a step: the inherited, over them the task's own, over them Ork's.
///
/// # Errors
/// In words, when a name or a value of the task's own cannot be set, or is not the task's to set.
pub fn of_attempt(
    inherited: &Variables,
    work: &Assignment,
    process: &ProcessWork,
    folder: &Folder,
) -> Result<Variables, String> {
    let mut variables = inherited.clone();
    let mut set = |name: &str, value: &OsStr| variables.insert(name.into(), value.into());
    set("TRACEPARENT", traceparent(work.task).as_ref());
    for (name, value) in &process.env {
        check(name, value)?;
        set(name, value.as_ref());
    }
    set("ORK_RUN_ID", work.task.run.to_string().as_ref());
    set("ORK_TASK_ID", work.task.id().to_string().as_ref());
    set("ORK_TASK_KEY", (*work.key).as_ref());
    set("ORK_TASK_INDEX", work.index.to_string().as_ref());
    set("ORK_ATTEMPT", work.attempt.to_string().as_ref());
    set(NONCE, work.nonce.as_ref());
    set("ORK_PARAMS", folder.params.as_ref());
    set("ORK_OUTPUT", folder.output().as_ref());
    set("ORK_PROGRESS", folder.progress().as_ref());
    set("ORK_ARTIFACTS", folder.artifacts().as_ref());
    set("ORK_WORK", folder.work().as_ref());
    set("ORK_TOKENS", folder.tokens().as_ref());
    if let Some(step) = &work.step {
        set("ORK_STEP", step.name.as_ref());
        set("ORK_ROUND", step.round.to_string().as_ref());
        if step.feedback.is_some() {
            set("ORK_FEEDBACK", folder.feedback().as_ref());
        }
        if step.is_work_lost {
            set("ORK_WORK_LOST", "1".as_ref());
        }
    }
    if let Some(project) = &work.project {
        set("ORK_PROJECT", project.as_ref());
    }
    Ok(variables)
}

fn check(name: &str, value: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("`env` has a variable without a name".into());
    }
    if name.contains(['=', '\0']) {
        return Err(format!("`env` names a variable `{}`: a name holds no `=` and no NUL", name.escape_debug()));
    }
    if name.starts_with(RESERVED) {
        return Err(format!("`env` may not set `{name}`: names that begin with `{RESERVED}` are Ork's own"));
    }
    if value.contains('\0') {
        return Err(format!("`env` gives `{name}` a value with a NUL character, which no process can receive"));
    }
    Ok(())
}

/// The W3C trace context (<https://www.w3.org/TR/trace-context/>) of a task: the run is the trace, the task the span.
/// Derived from the ids alone, so that every attempt, and whoever looks later, finds the same.
fn traceparent(task: TaskRef) -> String {
    let trace = task.run.uuid().as_u128();
    let span = task.id().uuid().as_u64_pair().1;
    format!("00-{trace:032x}-{span:016x}-01")
}

/// The folders of a `PATH`; what a system without one would search.
pub fn search_path(variables: &Variables) -> impl Iterator<Item = &Path> {
    let path =
        variables.get(OsStr::new("PATH")).map_or(OsStr::new("/usr/local/bin:/usr/bin:/bin"), OsString::as_os_str);
    path.as_bytes().split(|&b| b == b':').map(|folder| Path::new(OsStr::from_bytes(folder)))
}

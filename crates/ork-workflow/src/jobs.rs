//! The older JSON form of a plan, `{"jobs": [{"id", "type"|"operation", "params", "dependsOn"|"dependencies",
//! "output"}]}`, rewritten into a tree of the present form, whose reader then does all the checking.
//!
//! A text in `params` that is the marker `"$job1"` stands for the output of that job, and implies the dependency. A
//! path may follow it: `"$job1.url"`. Text that merely begins with `$` and names no job stays text. `output` says what
//! the job gives to its readers, for the program that made the plan; Ork has no use for it, and takes any value.
//! `result`, which that form had not, is what the run gives, with markers like `params`.

use std::collections::BTreeSet;

use crate::diagnostic::Report;
use crate::fields::{self, Fields};
use crate::source::Span;
use crate::tree::{Key, Kind, Located};
use crate::{codes, keys};

/// Whether a file has this form.
pub fn is_jobs(root: &Located) -> bool {
    matches!(&root.kind, Kind::Map(entries) if entries.iter().any(|(key, value)| key.name == "jobs" && matches!(value.kind, Kind::List(_))))
}

/// The same workflow in the present form; `None` when it has not this form, or cannot be read at all.
pub fn rewrite(root: &Located, report: &mut Report) -> Option<Located> {
    if !is_jobs(root) {
        return None;
    }
    let fields = Fields::open(root, "the plan", &keys::PLAN, report)?;
    let jobs = fields::list(fields.get("jobs")?, "`jobs`", report)?;
    if let Some((key, value)) = fields.entry("baseExecutionId")
        && !matches!(value.kind, Kind::Null)
    {
        report.hinted(codes::KEY_LATER, key.at, "`baseExecutionId` is not available in this build of Ork", "remove it");
    }
    let names: BTreeSet<&str> = jobs.iter().filter_map(id_of).collect();
    let mut tasks: Vec<(Key, Located)> = Vec::with_capacity(jobs.len());
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for job in jobs {
        if let Some((key, task)) = rewrite_job(job, &names, report) {
            if !seen.insert(key.name.clone()) {
                report.hinted(
                    codes::KEY_REPEATED,
                    key.at,
                    format!("there is a second job `{}`", key.name),
                    "rename one of them",
                );
            }
            tasks.push((key, task));
        }
    }
    if tasks.is_empty() {
        if jobs.is_empty() {
            let hint = "write a job into it: {\"id\": \"job1\", \"operation\": \"NAME\"}";
            report.hinted(codes::TASKS_NONE, fields.at, "`jobs` is empty", hint);
        }
        return None;
    }
    let mut entries: Vec<(Key, Located)> = fields.entry("name").cloned().into_iter().collect();
    entries.push(entry("tasks", Located { kind: Kind::Map(tasks), at: root.at }));
    if let Some((key, value)) = fields.entry("result") {
        entries.push((key.clone(), rewrite_value(value, &names, &mut BTreeSet::new())));
    }
    Some(Located { kind: Kind::Map(entries), at: root.at })
}

fn id_of(job: &Located) -> Option<&str> {
    let Kind::Map(entries) = &job.kind else { return None };
    entries.iter().find(|(key, _)| key.name == "id").and_then(|(_, value)| match &value.kind {
        Kind::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

fn rewrite_job(job: &Located, names: &BTreeSet<&str>, report: &mut Report) -> Option<(Key, Located)> {
    if !matches!(job.kind, Kind::Map(_) | Kind::Bad) {
        let message = format!("a job must be a mapping, and this is {}", job.noun());
        report.hinted(codes::WRONG_TYPE, job.at, message, "write {\"id\": \"job1\", \"operation\": \"NAME\"}");
        return None;
    }
    let fields = Fields::open(job, "a job", &keys::JOB, report)?;
    let Some(id) = fields.get("id") else {
        report.hinted(
            codes::KEY_MISSING,
            Span::new(job.at.start, job.at.start + 1),
            "this job has no `id`",
            "add it: \"id\": \"job1\"",
        );
        return None;
    };
    let name = fields::name(id, "the id of a job", report)?.to_owned();
    let operation = match (fields.get("operation"), fields.get("type")) {
        (Some(_), Some(node)) => {
            report.hinted(codes::KEYS_CONFLICT, node.at, "`type` and `operation` mean the same", "keep one of them");
            return None;
        }
        (Some(node), None) | (None, Some(node)) => node,
        (None, None) => {
            let hint = "add it: \"operation\": \"NAME\"";
            report.hinted(codes::KEY_MISSING, id.at, format!("job `{name}` has no `operation`"), hint);
            return None;
        }
    };
    let mut implied: BTreeSet<String> = BTreeSet::new();
    let mut entries = vec![entry("operation", operation.clone())];
    if let Some(params) = fields.get("params") {
        entries.push(entry("params", rewrite_value(params, names, &mut implied)));
        // That a job reads itself is said once, where it does.
        implied.remove(&name);
    }
    let mut needed: Vec<Located> = Vec::new();
    if let Some((key, node)) = fields.entry("dependsOn").or_else(|| fields.entry("dependencies")) {
        let what = format!("`{}`", key.name);
        if let Kind::Text(text) = &node.kind {
            let message = format!("{what} must be a list, and this is text");
            report.hinted(codes::WRONG_TYPE, node.at, message, format!("write [\"{text}\"]"));
            return None;
        }
        for item in fields::list(node, &what, report).unwrap_or_default() {
            if let Kind::Text(text) = &item.kind {
                implied.remove(text);
            }
            needed.push(item.clone());
        }
    }
    needed.extend(implied.into_iter().map(|other| Located { kind: Kind::Text(other), at: id.at }));
    if !needed.is_empty() {
        entries.push(entry("depends_on", Located { kind: Kind::List(needed), at: id.at }));
    }
    Some((Key { name, at: id.at, is_broken: false }, Located { kind: Kind::Map(entries), at: job.at }))
}

fn entry(name: &str, value: Located) -> (Key, Located) {
    (Key { name: name.to_owned(), at: value.at, is_broken: false }, value)
}

/// Markers become templates; all other text is data, which never holds a template in this form.
fn rewrite_value(node: &Located, names: &BTreeSet<&str>, implied: &mut BTreeSet<String>) -> Located {
    let kind = match &node.kind {
        Kind::Text(text) => {
            Kind::Text(marker(text, names, implied).unwrap_or_else(|| crate::expression::literal(text)))
        }
        Kind::List(items) => Kind::List(items.iter().map(|item| rewrite_value(item, names, implied)).collect()),
        Kind::Map(entries) => {
            Kind::Map(entries.iter().map(|(key, value)| (key.clone(), rewrite_value(value, names, implied))).collect())
        }
        other => other.clone(),
    };
    Located { kind, at: node.at }
}

fn marker(text: &str, names: &BTreeSet<&str>, implied: &mut BTreeSet<String>) -> Option<String> {
    let rest = text.strip_prefix('$')?;
    // The longest name wins: a name may hold dots.
    let name = names
        .iter()
        .filter(|name| rest.strip_prefix(**name).is_some_and(|path| path.is_empty() || path.starts_with('.')))
        .max_by_key(|name| name.len())?;
    let path = &rest[name.len()..];
    let is_path = path
        .split('.')
        .skip(1)
        .all(|step| !step.is_empty() && step.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()));
    if !is_path {
        return None;
    }
    implied.insert((*name).to_owned());
    let steps: String = path.split('.').skip(1).map(|step| format!("[\"{step}\"]")).collect();
    Some(format!("{{{{ tasks[\"{name}\"].output{steps} }}}}"))
}

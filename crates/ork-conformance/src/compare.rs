//! Dumps in a form in which equal facts are equal text, and what differs between two of them.
//!
//! Left out on purpose: how events are grouped into rows, since that is a matter of batching (each task's own sequence
//! and the run's own one are compared, and the total count); how a JSON text is spaced; the name of a loop of Ork's as an
//! actor; and what a group remembers of its time before its release once it is released.

use std::collections::BTreeMap;
use std::fmt::Debug;

use ork_core::event::{ActorKind, EventRow, TaskSet};
use ork_core::graph::Phase;
use ork_core::json::Json;
use ork_core::store::RunDump;
use serde_json::Value;

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<String, Value> = fields.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            fields.into_iter().collect()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

fn plain(json: &mut Option<Json>) {
    *json = json.as_ref().map(|json| Json::from_stored(sorted(json.value()).to_string()));
}

fn lines(into: &mut Vec<String>, name: &str, thing: &impl Debug) {
    into.extend(format!("{thing:#?}").lines().map(|line| format!("{name}: {line}")));
}

fn history(events: &[EventRow], wanted: impl Fn(&EventRow) -> bool) -> Vec<String> {
    (events.iter().filter(|event| wanted(event)))
        .map(|event| {
            let mut payload = event.payload.clone();
            plain(&mut payload);
            let payload = payload.as_ref().map_or("", Json::as_str);
            let by = if event.actor.kind == ActorKind::System { "" } else { event.actor.id.as_str() };
            format!("{} {} {by} {} {payload}", event.event_type.word(), event.actor.kind.word(), event.created_at)
        })
        .collect()
}

/// A dump as lines of text.
pub fn canonical(dump: &RunDump) -> Vec<String> {
    let mut text = Vec::new();
    let mut row = dump.row.clone();
    plain(&mut row.result);
    plain(&mut row.error);
    lines(&mut text, "run", &row);
    lines(&mut text, "head", &dump.head);
    for group in &dump.groups {
        let mut group = group.clone();
        plain(&mut group.items);
        if matches!(group.phase, Phase::Released | Phase::Over) {
            group.ended = TaskSet::default();
        }
        lines(&mut text, &format!("group {}", group.g), &group);
    }
    for task in &dump.tasks {
        let mut task = task.clone();
        plain(&mut task.row.output);
        let n = task.row.task.n;
        if task.delayed == 0 {
            task.row.available_at = None;
        }
        lines(&mut text, &format!("task {n}"), &task);
        let own = history(&dump.events, |event| event.tasks.contains(n));
        text.extend(own.into_iter().map(|line| format!("task {n} event: {line}")));
    }
    let own = history(&dump.events, |event| event.tasks.is_empty());
    text.extend(own.into_iter().map(|line| format!("run event: {line}")));
    for row in &dump.artifacts {
        lines(&mut text, "artifact", row);
    }
    lines(&mut text, "evaluations", &(&dump.evaluations, dump.evaluates_result));
    text
}

/// How many differing lines are shown.
const SHOWN_MAX: usize = 30;

/// What differs, as `-` for what is expected and `+` for what is there; `None` when nothing does.
pub fn difference(expected: &[String], actual: &[String]) -> Option<String> {
    if expected == actual {
        return None;
    }
    let mut shown: Vec<String> = Vec::new();
    let (mut left, mut right) = (expected.iter().peekable(), actual.iter().peekable());
    while left.peek().is_some() || right.peek().is_some() {
        match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if a == b => {
                left.next();
                right.next();
            }
            (Some(a), b) if b.is_none() || !actual.contains(a) => {
                shown.push(format!("- {a}"));
                left.next();
            }
            (_, Some(b)) => {
                shown.push(format!("+ {b}"));
                right.next();
            }
            (_, None) => break,
        }
    }
    shown.truncate(SHOWN_MAX);
    Some(shown.join("\n"))
}

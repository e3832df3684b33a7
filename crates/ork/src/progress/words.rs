//! How tasks, their names and their numbers are put into words.

use std::collections::BTreeMap;

use ork_core::clock::Timestamp;
use ork_core::event::TaskSet;
use ork_core::store::TaskRow;

use crate::names::Names;
use crate::when::duration;

/// Names in one line about several tasks.
const NAMES_MAX: usize = 4;

/// How often a task was tried, when that was more than once.
pub fn tries(task: &TaskRow) -> String {
    let took = took(task).map(|took| format!(" after {took}")).unwrap_or_default();
    if task.attempt > 1 { format!("{took}, attempt {}", task.attempt) } else { took }
}

pub fn took(task: &TaskRow) -> Option<String> {
    let (from, to): (Timestamp, Timestamp) = (task.started_at?, task.finished_at?);
    Some(duration(to.since_ms(from)))
}

pub fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

pub fn name(names: &Names, n: u32) -> String {
    names.place(n).map_or_else(|| format!("task {n}"), |place| place.to_string())
}

/// `a, b/0, b/1 and 97 more`; a whole group is its name and its size.
pub fn list(set: &TaskSet, names: &Names) -> String {
    let mut counts: BTreeMap<u32, (String, u64)> = BTreeMap::new();
    for n in set.iter() {
        let g = names.place(n).map_or(u32::MAX, |place| place.g);
        let entry = counts.entry(g).or_insert_with(|| (name(names, n), 0));
        entry.1 += 1;
        if entry.1 == 2 {
            entry.0 = names.place(n).map_or_else(String::new, |place| place.key.to_owned());
        }
    }
    let shown = counts.values().take(NAMES_MAX).map(|(name, count)| match count {
        1 => name.clone(),
        _ => format!("{name} ({})", tasks(*count)),
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    let more: u64 = counts.values().skip(NAMES_MAX).map(|(_, count)| count).sum();
    if more > 0 { format!("{shown} and {} more", thousands(more)) } else { shown }
}

/// The word of a reason, as people say it.
pub fn because(reason: &str) -> &str {
    match reason {
        "condition" => "its condition is false",
        "upstream" => "what it needs did not succeed",
        "stop" => "another task failed",
        "deadline" => "the run passed its time limit",
        "unproven" => "that its process has ended is not proven",
        "reused" => "taken over from the run before",
        // Who cancelled it is said of the run.
        "cancel" => "",
        other => other,
    }
}

/// `1 task`, `12,345 tasks`
pub fn tasks(count: u64) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{} tasks", thousands(count)) }
}

/// `12,345`
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}

//! What differs between two runs, for people and as JSON.

use anyhow::Result;
use ork_core::clock::Timestamp;
use ork_core::store::TaskRow;
use serde_json::{Value, json};

use super::{Diff, NodeDiff, Side, TaskDiff, took};
use crate::json_diff::Difference;
use crate::output::{Output, faint, status};
use crate::progress::{tasks, thousands};
use crate::table;
use crate::when::{ago, duration};

/// Lines of each section.
const LINES_MAX: usize = 20;

/// Tells what differs.
pub fn tell(out: Output, now: Timestamp, (a, b): (&Side, &Side), diff: &Diff) -> Result<()> {
    if out.json {
        return Ok(out.value(&view((a, b), diff))?);
    }
    let head = |side: &Side| {
        let row = &side.row;
        let total = tasks(u64::from(row.tasks_total));
        let of = if row.retry_of.is_some() { "a retry" } else { "" };
        let words = [row.status.word(), &row.name, &row.id.to_string(), &total, &ago(row.created_at, now), of];
        words.map(str::to_owned).to_vec()
    };
    let paint = |column: usize, cell: &str| match column {
        0 => status(cell),
        3.. => faint(cell),
        _ => cell.to_owned(),
    };
    for line in table::lines(&[head(a), head(b)], paint) {
        out.data(line)?;
    }
    if diff.input.is_empty() && diff.plan.is_empty() {
        let rest = diff.tasks.is_empty() && diff.outputs.is_empty() && diff.result.is_empty();
        out.data(format!("same plan, same input{}", if rest { ", and every task went the same way" } else { "" }))?;
    }
    section(out, "input", diff.input.iter().map(line).collect())?;
    section(out, "plan", diff.plan.iter().flat_map(of_node).collect())?;
    section(out, "tasks", diff.tasks.iter().map(of_task).collect())?;
    let of_output = |(name, difference): &(String, Difference)| {
        let mut cells = line(difference);
        cells.insert(0, name.clone());
        cells
    };
    section(out, "outputs", diff.outputs.iter().map(of_output).collect())?;
    section(out, "result", diff.result.iter().map(line).collect())
}

fn section(out: Output, title: &str, rows: Vec<Vec<String>>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    out.data(format!("\n{title}"))?;
    let more = rows.len().saturating_sub(LINES_MAX);
    for line in table::lines(&rows[..rows.len() - more], |_, cell| cell.to_owned()) {
        out.data(format!("  {line}"))?;
    }
    if more > 0 {
        out.data(format!("  and {} more; all of them: --json", thousands(more as u64)))?;
    }
    Ok(())
}

/// Where, what is there, and what is there in the other.
fn line(difference: &Difference) -> Vec<String> {
    let text = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
    let (a, b) = (text(&difference.a), text(&difference.b));
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let change = format!("{} → {}", short(&a, same), short(&b, same));
    if difference.path.is_empty() { vec![change] } else { vec![difference.path.clone(), change] }
}

/// Characters of one of two values in a line.
const SIDE_MAX: usize = 40;
/// Those of them that the values have in common before they differ.
const BEFORE_MAX: usize = 10;

/// The part of a long value around the place where it begins to differ.
fn short(text: &str, same: usize) -> String {
    let total = text.chars().count();
    if total <= SIDE_MAX {
        return text.to_owned();
    }
    let from = same.saturating_sub(BEFORE_MAX);
    let part: String = text.chars().skip(from).take(SIDE_MAX).collect();
    let (before, after) = (if from > 0 { "…" } else { "" }, if from + SIDE_MAX < total { "…" } else { "" });
    format!("{before}{part}{after}")
}

fn of_node(node: &NodeDiff) -> Vec<Vec<String>> {
    let key = if node.key.is_empty() { "the workflow" } else { &node.key };
    if node.fields.is_empty() {
        return vec![vec![key.to_owned(), node.change.to_owned()]];
    }
    let cells = |difference: &Difference| {
        let mut cells = line(difference);
        cells.insert(0, key.to_owned());
        cells
    };
    node.fields.iter().map(cells).collect()
}

fn of_task(task: &TaskDiff) -> Vec<String> {
    let (Some(a), Some(b)) = (&task.a, &task.b) else {
        let side = if task.a.is_some() { "only in the first" } else { "only in the second" };
        return vec![task.name.clone(), side.into()];
    };
    let mut words = Vec::new();
    if a.status != b.status {
        words.push(format!("{} → {}", a.status, b.status));
    }
    if let (None, None, true) = (a.reused_from, b.reused_from, a.attempt != b.attempt) {
        words.push(format!("attempts {} → {}", a.attempt, b.attempt));
    }
    if let (Some(from), Some(to), Some(ratio)) = (took(a), took(b), task.ratio) {
        let word = if from > to { "faster" } else { "slower" };
        words.push(format!("{} → {} ({ratio:.1} times {word})", duration(from), duration(to)));
    }
    vec![task.name.clone(), words.join(", ")]
}

fn view((a, b): (&Side, &Side), diff: &Diff) -> Value {
    let places = |found: &[Difference]| found.iter().map(place).collect::<Vec<Value>>();
    let node = |node: &NodeDiff| json!({"key": node.key, "change": node.change, "fields": places(&node.fields)});
    let output = |(name, difference): &(String, Difference)| {
        let mut value = place(difference);
        value["task"] = name.as_str().into();
        value
    };
    let task = |task: &TaskDiff| {
        json!({
            "task": task.name,
            "a": task.a.as_ref().map(brief),
            "b": task.b.as_ref().map(brief),
            "ratio": task.ratio,
        })
    };
    json!({
        "a": a.row.id.to_string(),
        "b": b.row.id.to_string(),
        "same_input": diff.input.is_empty(),
        "same_plan": diff.plan.is_empty(),
        "input": places(&diff.input),
        "plan": diff.plan.iter().map(node).collect::<Vec<Value>>(),
        "tasks": diff.tasks.iter().map(task).collect::<Vec<Value>>(),
        "outputs": diff.outputs.iter().map(output).collect::<Vec<Value>>(),
        "result": places(&diff.result),
    })
}

fn place(difference: &Difference) -> Value {
    let mut value = json!({"path": difference.path});
    for (side, there) in [("a", &difference.a), ("b", &difference.b)] {
        if let Some(there) = there {
            value[side] = there.clone();
        }
    }
    value
}

fn brief(task: &TaskRow) -> Value {
    json!({
        "status": task.status.word(),
        "attempt": task.attempt,
        "duration_ms": took(task),
        "reused": task.reused_from.is_some(),
    })
}

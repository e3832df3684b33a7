//! `ork runs diff`: two runs side by side.

mod tell;

use std::collections::BTreeMap;

use anyhow::Result;
use ork_core::id::RunId;
use ork_core::json::Json;
use ork_core::plan::Plan;
use ork_core::store::{RunRow, TaskRow};
use ork_filter::Filter;
use serde_json::{Value, json};

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::{History, Outputs, Wanted};
use crate::ids;
use crate::json_diff::{Difference, differences};
use crate::output::Output;

/// Options of `ork runs diff`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Compares inputs, plans, and for each task how it ended, its attempts, its duration (where one took half as long again, and \
more than a second) and its output. One run is compared with the run that it repeats, or \
took tasks over from.

Examples:
  ork runs diff last
  ork runs diff 9def 41c0 --json")]
pub struct Args {
    /// A run; alone, one that repeats another or took tasks over from it [default: the newest run]
    #[arg(value_name = "RUN", default_value = "last", hide_default_value = true)]
    pub a: String,
    /// The run to compare it with.
    #[arg(value_name = "OTHER")]
    pub b: Option<String>,
}

/// What is compared of one run.
struct Side {
    row: RunRow,
    input: Value,
    plan: Plan,
    tasks: BTreeMap<String, TaskRow>,
}

/// What differs.
struct Diff {
    input: Vec<Difference>,
    plan: Vec<NodeDiff>,
    tasks: Vec<TaskDiff>,
    outputs: Vec<(String, Difference)>,
    result: Vec<Difference>,
}

/// A node that only one plan has, or that differs. The plan's own settings are a node without a name.
struct NodeDiff {
    key: String,
    change: &'static str,
    fields: Vec<Difference>,
}

/// A task that went another way, or that only one run has.
struct TaskDiff {
    name: String,
    a: Option<TaskRow>,
    b: Option<TaskRow>,
    /// How many times as long the longer one took, where that is worth a word.
    ratio: Option<f64>,
}

/// Carries out `ork runs diff`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let first = ids::run(&history, &args.a).await?;
    let (a, b) = match &args.b {
        Some(other) => (first, ids::run(&history, other).await?),
        None => (repeated(&history, first).await?, first),
    };
    if a == b {
        return Err(Refusal::usage(format!("both are `{a}`")).into());
    }
    let (a, b) = (read(&history, a).await?, read(&history, b).await?);
    tell::tell(out, history.now(), (&a, &b), &compare(&a, &b)?)?;
    Ok(Exit::Success)
}

/// The run that a run repeats, or took the most recent of what it took over from.
async fn repeated(history: &History, id: RunId) -> Result<RunId> {
    let run = history.row(id).await?;
    if let Some(of) = run.retry_of {
        return Ok(of);
    }
    let tasks = history.all_tasks(id, Outputs::Without).await?;
    if let Some(of) = tasks.iter().filter_map(|task| task.reused_from).map(|task| task.run).max() {
        return Ok(of);
    }
    let filter = Filter { name: Some(run.name.clone()), ..Filter::default() };
    let before = history.runs(&Wanted { filter, before: Some(id), ..Wanted::newest(1) }).await?;
    let refusal = Refusal::usage(format!("`{id}` repeats no other run: say which to compare it with"));
    let other = before.first().map_or_else(|| "OTHER".to_owned(), |row| row.id.to_string());
    Err(refusal.hint(format!("ork runs diff {other} {id}{}", history.flags())).into())
}

async fn read(history: &History, id: RunId) -> Result<Side> {
    let made = history.made(id).await?;
    let names = history.names(id).await?;
    let tasks = history.all_tasks(id, Outputs::With).await?;
    Ok(Side {
        row: history.row(id).await?,
        input: made.input,
        plan: made.plan,
        tasks: tasks.into_iter().map(|task| (names.of_task(&task), task)).collect(),
    })
}

fn compare(a: &Side, b: &Side) -> Result<Diff> {
    let order = |side: &Side| {
        let mut tasks: Vec<(u32, u32, String)> =
            side.tasks.iter().map(|(name, task)| (task.g, task.task_index, name.clone())).collect();
        tasks.sort_unstable();
        tasks.into_iter().map(|(.., name)| name).collect::<Vec<_>>()
    };
    let only_a = order(a).into_iter().filter(|name| !b.tasks.contains_key(name));
    let all = order(b).into_iter().chain(only_a);
    let (mut tasks, mut outputs) = (Vec::new(), Vec::new());
    for name in all {
        let (of_a, of_b) = (a.tasks.get(&name), b.tasks.get(&name));
        if let (Some(of_a), Some(of_b)) = (of_a, of_b) {
            let value = |task: &TaskRow| task.output.as_ref().map_or(Value::Null, Json::value);
            let found = differences(&value(of_a), &value(of_b));
            outputs.extend(found.into_iter().map(|difference| (name.clone(), difference)));
        }
        tasks.extend(compare_tasks(name, of_a, of_b));
    }
    let result = |side: &Side| side.row.result.as_ref().map_or(Value::Null, Json::value);
    Ok(Diff {
        input: differences(&a.input, &b.input),
        plan: compare_plans(&a.plan, &b.plan)?,
        tasks,
        outputs,
        result: differences(&result(a), &result(b)),
    })
}

fn compare_tasks(name: String, a: Option<&TaskRow>, b: Option<&TaskRow>) -> Option<TaskDiff> {
    let ratio = match (a, b) {
        (Some(a), Some(b)) => {
            let ratio = ratio(took(a), took(b));
            let was_tried = |task: &TaskRow| task.reused_from.is_none();
            let tries_differ = was_tried(a) && was_tried(b) && a.attempt != b.attempt;
            if a.status == b.status && !tries_differ && ratio.is_none() {
                return None;
            }
            ratio
        }
        _ => None,
    };
    Some(TaskDiff { name, a: a.cloned(), b: b.cloned(), ratio })
}

/// How long the last attempt took.
fn took(task: &TaskRow) -> Option<u64> {
    Some(task.finished_at?.since_ms(task.started_at?)).filter(|_| task.reused_from.is_none())
}

/// Shorter times, and smaller differences, are noise.
fn ratio(a: Option<u64>, b: Option<u64>) -> Option<f64> {
    let (shorter, longer) = (a?.min(b?), a?.max(b?));
    let ratio = longer as f64 / shorter.max(1) as f64;
    (ratio > 1.5 && longer > 1_000).then_some(ratio)
}

/// Nodes by name, with the names of what they need instead of its place.
fn nodes(plan: &Plan) -> Result<BTreeMap<String, Value>> {
    let name = |at: &u32| plan.nodes.get(*at as usize).map_or("?", |node| node.key.as_str());
    let mut nodes = BTreeMap::new();
    for node in &plan.nodes {
        let mut value = serde_json::to_value(node)?;
        value["depends_on"] = json!(node.depends_on.iter().map(name).collect::<Vec<_>>());
        nodes.insert(node.key.clone(), value);
    }
    let mut own = serde_json::to_value(Plan { nodes: Vec::new(), ..plan.clone() })?;
    own.as_object_mut().map(|fields| fields.remove("nodes"));
    nodes.insert(String::new(), own);
    Ok(nodes)
}

fn compare_plans(a: &Plan, b: &Plan) -> Result<Vec<NodeDiff>> {
    let (a, mut b) = (nodes(a)?, nodes(b)?);
    let mut found = Vec::new();
    for (key, of_a) in a {
        let (change, fields) = match b.remove(&key) {
            Some(of_b) => ("changed", differences(&of_a, &of_b)),
            None => ("removed", Vec::new()),
        };
        if change == "removed" || !fields.is_empty() {
            found.push(NodeDiff { key, change, fields });
        }
    }
    found.extend(b.into_keys().map(|key| NodeDiff { key, change: "added", fields: Vec::new() }));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_slow_has_a_ratio() {
        assert_eq!(ratio(Some(2_000), Some(1_000)), Some(2.0));
        assert_eq!(ratio(Some(1_000), Some(1_500)), None, "not half as long again");
        assert_eq!(ratio(Some(10), Some(900)), None, "not a second");
        assert_eq!((ratio(None, Some(5_000)), ratio(Some(0), Some(2_000))), (None, Some(2_000.0)));
    }
}

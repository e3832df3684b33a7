//! `ork runs show`.

use std::collections::BTreeMap;

use anyhow::Result;
use ork_core::id::{RunId, TaskRef};
use ork_core::json::Json;
use ork_core::state::{Reason, TaskStatus};
use ork_core::store::{AttemptRow, GroupRow, RunRow, TaskRow};
use ork_graph::States;
use serde_json::Value;

use crate::carry::row;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::ids::{self, Target};
use crate::names::Names;
use crate::output::{Output, faint, status};
use crate::progress::thousands;
use crate::table;
use crate::verdict;
use crate::view;
use crate::when::{ago, duration, until};
use crate::why;
use crate::world::{SCOPE, World};

/// Options of `ork runs show`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Siblings of `count` and `each` are one line with their number in each status; one of them is RUN/KEY/INDEX.

Examples:
  ork runs show last
  ork runs show last/cut/3 --json")]
pub struct Args {
    /// A run or a task [default: the newest run]
    #[arg(value_name = "RUN|TASK", default_value = "last", hide_default_value = true)]
    pub target: String,
}

/// Groups that are shown.
const GROUPS_MAX: usize = 200;

/// Carries out `ork runs show`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    match ids::target(world.store.as_ref(), SCOPE, &args.target).await? {
        Target::Run(id) if out.json => show_json(&world, id).await?,
        Target::Run(id) => show_run(&world, id).await?,
        Target::Task(task) => show_task(&world, task).await?,
    }
    Ok(Exit::Success)
}

async fn show_json(world: &World, id: RunId) -> Result<()> {
    let mut value = view::run(&row(world, id).await?);
    let tasks = world.tasks(id).await?;
    value["tasks"] = tasks.iter().map(view::task).collect::<Vec<Value>>().into();
    Ok(world.out.value(&value)?)
}

async fn show_run(world: &World, id: RunId) -> Result<()> {
    let run = row(world, id).await?;
    let names = Names::read(world.store.as_ref(), SCOPE, id).await?;
    world.out.data(format!("{}  {}  {id}", status(run.status.word()), run.name))?;
    for (what, text) in facts(world, &run) {
        world.out.data(format!("  {what:<9} {text}"))?;
    }
    world.out.data("")?;
    let mut tasks: BTreeMap<u32, Vec<TaskRow>> = BTreeMap::new();
    for task in world.tasks(id).await? {
        tasks.entry(task.g).or_default().push(task);
    }
    let shown = names.groups().iter().take(GROUPS_MAX);
    let cells: Vec<Vec<String>> =
        shown.map(|group| cells(world, group, tasks.get(&group.g).map_or(&[], Vec::as_slice))).collect();
    let paint = |column: usize, cell: &str| match column {
        0 => status(cell),
        2 => faint(cell),
        _ => cell.to_owned(),
    };
    for line in table::lines(&cells, paint) {
        world.out.data(format!("  {line}"))?;
    }
    if names.groups().len() > GROUPS_MAX {
        let more = (names.groups().len() - GROUPS_MAX) as u64;
        world.out.data(format!("  and {} more; all: ork runs show {id} --json", thousands(more)))?;
    }
    for task in verdict::failures(world, id, 3).await? {
        verdict::tell_failure(world, &names, &task).await?;
    }
    if !run.status.is_terminal()
        && let Some(reason) = why::of_run(world, id).await?
    {
        world.out.data(format!("\nwhy: {}", reason.sentence))?;
    }
    world.out.talk(format!("\nhistory: {} (ork runs logs {id}{})", world.database.place(), world.flags()));
    Ok(())
}

fn facts(world: &World, run: &RunRow) -> Vec<(&'static str, String)> {
    let now = world.now();
    let mut facts = Vec::new();
    let took = run.finished_at.unwrap_or(now).since_ms(run.created_at);
    let state = if run.finished_at.is_some() { "took" } else { "so far" };
    facts.push(("created", format!("{}, {state} {}", ago(run.created_at, now), duration(took))));
    let done = run.tasks_total - run.tasks_left;
    let bad = if run.tasks_bad > 0 { format!(", {} failed or cancelled", run.tasks_bad) } else { String::new() };
    facts.push(("tasks", format!("{done} of {} done{bad}", run.tasks_total)));
    if let Some(of) = run.retry_of {
        facts.push(("retry of", of.to_string()));
    }
    if let Some(by) = &run.cancel_requested_by {
        let reason = run.cancelling.map_or("cancel", Reason::word);
        facts.push(("ended by", format!("{by} ({reason})")));
    }
    if let Some(host) = &run.host {
        facts.push(("host", host.clone()));
    }
    if let Some(project) = &run.project {
        facts.push(("project", project.clone()));
    }
    if !run.labels.is_empty() {
        let labels: Vec<String> = run.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        facts.push(("labels", labels.join(" ")));
    }
    if let Some(result) = run.result.as_ref().map(Json::as_str).filter(|text| *text != "null") {
        facts.push(("result", cut(result)));
    }
    facts
}

fn cells(world: &World, group: &GroupRow, tasks: &[TaskRow]) -> Vec<String> {
    if let ([task], Some(1) | None) = (tasks, group.size) {
        return vec![task.status.word().into(), group.key.clone(), task_words(world, task)];
    }
    let states: States = tasks.iter().map(|task| task.status).collect();
    let size = group.size.map_or_else(|| "?".into(), |size| thousands(u64::from(size)));
    vec![states.overall().word().into(), format!("{} ({size} tasks)", group.key), states.to_string()]
}

fn task_words(world: &World, task: &TaskRow) -> String {
    let now = world.now();
    let mut words = Vec::new();
    if let (Some(from), Some(to)) = (task.started_at, task.finished_at) {
        words.push(duration(to.since_ms(from)));
    } else if let (Some(from), false) = (task.started_at, task.status.is_terminal()) {
        words.push(format!("for {}", duration(now.since_ms(from))));
    }
    if let (Some(at), TaskStatus::Retrying) = (task.available_at, task.status) {
        words.push(format!("failure {} of {}, again {}", task.failures, task.max_attempts, until(at, now)));
    } else if task.attempt > 1 {
        words.push(format!("attempt {}", task.attempt));
    }
    if let Some(progress) = task.progress.as_ref().filter(|_| !task.status.is_terminal()) {
        words.push(format!("{} %", progress.percent));
    }
    if task.held {
        words.push("waits for a slot".into());
    }
    if let Some(reason) = task.reason {
        words.push(reason.word().into());
    }
    words.join(", ")
}

async fn show_task(world: &World, task: TaskRef) -> Result<()> {
    let store = &world.store;
    let found = store.task(SCOPE, task).await?;
    let row = found.ok_or_else(|| Refusal::no_match(format!("nothing matches `{}`", task.id())))?;
    let attempts = store.attempts(SCOPE, task).await?;
    if world.out.json {
        let mut value = view::task(&row);
        value["attempts"] = attempts.iter().map(view::attempt).collect::<Vec<Value>>().into();
        return Ok(world.out.value(&value)?);
    }
    let names = Names::read(store.as_ref(), SCOPE, task.run).await?;
    world.out.data(format!("{}  {}  {}", status(row.status.word()), names.of_task(&row), task.id()))?;
    if let Some(reason) = why::of_task(world, task).await? {
        world.out.data(format!("  why       {}", reason.why))?;
    }
    // A lane that begins with `#` is one process: no worker serves it.
    if !row.lane.starts_with('#') {
        world.out.data(format!("  queue     {}", row.lane))?;
    }
    if let Some(output) = row.output.as_ref().map(Json::as_str) {
        world.out.data(format!("  output    {}", cut(output)))?;
    }
    for attempt in &attempts {
        world.out.data(format!("  attempt   {}", attempt_words(attempt, world)))?;
    }
    Ok(())
}

fn attempt_words(attempt: &AttemptRow, world: &World) -> String {
    let end = attempt.finished_at.unwrap_or_else(|| world.now());
    let took = duration(end.since_ms(attempt.started_at.unwrap_or(attempt.dispatched_at)));
    let outcome = attempt.outcome.as_deref().unwrap_or("running");
    let error = attempt.error.as_ref().map(|error| format!(": {}", error.message)).unwrap_or_default();
    format!("{}  {}  {took}{error}", attempt.attempt, status(outcome))
}

/// Characters of a value in a line.
const VALUE_MAX: usize = 100;

fn cut(text: &str) -> String {
    if text.chars().count() <= VALUE_MAX {
        text.to_owned()
    } else {
        format!("{}…", text.chars().take(VALUE_MAX).collect::<String>())
    }
}

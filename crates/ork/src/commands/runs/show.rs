//! `ork runs show`.

use std::collections::BTreeMap;

use anyhow::Result;
use ork_core::id::{RunId, TaskRef};
use ork_core::json::Json;
use ork_core::state::Reason;
use ork_core::store::{GroupRow, RunRow, TaskRow};
use ork_graph::States;
use serde_json::Value;

use crate::carry::row;
use crate::commands::tasks::list::words;
use crate::commands::tasks::show::{cut, show_task};
use crate::config::Config;
use crate::exit_code::Exit;
use crate::ids::{self, Target};
use crate::names::Names;
use crate::output::{Output, faint, status};
use crate::progress::thousands;
use crate::table;
use crate::verdict;
use crate::view;
use crate::when::{ago, duration};
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
    let mut states: BTreeMap<u32, States> = BTreeMap::new();
    for count in world.store.counts(SCOPE, id).await? {
        states.entry(count.g).or_default().add_many(count.status, count.count);
    }
    let mut cells: Vec<Vec<String>> = Vec::new();
    for group in names.groups().iter().take(GROUPS_MAX) {
        cells.push(match group.size {
            Some(1) | None => {
                let only = world.store.task(SCOPE, TaskRef { run: id, n: group.first }).await?;
                only.map_or_else(Vec::new, |task| cells_of(world, group, &task))
            }
            Some(size) => cells_of_all(group, size, &states.remove(&group.g).unwrap_or_default()),
        });
    }
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
        verdict::tell_failure(world, &names, &task, verdict::TAIL_LINES).await?;
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

fn cells_of(world: &World, group: &GroupRow, task: &TaskRow) -> Vec<String> {
    vec![task.status.word().into(), group.key.clone(), words(world, task)]
}

fn cells_of_all(group: &GroupRow, size: u32, states: &States) -> Vec<String> {
    let size = thousands(u64::from(size));
    vec![states.overall().word().into(), format!("{} ({size} tasks)", group.key), states.to_string()]
}

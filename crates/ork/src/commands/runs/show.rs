//! `ork runs show`.

use std::collections::BTreeMap;

use anyhow::Result;
use ork_core::id::RunId;
use ork_core::json::Json;
use ork_core::limits::PAGE_MAX;
use ork_core::state::Reason;
use ork_core::store::{GroupRow, RunRow, TaskRow};
use ork_graph::States;
use serde_json::Value;

use crate::commands::artifacts::summary;
use crate::commands::budgets::list::standing;
use crate::commands::tasks::list::words;
use crate::commands::tasks::show::{cut, show_task};
use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::{History, Outputs, WantedArtifacts};
use crate::ids::Target;
use crate::output::{Output, faint, status};
use crate::progress::thousands;
use crate::table;
use crate::verdict;
use crate::view;
use crate::when::{ago, duration};
use crate::why;

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
    let history = History::find(out, config).await?;
    match history.resolve(&args.target).await? {
        Target::Run(id) if out.json => show_json(&history, id).await?,
        Target::Run(id) => show_run(&history, id).await?,
        Target::Task(task) => show_task(&history, task).await?,
    }
    Ok(Exit::Success)
}

async fn show_json(history: &History, id: RunId) -> Result<()> {
    let mut value = view::run(&history.row(id).await?);
    let tasks = history.all_tasks(id, Outputs::With).await?;
    value["budget"] = view::value(history.run_budget(id).await?);
    value["tasks"] = tasks.iter().map(view::task).collect::<Vec<Value>>().into();
    Ok(history.out.value(&value)?)
}

async fn show_run(history: &History, id: RunId) -> Result<()> {
    let run = history.row(id).await?;
    let names = history.names(id).await?;
    history.out.data(format!("{}  {}  {id}", status(run.status.word()), run.name))?;
    let budget = history.run_budget(id).await?;
    let budget = budget.map(|budget| ("budget", standing(budget.limit, budget.used, budget.reserved)));
    let kept =
        history.artifacts(&WantedArtifacts { run: Some(id), limit: PAGE_MAX, ..WantedArtifacts::default() }).await?;
    let kept = (!kept.is_empty()).then(|| ("artifacts", summary(&kept)));
    for (what, text) in facts(history, &run).into_iter().chain(budget).chain(kept) {
        history.out.data(format!("  {what:<9} {text}"))?;
    }
    history.out.data("")?;
    let mut tasks: BTreeMap<u32, Vec<TaskRow>> = BTreeMap::new();
    for task in history.all_tasks(id, Outputs::Without).await? {
        tasks.entry(task.g).or_default().push(task);
    }
    let shown = names.groups().iter().take(GROUPS_MAX);
    let cells: Vec<Vec<String>> =
        shown.map(|group| cells(history, group, tasks.get(&group.g).map_or(&[], Vec::as_slice))).collect();
    let paint = |column: usize, cell: &str| match column {
        0 => status(cell),
        2 => faint(cell),
        _ => cell.to_owned(),
    };
    for line in table::lines(&cells, paint) {
        history.out.data(format!("  {line}"))?;
    }
    if names.groups().len() > GROUPS_MAX {
        let more = (names.groups().len() - GROUPS_MAX) as u64;
        history.out.data(format!("  and {} more; all: ork runs show {id} --json", thousands(more)))?;
    }
    for task in verdict::failures(history, id, 3).await? {
        verdict::tell_failure(history, &names, &task, verdict::TAIL_LINES).await?;
    }
    if !run.status.is_terminal()
        && let Some(reason) = why::of_run(history, id).await?
    {
        history.out.data(format!("\nwhy: {}", reason.shape.sentence))?;
    }
    history.out.talk(format!("\nhistory: {} (ork runs logs {id}{})", history.at.place(), history.flags()));
    Ok(())
}

fn facts(history: &History, run: &RunRow) -> Vec<(&'static str, String)> {
    let now = history.now();
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

fn cells(history: &History, group: &GroupRow, tasks: &[TaskRow]) -> Vec<String> {
    if let ([task], Some(1) | None) = (tasks, group.size) {
        return vec![task.status.word().into(), group.key.clone(), words(history, task)];
    }
    let states: States = tasks.iter().map(|task| task.status).collect();
    let size = group.size.map_or_else(|| "?".into(), |size| thousands(u64::from(size)));
    vec![states.overall().word().into(), format!("{} ({size} tasks)", group.key), states.to_string()]
}

//! `ork why`: the reason why something is not over.

use anyhow::Result;
use ork_core::id::{RunId, TaskRef};
use ork_core::store::RunRow;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::ids::Target;
use crate::output::{Output, status};
use crate::progress::tasks;
use crate::verdict;
use crate::view;
use crate::why::{self, Reason};

/// Options of `ork why`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
For a run that goes on: what holds it up, or what it is at. For one that failed: the tasks that did, with the end of \
their logs. For a task: the one reason why it is where it is.

Examples:
  ork why last
  ork why last/greet
  ork why 9def/cut/3 --json")]
pub struct Args {
    /// A run or a task [default: the newest run]
    #[arg(value_name = "RUN|TASK", default_value = "last", hide_default_value = true)]
    pub target: String,
}

/// Reasons that are told of one run.
const REASONS_MAX: usize = 5;

/// Carries out `ork why`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    match history.resolve(&args.target).await? {
        Target::Task(task) => {
            let found = why::of_task(&history, task).await?;
            let reason = found.ok_or_else(|| Refusal::no_match(format!("nothing matches `{}`", args.target)))?;
            of_task(&history, task, &reason).await?;
        }
        Target::Run(id) => of_run(&history, id).await?,
    }
    Ok(Exit::Success)
}

async fn of_task(history: &History, task: TaskRef, reason: &Reason) -> Result<()> {
    if history.out.json {
        return Ok(history.out.value(&view::value(&reason.shape))?);
    }
    let row = history.task_row(task).await?;
    history.out.data(format!("{}  {}: {}", status(row.status.word()), reason.name, reason.text))?;
    if row.error.is_some() {
        let names = history.names(task.run).await?;
        verdict::tell_failure(history, &names, &row, verdict::TAIL_LINES).await?;
    }
    Ok(())
}

async fn of_run(history: &History, id: RunId) -> Result<()> {
    let run = history.row(id).await?;
    let why = history.why_run(id).await?.ok_or_else(|| Refusal::no_match(format!("`{id}` does not exist any more")))?;
    if history.out.json {
        return Ok(history.out.value(&view::value(&why))?);
    }
    history.out.data(format!("{}  {}  {id}", status(run.status.word()), run.name))?;
    if run.status.is_terminal() {
        return of_ended(history, &run).await;
    }
    let sentences = folded(&why::reasons(history, id, &why).await?);
    for sentence in sentences.iter().take(REASONS_MAX) {
        history.out.data(format!("  {sentence}"))?;
    }
    if sentences.len() > REASONS_MAX {
        history.out.data(format!("  and {} more", sentences.len() - REASONS_MAX))?;
    }
    Ok(())
}

/// One sentence for all siblings of which the same is true.
fn folded(reasons: &[Reason]) -> Vec<String> {
    let mut sentences: Vec<(&Reason, u64)> = Vec::new();
    for reason in reasons {
        let is_like =
            |(other, _): &&mut (&Reason, u64)| other.shape.key == reason.shape.key && other.text == reason.text;
        match sentences.iter_mut().find(is_like) {
            Some((_, count)) => *count += 1,
            None => sentences.push((reason, 1)),
        }
    }
    let sentence = |(reason, count): (&Reason, u64)| match count {
        1 => reason.shape.sentence.clone(),
        _ => format!("{} ({}): {}", reason.shape.key, tasks(count), reason.text),
    };
    sentences.into_iter().map(sentence).collect()
}

async fn of_ended(history: &History, run: &RunRow) -> Result<()> {
    let sentence = match (&run.cancelling, &run.cancel_requested_by) {
        (Some(ork_core::state::Reason::Deadline), _) => "  it passed its time limit".to_owned(),
        (Some(_), Some(by)) => format!("  `{by}` asked for its end"),
        _ if run.tasks_bad == 0 => "  it is over".to_owned(),
        _ => format!("  {} of {} tasks failed or cancelled", run.tasks_bad, run.tasks_total),
    };
    history.out.data(sentence)?;
    let names = history.names(run.id).await?;
    for task in verdict::failures(history, run.id, 5).await? {
        verdict::tell_failure(history, &names, &task, verdict::TAIL_LINES).await?;
    }
    Ok(())
}

//! `ork why`: the reason why something is not over.

use anyhow::Result;
use ork_core::id::RunId;
use ork_core::store::RunRow;

use crate::carry::row;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::ids::{self, Target};
use crate::names::Names;
use crate::output::{Output, status};
use crate::progress::tasks;
use crate::verdict;
use crate::view;
use crate::why::{self, Reason};
use crate::world::World;

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
    let world = World::find(out, config).await?;
    match ids::target(world.store.as_ref(), world.scope(), &args.target).await? {
        Target::Task(task) => {
            let found = why::of_task(&world, task).await?;
            let reason = found.ok_or_else(|| Refusal::no_match(format!("nothing matches `{}`", args.target)))?;
            of_task(&world, &reason).await?;
        }
        Target::Run(id) => of_run(&world, id).await?,
    }
    Ok(Exit::Success)
}

async fn of_task(world: &World, reason: &Reason) -> Result<()> {
    if world.out.json {
        return Ok(world.out.value(&view::value(ork_server::view::reason(reason)))?);
    }
    let word = reason.task.status.word();
    world.out.data(format!("{}  {}: {}", status(word), reason.name, reason.text))?;
    if reason.task.error.is_some() {
        let names = Names::read(world.store.as_ref(), world.scope(), reason.task.task.run).await?;
        verdict::tell_failure(world, &names, &reason.task, verdict::TAIL_LINES).await?;
    }
    Ok(())
}

async fn of_run(world: &World, id: RunId) -> Result<()> {
    let run = row(world, id).await?;
    let reasons = why::all_of_run(world, id).await?;
    if world.out.json {
        let failures = verdict::failures(world, id, 5).await?;
        return Ok(world.out.value(&view::value(ork_server::view::run_why(&run, &reasons, &failures)))?);
    }
    world.out.data(format!("{}  {}  {id}", status(run.status.word()), run.name))?;
    if run.status.is_terminal() {
        return of_ended(world, &run).await;
    }
    let sentences = folded(&reasons);
    for sentence in sentences.iter().take(REASONS_MAX) {
        world.out.data(format!("  {sentence}"))?;
    }
    if sentences.len() > REASONS_MAX {
        world.out.data(format!("  and {} more", sentences.len() - REASONS_MAX))?;
    }
    Ok(())
}

/// One sentence for all siblings of which the same is true.
fn folded(reasons: &[Reason]) -> Vec<String> {
    let mut sentences: Vec<(&Reason, u64)> = Vec::new();
    for reason in reasons {
        let is_like = |(other, _): &&mut (&Reason, u64)| other.task.g == reason.task.g && other.text == reason.text;
        match sentences.iter_mut().find(is_like) {
            Some((_, count)) => *count += 1,
            None => sentences.push((reason, 1)),
        }
    }
    let sentence = |(reason, count): (&Reason, u64)| match count {
        1 => reason.sentence.clone(),
        _ => format!("{} ({}): {}", reason.task.key, tasks(count), reason.text),
    };
    sentences.into_iter().map(sentence).collect()
}

async fn of_ended(world: &World, run: &RunRow) -> Result<()> {
    let sentence = match (&run.cancelling, &run.cancel_requested_by) {
        (Some(ork_core::state::Reason::Deadline), _) => "  it passed its time limit".to_owned(),
        (Some(_), Some(by)) => format!("  `{by}` asked for its end"),
        _ if run.tasks_bad == 0 => "  it is over".to_owned(),
        _ => format!("  {} of {} tasks failed or cancelled", run.tasks_bad, run.tasks_total),
    };
    world.out.data(sentence)?;
    let names = Names::read(world.store.as_ref(), world.scope(), run.id).await?;
    for task in verdict::failures(world, run.id, 5).await? {
        verdict::tell_failure(world, &names, &task, verdict::TAIL_LINES).await?;
    }
    Ok(())
}

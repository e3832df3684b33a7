//! `ork run`: a workflow file to its end, in this process.

use std::path::{Path, PathBuf};

use anyhow::Result;
use ork_core::graph::{NewRun, Pin, TriggeredBy};
use ork_core::id::{RunId, TaskId};
use ork_core::json::Json;
use ork_core::limits::PAGE_MAX;
use ork_core::state::{RunStatus, TaskStatus};
use ork_core::store::{RunRow, TaskFilter};
use ork_core::webhook::PlanWebhook;
use ork_server::prompts;
use ork_workflow::Bound;

use crate::carrier::carrier;
use crate::carry::{self, Carriage, How, carry, project};
use crate::config::Config;
use crate::dry_run::{self, DryRun, quoted};
use crate::exit_code::{Exit, Refusal};
use crate::operations;
use crate::output::Output;
use crate::progress::tasks;
use crate::reuse::{self, Base};
use crate::when::{ago, moment};
use crate::workflow_file::{Inputs, WorkflowFile, bind, refuse_prompts};
use crate::world::World;
use crate::{ids, verdict, watch_files};

/// Options of `ork run`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// The workflow: YAML, or JSON if its name ends in .json.
    #[arg(value_name = "FILE", required_unless_present = "resume")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub inputs: Inputs,
    #[command(flatten)]
    pub how: carry::Options,
    /// Say what would be run, and run nothing.
    ///
    /// The whole graph with everything filled in that is known before the run. Nothing is created.
    #[arg(long)]
    pub dry_run: bool,
    /// Begin at this task: what it needs, and what else succeeded, is taken over from an earlier run.
    ///
    /// That is the newest run of the same workflow and folder in which all that the task needs succeeded and has not
    /// changed in the file since. What depends on the task runs again as well.
    #[arg(long, value_name = "TASK")]
    pub from: Option<String>,
    /// Run again whenever a file beside the workflow changes.
    ///
    /// Looked at are the folder of the file and all below it; hidden files are not. What changes while a run is going on
    /// does not count, because the run itself may have written it; the workflow file always does. Ctrl-C ends it.
    #[arg(long, conflicts_with_all = ["resume", "dry_run"])]
    pub watch_files: bool,
    /// End with exit code 6 when nothing is left to do but to wait for somebody's decision.
    ///
    /// The run stays as it is: `ork gates list` shows what is asked, and `ork run --resume` goes on.
    #[arg(long, conflicts_with = "watch_files")]
    pub no_wait: bool,
    /// Go on with a run whose process died or was told to stop.
    ///
    /// What was at work when it died is tried again, and what is done is not. A run that is still carried by a living
    /// process is refused.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["file", "inputs", "input", "dry_run", "from"])]
    pub resume: Option<String>,
}

const AFTER: &str = "\
Nothing is created when the file or its inputs are wrong. Tasks run in the folder of the file. With --json stdout has \
the run's events, one a line, and then the run itself with `type: run`, `result` and `failures`; otherwise stdout has \
the run's `result`, if the workflow has one.

Ctrl-C cancels the run: tasks have 5 s to stop. Ctrl-C again kills them. SIGTERM stops what runs and hands it back: \
`ork run --resume` goes on.

At a gate the run waits for somebody's decision, and says the command that takes it; --no-wait ends there, with exit code 6.

Any number of `ork run` may share a database; each carries its own run only.

Examples:
  ork run examples/hello.yaml
  ork run examples/hello.yaml -i name=Ada
  ork run examples/logs.yaml --jobs 2 --json
  ork run examples/logs.yaml --dry-run
  ork run examples/logs.yaml --from merge
  ork run examples/logs.yaml --watch-files
  ork run plan.json --operation generateVideo=./generate.sh --operation merge=./merge.sh
  ork run --resume last";

/// Carries out `ork run`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let how = How { waits: !args.no_wait, ..args.how.settle(out, config)? };
    if let Some(run) = &args.resume {
        return resume(&World::find(out, config).await?, run, how).await;
    }
    let path = args.file.clone().unwrap_or_default();
    if args.watch_files {
        return watch_files::repeat(out, config, &path, async || once(&args, &path, (out, config), &how).await).await;
    }
    once(&args, &path, (out, config), &how).await
}

async fn once(args: &Args, path: &Path, (out, config): (Output, &Config), how: &How) -> Result<Exit> {
    let file = WorkflowFile::read(path)?;
    let Some(bound) = bind(out, &file, &args.inputs)? else { return Ok(Exit::Invalid) };
    operations::check(
        &bound.plan,
        &how.operations,
        Some(&format!("ork runs submit {}, for workers that serve them", file.name)),
    )?;
    let project = project(file.name.as_ref())?;
    let base = match &args.from {
        Some(key) => reuse::begin_at(&World::find(out, config).await?, &bound, &project, key).await?,
        None => Base::default(),
    };
    if args.dry_run {
        // Nothing is created, not even a database.
        dry_run::tell(out, &DryRun { bound: &bound, project: &project, reuse: &base.reuse, jobs: how.jobs })?;
        return Ok(Exit::Success);
    }
    let world = World::open(out, config).await?;
    // A place that is none is told before there is a run.
    world.blobs()?;
    let new = NewRun { reuse: base.reuse, ..new_run(&world, &file, bound, Pin::Process, Some(project)).await? };
    world.store.submit(&new).await?;
    let count = tasks(new.plan.tasks_at_birth());
    let taken: usize = new.reuse.iter().map(|group| group.done.len()).sum();
    let taken = base.run.map(|run| format!(", {taken} taken over from {run}")).unwrap_or_default();
    out.talk(format!("{}  {}  {count}{taken}", new.plan.name, new.id));
    let again = command_line(args, path).map(|line| format!("{line}{}", world.flags()));
    let carriage = Carriage { how: how.clone(), new: Some(&new), before: None, strays: Vec::new(), again };
    carry(&world, new.id, &carriage).await
}

/// The command line that runs this file with these inputs; `None` when they came from the standard input.
fn command_line(args: &Args, path: &Path) -> Option<String> {
    let input = args.inputs.input.as_deref();
    if path.as_os_str() == "-" || input == Some("@-") {
        return None;
    }
    let word = |text: &str| quoted(&text.into());
    let mut line = format!("ork run {}", word(&path.to_string_lossy()));
    line.extend(args.inputs.inputs.iter().map(|pair| format!(" -i {}", word(pair))));
    line.extend(input.map(|input| format!(" --input {}", word(input))));
    Some(line)
}

/// A run of a file, with the versions of prompts that it keeps.
pub async fn new_run(
    world: &World,
    file: &WorkflowFile,
    mut bound: Bound,
    pin: Pin,
    project: Option<String>,
) -> Result<NewRun> {
    let unfit = prompts::pin(world.store.as_ref(), world.workspace, &mut bound.plan).await?;
    if !unfit.is_empty() {
        return Err(refuse_prompts(unfit).into());
    }
    let input = Json::from_value(&bound.input).map_err(|error| Refusal::usage(format!("the inputs: {error}")))?;
    let webhook = bound.plan.webhook.as_ref().map(PlanWebhook::of_run);
    Ok(NewRun {
        id: world.new_run_id(),
        workspace: world.workspace,
        external_id: None,
        owner: None,
        plan: bound.plan,
        plan_source: Some(file.text.clone()),
        revision: None,
        input,
        priority: None,
        pin,
        project,
        triggered_by: TriggeredBy::Manual,
        retry_of: None,
        reuse: Vec::new(),
        webhook,
        actor: world.actor(),
        now: world.now(),
    })
}

async fn resume(world: &World, text: &str, how: How) -> Result<Exit> {
    let id = ids::run(&world.history(), text).await?;
    let row = carry::row(world, id).await?;
    if row.status.is_terminal() {
        return verdict::tell(&world.history(), &row, None).await;
    }
    if !row.in_process {
        let message = format!("`{id}` is not carried by one process: any `ork worker` goes on with it");
        return Err(Refusal::usage(message).hint(format!("ork why {id}{}", world.flags())).into());
    }
    if let Some(carrier) = carrier(&world.history(), id).await? {
        let since = ago(moment(&carrier.heartbeat_at), world.now());
        let message = format!("`{id}` is carried by `{}` on `{}`, last heard of {since}", carrier.name, carrier.host);
        return Err(Refusal::usage(message).hint(format!("ork runs watch {id}{}", world.flags())).into());
    }
    let (_, plan) = carry::plan(world, id).await?;
    operations::check(&plan, &how.operations, None)?;
    if row.status == RunStatus::Paused {
        world.out.talk(format!("it is paused, and starts nothing before: ork runs resume {id}{}", world.flags()));
    }
    take_over(world, &row, how).await
}

/// Carries a run whose process is gone.
pub async fn take_over(world: &World, row: &RunRow, how: How) -> Result<Exit> {
    let (left, total) = (row.tasks_left, tasks(u64::from(row.tasks_total)));
    world.out.talk(format!("{}  {}  {left} of {total} left", row.name, row.id));
    let strays = at_work(world, row.id).await?;
    carry(world, row.id, &Carriage { how, new: None, before: Some(row), strays, again: None }).await
}

/// The tasks that a worker has, or had when it died.
async fn at_work(world: &World, run: RunId) -> Result<Vec<TaskId>> {
    let statuses = vec![TaskStatus::Dispatched, TaskStatus::Running];
    let filter = TaskFilter { statuses, limit: PAGE_MAX, ..TaskFilter::default() };
    Ok(world.store.tasks(world.scope(), run, &filter).await?.iter().map(|task| task.task.id()).collect())
}

//! `ork runs retry`: a new run on the same plan.

use anyhow::Result;
use ork_core::graph::{NewRun, Pin, Reuse, TriggeredBy};
use ork_core::plan::Plan;
use ork_core::state::RunStatus;
use ork_core::store::{RunRow, StoredPlan};
use serde_json::json;

use crate::carrier::is_orphan;
use crate::carry::{self, Carriage, carry, row};
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::ids;
use crate::operations;
use crate::output::Output;
use crate::progress::tasks;
use crate::reuse;
use crate::world::World;

/// Options of `ork runs retry`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The run that ended stays as it is; the new one has the same plan and inputs. A task that succeeded is taken over with \
its output if everything that it needs is. A run that was carried by `ork run` is carried here as well; any other is \
left to the workers.

Examples:
  ork runs retry last
  ork runs retry last --from merge
  ork runs retry last --all --jobs 2")]
pub struct Args {
    /// A run that is over.
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Take nothing over: do everything again.
    #[arg(long)]
    pub all: bool,
    /// Only do what did not succeed; this is the default.
    #[arg(long, conflicts_with = "all")]
    pub failed_only: bool,
    /// Do this task again although it succeeded, and all that depends on it.
    #[arg(long, value_name = "TASK", conflicts_with = "all")]
    pub from: Option<String>,
    #[command(flatten)]
    pub how: carry::Options,
}

/// Carries out `ork runs retry`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    if config.is_remote()? {
        let message = "a server cannot repeat runs yet: `ork runs retry` works on a database";
        return Err(Refusal::usage(message).hint("ork runs retry RUN --context here, where the database is").into());
    }
    let world = World::find(out, config).await?;
    let store = world.store.as_ref();
    let id = ids::run(&world.history(), &args.run).await?;
    let old = row(&world, id).await?;
    if !old.status.is_terminal() {
        let is_orphan = is_orphan(&world.history(), &old).await?;
        let (gone, next) = if is_orphan { (", its process is gone", "run --resume") } else { ("", "runs watch") };
        let message = format!("`{id}` is {}{gone}: only a run that is over can be repeated", old.status);
        return Err(Refusal::usage(message).hint(format!("ork {next} {id}{}", world.flags())).into());
    }
    if old.status == RunStatus::Success && !args.all && args.from.is_none() {
        let hint = format!("ork runs retry {id} --all{0}, or --from TASK", world.flags());
        return Err(Refusal::usage(format!("`{id}` succeeded: there is nothing to repeat")).hint(hint).into());
    }
    let (stored, plan) = carry::plan(&world, id).await?;
    let how = args.how.settle(out, config)?;
    if old.in_process {
        operations::check(&plan, &how.operations, None)?;
    }
    let again = args.from.iter().map(|key| reuse::position(&plan, key)).collect::<Result<_>>()?;
    let reuse = if args.all { Vec::new() } else { reuse::successes(&world, id, &plan, &again).await? };
    let taken: usize = reuse.iter().map(|group| group.done.len()).sum();
    let new = new_run(&world, &old, stored, plan, reuse);
    store.submit(&new).await?;
    let note = format!("retry of {id}, {taken} of {} taken over", tasks(u64::from(old.tasks_total)));
    if old.in_process {
        out.talk(format!("{}  {}  {note}", new.plan.name, new.id));
        return carry(
            &world,
            new.id,
            &Carriage { how, new: Some(&new), before: None, strays: Vec::new(), again: None },
        )
        .await;
    }
    if out.json {
        out.value(&json!({"run_id": new.id.to_string(), "retry_of": id.to_string(), "reused": taken}))?;
    } else {
        out.data(new.id)?;
        out.talk(format!("{note}; follow it with: ork runs watch {}{}", new.id, world.flags()));
    }
    Ok(Exit::Success)
}

fn new_run(world: &World, old: &RunRow, stored: StoredPlan, plan: Plan, reuse: Vec<Reuse>) -> NewRun {
    let pin = match &old.host {
        _ if old.in_process => Pin::Process,
        Some(host) => Pin::Host(host.clone()),
        None => Pin::Anywhere,
    };
    NewRun {
        id: world.new_run_id(),
        workspace: world.workspace,
        external_id: None,
        owner: old.owner.clone(),
        plan,
        plan_source: None,
        input: stored.input,
        priority: Some(old.priority),
        pin,
        project: stored.project,
        triggered_by: TriggeredBy::Retry,
        retry_of: Some(old.id),
        reuse,
        actor: world.actor(),
        now: world.now(),
    }
}

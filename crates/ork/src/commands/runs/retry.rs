//! `ork runs retry`: a new run on the same plan.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use ork_core::graph::{NewRun, Pin, Reuse, Reused, TriggeredBy};
use ork_core::id::{RunId, TaskRef, WorkspaceId};
use ork_core::plan::{Node, Plan};
use ork_core::state::TaskStatus;
use ork_core::store::{GroupRow, OutputRow, RunRow, StoredPlan};
use serde_json::json;

use crate::carry::{self, Carriage, carry, row};
use crate::config::{Config, JOBS};
use crate::exit_code::{Exit, Refusal};
use crate::ids;
use crate::names::number;
use crate::operations::{self, Serving};
use crate::output::Output;
use crate::progress::tasks;
use crate::world::{SCOPE, World};

/// Options of `ork runs retry`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The run that ended stays as it is; the new one has the same plan and inputs. A task that succeeded is taken over with \
its output if everything that it needs is. A run that was carried by `ork run` is carried here as well; any other is \
left to the workers.

Examples:
  ork runs retry last
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
    /// Tasks at work at once, when it is carried here [default: `jobs` of the settings]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<usize>,
    #[command(flatten)]
    pub serving: Serving,
}

/// Carries out `ork runs retry`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let store = world.store.as_ref();
    let id = ids::run(store, SCOPE, &args.run).await?;
    let old = row(&world, id).await?;
    if !old.status.is_terminal() {
        let message = format!("`{id}` is {}: only a run that is over can be repeated", old.status);
        return Err(Refusal::usage(message).hint(format!("ork runs watch {id}{}", world.flags())).into());
    }
    let (stored, plan) = carry::plan(&world, id).await?;
    let operations = config.operations(&args.serving)?;
    if old.in_process {
        operations::check(&plan, &operations, None)?;
    }
    let reuse = if args.all { Vec::new() } else { successes(&world, id, &plan).await? };
    let taken: usize = reuse.iter().map(|group| group.done.len()).sum();
    let new = new_run(&world, &old, stored, plan, reuse);
    store.submit(&new).await?;
    let note = format!("retry of {id}, {taken} of {} taken over", tasks(u64::from(old.tasks_total)));
    if old.in_process {
        out.talk(format!("{}  {}  {note}", new.plan.name, new.id));
        return carry(
            &world,
            new.id,
            &Carriage {
                jobs: carry::jobs(config.whole(&JOBS, args.jobs)?),
                new: Some(&new),
                before: None,
                strays: Vec::new(),
                operations,
            },
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
        workspace: WorkspaceId::DEFAULT,
        external_id: None,
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

/// What can be taken over from a run.
async fn successes(world: &World, run: RunId, plan: &Plan) -> Result<Vec<Reuse>> {
    let groups = world.store.groups(SCOPE, run).await?;
    let wanted: Vec<u32> = groups.iter().map(|group| group.g).collect();
    let mut ends: BTreeMap<u32, Vec<OutputRow>> = BTreeMap::new();
    for row in world.store.outputs(SCOPE, run, &wanted).await? {
        ends.entry(row.g).or_default().push(row);
    }
    let firm = firm(&plan.nodes, &ends);
    let reuse = groups.into_iter().filter_map(|group| {
        let node = plan.nodes.get(group.g as usize)?;
        let stands = node.depends_on.iter().all(|parent| firm.contains(parent));
        let ends = ends.remove(&group.g).filter(|_| stands)?;
        taken_over(run, &group, ends)
    });
    Ok(reuse.collect())
}

fn taken_over(run: RunId, group: &GroupRow, ends: Vec<OutputRow>) -> Option<Reuse> {
    let done: Vec<Reused> = ends
        .into_iter()
        .filter(|row| row.status == TaskStatus::Success)
        .map(|row| Reused {
            index: row.task_index,
            from: TaskRef { run, n: number(group, row.task_index) },
            output: row.output,
        })
        .collect();
    let size = group.size.filter(|_| !done.is_empty())?;
    Some(Reuse { g: group.g, size, items: group.items.clone(), done })
}

/// The nodes all of whose tasks ended well, and so did those of all that they need. What needs anything else saw
/// outputs that the new run may not have, so it runs again although it succeeded: a clean-up, for instance.
fn firm(nodes: &[Node], ends: &BTreeMap<u32, Vec<OutputRow>>) -> BTreeSet<u32> {
    let mut firm = BTreeSet::new();
    let mut is_growing = true;
    // A node may stand in the file before what it needs.
    while is_growing {
        is_growing = false;
        for (g, node) in (0..).zip(nodes) {
            let is_good = |row: &OutputRow| matches!(row.status, TaskStatus::Success | TaskStatus::Skipped);
            if !firm.contains(&g)
                && node.depends_on.iter().all(|parent| firm.contains(parent))
                && ends.get(&g).is_some_and(|ends| ends.iter().all(is_good))
            {
                firm.insert(g);
                is_growing = true;
            }
        }
    }
    firm
}

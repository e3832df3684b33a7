//! A world from its beginning to its verdict.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ork_core::clock::Clock;
use ork_core::event::Actor;
use ork_core::id::WorkspaceId;
use ork_core::step::Allowance;
use ork_core::store::{BudgetPeriod, NewPrompt, PriceRow, PromptVariable, Prompts};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use crate::audit::{Auditor, check_recovery, why_not_over};
use crate::blobs::collect;
use crate::dice::Dice;
use crate::locks::Locks;
use crate::nodes::{Node, crash, happen};
use crate::people::decide;
use crate::plans::steps::{MODEL, PROMPT, RATES};
use crate::scenario::{Mode, Scenario};
use crate::users::Users;
use crate::world::{World, lock};

/// What became of a world.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// The hash of everything that happened.
    pub hash: u64,
    /// What was wrong, in the order in which it was seen.
    pub problems: Vec<String>,
    /// Faults that landed, by kind.
    pub landed: BTreeMap<&'static str, u64>,
    /// Interesting things that happened, by name.
    pub marks: BTreeMap<&'static str, u64>,
    /// Outcomes that were accepted.
    pub settled: u64,
    /// Milliseconds from a kill until the task was running again, the longest of all; in worlds without other faults.
    pub recovery_ms_max: u64,
    /// The nodes see each other die.
    pub knows_deaths: bool,
    /// What happened, line by line, if that was asked for.
    pub lines: Vec<String>,
}

impl Verdict {
    /// Whether the world says anything: a fault landed, and work was done.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        !self.landed.is_empty() && self.settled > 0
    }
}

/// How long after the world was healed every run must be over. Its tasks may have to be given up by age first, three
/// times, then run one after another, each as long as any.
const END_WITHIN_MS: u64 = 400_000;
/// How often the nodes and the bounds are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// The stream of the dice that decides when everything is looked at.
const AUDITS: u64 = 9;
/// The one that decides the workspace's budget.
const BUDGET: u64 = 11;

/// Lets a world happen.
///
/// # Panics
/// When there is no runtime to be had.
#[must_use]
pub fn live(scenario: Scenario, keep_trace: bool) -> Verdict {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime needs nothing but memory");
    runtime.block_on(async {
        let (sender, crashes) = mpsc::unbounded_channel();
        let world = Arc::new(World::new(scenario, keep_trace, sender));
        happen_all(&world, crashes).await;
        let (hash, lines) = world.take_trace();
        let mut witness = lock(&world.witness);
        Verdict {
            hash,
            lines,
            settled: witness.settled(),
            problems: std::mem::take(&mut witness.problems),
            landed: lock(&world.weather).landed.clone(),
            marks: witness.marks.clone(),
            knows_deaths: world.scenario.knows_deaths,
            recovery_ms_max: if world.scenario.mode == Mode::Recovery { witness.recovery_ms_max } else { 0 },
        }
    })
}

async fn happen_all(world: &Arc<World>, crashes: mpsc::UnboundedReceiver<(usize, u32)>) {
    let locks = Arc::new(Locks::default());
    let count = world.scenario.nodes.len();
    let nodes: Vec<_> = (0..count).map(|at| Mutex::new(Node::new(Arc::clone(world), Arc::clone(&locks), at))).collect();
    let nodes = Arc::new(nodes);
    equip(world).await;
    tokio::spawn(crash(Arc::clone(&nodes), crashes));
    tokio::spawn(decide(Arc::clone(world)));
    for at in 0..count {
        tokio::spawn(collect(Arc::clone(world), at));
    }
    let mut events = JoinSet::new();
    for at in 0..count {
        let nodes = Arc::clone(&nodes);
        events.spawn(async move { nodes[at].lock().await.start().await });
    }
    schedule(world, &nodes, &mut events);
    let mut auditor = Auditor::default();
    watch(world, &nodes, &mut auditor, world.scenario.horizon_ms, false).await;
    if has_problems(world) {
        return;
    }
    if world.scenario.mode != Mode::Safety {
        lock(&world.weather).heal();
        world.note(format_args!("the world is healed"));
        // What was begun comes to its end: nodes are back, users have their answers.
        while events.join_next().await.is_some() {}
        Users::new(Arc::clone(world)).resume_all().await;
        let bound = world.clock.ms() + END_WITHIN_MS;
        if !watch(world, &nodes, &mut auditor, bound, true).await && !has_problems(world) {
            for why in why_not_over(world).await {
                world.problem(why);
            }
        }
    }
    auditor.look(world, true).await;
}

/// What the workspace has before anything happens: a prompt in two versions, what a model costs and, now and then, a budget.
async fn equip(world: &World) {
    let (now, workspace) = (world.clock.now(), WorkspaceId::DEFAULT);
    let variable = PromptVariable { name: PROMPT.1.into(), description: None, default: None };
    for version in ["first", "second"] {
        let new = NewPrompt {
            workspace,
            id: PROMPT.0.into(),
            category: None,
            context: None,
            text: format!("The {version} text: {{{{ vars.{} }}}}", PROMPT.1),
            variables: vec![variable.clone()],
            actor: Actor::user("sim"),
            now,
        };
        if let Err(error) = world.store.put_prompt(&new).await {
            world.problem(format!("a prompt was refused: {error}"));
        }
    }
    let price = PriceRow { model: MODEL.into(), rates: RATES, updated_by: "sim".into(), updated_at: now };
    if let Err(error) = world.store.set_price(workspace, &price).await {
        world.problem(format!("a price was refused: {error}"));
    }
    let mut dice = Dice::new(world.scenario.seed, &[BUDGET]);
    let allowance = Allowance { tokens: Some(dice.between(3_000, 20_000)), micros: None };
    let budget = world.store.set_budget(workspace, BudgetPeriod::Total, Some(allowance), now);
    if dice.percent(25)
        && let Err(error) = budget.await
    {
        world.problem(format!("a budget was refused: {error}"));
    }
}

fn has_problems(world: &World) -> bool {
    !lock(&world.witness).problems.is_empty()
}

/// Everything that happens at a time.
fn schedule(world: &Arc<World>, nodes: &Arc<Vec<Mutex<Node>>>, events: &mut JoinSet<()>) {
    let scenario = &world.scenario;
    for run in &scenario.runs {
        let (world, at, (number, plan)) = (Arc::clone(world), world.clock.at_ms(run.at_ms), run.what.clone());
        events.spawn(async move {
            sleep_until(at).await;
            Users::new(world).submit(number, plan).await;
        });
    }
    for command in &scenario.commands {
        let (world, at, (run, what)) = (Arc::clone(world), world.clock.at_ms(command.at_ms), command.what);
        events.spawn(async move {
            sleep_until(at).await;
            Users::new(world).command(run, what).await;
        });
    }
    for incident in &scenario.incidents {
        let (world, nodes) = (Arc::clone(world), Arc::clone(nodes));
        let (at, what) = (world.clock.at_ms(incident.at_ms), incident.what);
        events.spawn(async move {
            sleep_until(at).await;
            happen(world, nodes, what).await;
        });
    }
}

/// Looks at the world until then, or until something is wrong; with `until_over`, or until every run is over, which is
/// the answer.
async fn watch(
    world: &Arc<World>,
    nodes: &[Mutex<Node>],
    auditor: &mut Auditor,
    until_ms: u64,
    until_over: bool,
) -> bool {
    let mut dice = Dice::new(world.scenario.seed, &[AUDITS, until_ms]);
    let mut next_audit_ms = 0;
    while world.clock.ms() < until_ms && !has_problems(world) {
        sleep(LOOK).await;
        check_recovery(world).await;
        for node in nodes {
            if let Ok(node) = node.try_lock() {
                node.check().await;
            }
        }
        if world.clock.ms() >= next_audit_ms {
            next_audit_ms = world.clock.ms() + dice.between(500, 4_000);
            let all_over = auditor.look(world, false).await;
            if all_over && until_over {
                return true;
            }
        }
    }
    false
}

//! The first state of a run.

use std::collections::BTreeMap;

use super::settle::unattempted;
use super::{Changes, Group, GroupSpec, Head, Phase, RunGraph, TaskWrite};
use crate::clock::Timestamp;
use crate::event::{Actor, EventType, TaskSet};
use crate::id::{RevisionId, RunId, TaskRef, WorkflowId, WorkspaceId};
use crate::json::Json;
use crate::plan::{Node, Plan, RunIf};
use crate::state::{Reason, RunStatus, TaskStatus};
use crate::webhook::{RunWebhook, Wanted};

/// A run to be created.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id, chosen by the client: sending it twice creates one run.
    pub id: RunId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The client's own name for it, unique in the workspace.
    pub external_id: Option<String>,
    /// The one whom it belongs to inside the workspace; it never changes. `None`: nobody vouched for a name.
    pub owner: Option<String>,
    /// What it does.
    pub plan: Plan,
    /// The file or document that the plan was made from, as it was submitted; `None` when that is what
    /// [`NewRun::revision`] holds.
    pub plan_source: Option<String>,
    /// The stored workflow that it is of.
    pub revision: Option<RevisionRef>,
    /// Its inputs, an object.
    pub input: Json,
    /// Replaces the plan's priority.
    pub priority: Option<i32>,
    /// Which workers may take its tasks.
    pub pin: Pin,
    /// The folder of the file that it was started from.
    pub project: Option<String>,
    /// What started it.
    pub triggered_by: TriggeredBy,
    /// The run that this one repeats.
    pub retry_of: Option<RunId>,
    /// Tasks that are taken over from [`NewRun::retry_of`].
    pub reuse: Vec<Reuse>,
    /// Whom it tells of itself.
    pub webhook: Option<RunWebhook>,
    /// Who started it.
    pub actor: Actor,
    /// The present moment.
    pub now: Timestamp,
}

impl NewRun {
    /// What the one whom it names is told of.
    #[must_use]
    pub fn told(&self) -> Wanted {
        self.webhook.as_ref().map(|webhook| webhook.events).unwrap_or_default()
    }
}

/// A stored workflow as it was at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevisionRef {
    /// The workflow.
    pub workflow: WorkflowId,
    /// Its revision.
    pub revision: RevisionId,
}

/// Which workers may take a run's tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// Any that serve the queue.
    Anywhere,
    /// Those on this host: the run was started from a file there.
    Host(String),
    /// Only the process that runs it, as `ork run` does.
    Process,
}

impl Pin {
    /// The lane of a queue under this pin. A worker claims from lanes: its queues, the same with `@` and its host, and
    /// the lane of a run that it carries itself. Queue names hold no `@` and no `#`, so lanes never meet.
    #[must_use]
    pub fn lane(&self, queue: &str, run: RunId) -> String {
        match self {
            Self::Anywhere => queue.into(),
            Self::Host(host) => format!("{queue}@{host}"),
            Self::Process => format!("#{run}"),
        }
    }
}

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggeredBy {
    /// A person at a command line.
    Manual,
    /// The API.
    Api,
    /// A repetition of an earlier run.
    Retry,
    /// A time of a schedule.
    Schedule,
    /// A message to a hook.
    Hook,
}

impl TriggeredBy {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Api => "api",
            Self::Retry => "retry",
            Self::Schedule => "schedule",
            Self::Hook => "hook",
        }
    }
}

/// Successes of an earlier run that a group starts out with.
#[derive(Debug, Clone, PartialEq)]
pub struct Reuse {
    /// The group.
    pub g: u32,
    /// How many siblings it had there.
    pub size: u32,
    /// The items of a dynamic `each`.
    pub items: Option<Json>,
    /// The siblings that succeeded.
    pub done: Vec<Reused>,
}

/// One success that is taken over.
#[derive(Debug, Clone, PartialEq)]
pub struct Reused {
    /// The sibling's index.
    pub index: u32,
    /// What it gave.
    pub output: Option<Json>,
    /// Where it is from.
    pub from: TaskRef,
}

/// Everything that a store writes for a new run, beside what [`NewRun`] holds: the head, all groups, one pending task
/// for each of their rows, and then the changes.
#[derive(Debug)]
pub struct Birth {
    /// The head.
    pub head: Head,
    /// All groups.
    pub groups: BTreeMap<u32, Group>,
    /// What follows at once: roots that are queued, tasks that are taken over, the first events.
    pub changes: Changes,
    /// Where reused tasks are from, by number.
    pub reused_from: BTreeMap<u32, TaskRef>,
}

/// The first state of a run. `told` is what endpoints of its workspace want to know. A run with a concurrency key is held: nothing
/// starts before [`RunGraph::admit`].
#[must_use]
pub fn birth(new: &NewRun, told: Wanted) -> Birth {
    let (mut groups, tasks_total) = groups(new);
    let mut reused_from = BTreeMap::new();
    for reuse in &new.reuse {
        preset(&mut groups, reuse);
    }
    let (groups, tasks_total) = if new.reuse.is_empty() { (groups, tasks_total) } else { renumber(groups) };
    let head = Head {
        run: new.id,
        workspace: new.workspace,
        status: RunStatus::Pending,
        paused: false,
        held: new.plan.concurrency.is_some(),
        stopping: false,
        cancelling: None,
        on_failure: new.plan.on_failure,
        has_result: new.plan.result.is_some(),
        seq: 0,
        tasks_total,
        tasks_left: tasks_total,
        tasks_bad: 0,
        told: new.told().or(told),
    };
    let mut graph = RunGraph::new(head, groups, new.actor.clone(), new.now);
    let payload = Json::from_stored(format!("{{\"tasks\":{tasks_total}}}"));
    graph.event(EventType::RunCreated, TaskSet::default(), Some(payload));
    graph.unborn = true;
    for reuse in &new.reuse {
        graph.take_over(new.id, reuse, &mut reused_from);
    }
    graph.unborn = false;
    if !graph.head.held {
        graph.begin();
    }
    let (head, groups, changes) = graph.finish();
    Birth { head, groups, changes, reused_from }
}

impl RunGraph {
    fn take_over(&mut self, run: RunId, reuse: &Reuse, from: &mut BTreeMap<u32, TaskRef>) {
        for reused in &reuse.done {
            let Some(group) = self.groups.get(&reuse.g).filter(|group| reused.index < group.rows()) else { continue };
            let n = group.task(reused.index);
            if from.contains_key(&n) {
                continue;
            }
            debug_assert_ne!(reused.from.run, run, "a run takes over from another one");
            from.insert(n, reused.from);
            let write = TaskWrite { reason: Some(Reason::Reused), output: reused.output.clone(), ..unattempted(n) };
            let payload = super::cascade::reason_payload(Reason::Reused);
            self.end_task(reuse.g, write, TaskStatus::Success, payload);
        }
    }
}

fn preset(groups: &mut [Group], reuse: &Reuse) {
    if let Some(group) = groups.get_mut(reuse.g as usize)
        && group.size.is_none()
        && reuse.size > 0
    {
        group.size = Some(reuse.size);
        group.items.clone_from(&reuse.items);
        group.tasks_left = reuse.size;
    }
}

/// Numbers the tasks anew after groups have got their sizes.
fn renumber(mut groups: Vec<Group>) -> (Vec<Group>, u32) {
    let mut next = 0;
    for group in &mut groups {
        group.first = next;
        group.rest = next + 1;
        next += group.rows();
    }
    (groups, next)
}

fn groups(new: &NewRun) -> (Vec<Group>, u32) {
    let nodes = &new.plan.nodes;
    let mut children: Vec<Vec<u32>> = vec![Vec::new(); nodes.len()];
    for (g, node) in (0_u32..).zip(nodes) {
        for parent in &node.depends_on {
            if let Some(list) = children.get_mut(*parent as usize) {
                list.push(g);
            }
        }
    }
    let groups = (0_u32..)
        .zip(nodes)
        .zip(children)
        .map(|((g, node), children)| {
            let deep = children.iter().any(|child| nodes[*child as usize].run_if == Some(RunIf::Failed));
            let size = node.fan.size().filter(|size| *size > 0);
            Group {
                g,
                spec: spec(new, node, children, deep),
                phase: Phase::Waiting,
                first: 0,
                rest: 0,
                size,
                items: None,
                ended: TaskSet::default(),
                tasks_left: size.unwrap_or(1),
                tasks_bad: 0,
                tasks_unmet: 0,
                parents_left: u32::try_from(node.depends_on.len()).unwrap_or(u32::MAX),
                parents_bad: 0,
                parents_unmet: 0,
            }
        })
        .collect();
    renumber(groups)
}

fn spec(new: &NewRun, node: &Node, children: Vec<u32>, deep: bool) -> GroupSpec {
    GroupSpec {
        key: node.key.clone(),
        children,
        parents: u32::try_from(node.depends_on.len()).unwrap_or(u32::MAX),
        run_if: node.run_if,
        deep,
        evaluated: node.needs_evaluation() || node.fan.size() == Some(0),
        lane: new.pin.lane(&node.queue, new.id),
        priority: node.priority.or(new.priority).unwrap_or(new.plan.priority),
        concurrency: node.concurrency.clone(),
        retry: node.retry.clone(),
        at_most_once: node.at_most_once,
    }
}

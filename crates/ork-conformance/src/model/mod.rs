//! A store in memory, written for obviousness: the oracle that real stores are compared with.
//!
//! It keeps no counters, no phases and no graph of what waits for what. Each of those is worked out anew, from the states
//! of all tasks, whenever somebody asks; after each change the rules are applied until nothing moves any more. That is
//! slow, and plainly right. What an attempt's outcome means for its own task is [`ork_core::attempt::judge`]'s to say.

mod access;
mod artifacts;
mod bulk;
mod control;
mod hooks;
mod inspect;
mod keeping;
mod logs;
mod people;
mod prompts;
mod queue;
mod rules;
mod seals;
mod show;
mod steps;
mod upkeep;
mod webhooks;
mod workers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use ork_core::access::Settings;
use ork_core::artifact::ArtifactRow;
use ork_core::attempt::Failure;
use ork_core::blobs::BlobKey;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{Actor, EventRow};
use ork_core::executor::Progress;
use ork_core::graph::{GroupSpec, Lease, LeaseId, NewRun, OpenAs};
use ork_core::id::{
    ArtifactId, BulkId, DeliveryId, EndpointId, RunId, TaskRef, TokenId, WorkerId, WorkflowId, WorkspaceId,
};
use ork_core::json::Json;
use ork_core::seal::SealRow;
use ork_core::state::{Reason, RunStatus, TaskStatus};
use ork_core::step::{Cost, StepKey, StepRow};
use ork_core::store::{
    AttemptRow, BudgetPeriod, BudgetRow, BulkRow, DeliveryRow, EndpointRow, FeedRow, GateRow, HookRow, LogChunk,
    LogPart, PriceRow, PromptRow, QueuePause, SavedWork, ScheduleRow, Scope, SealKeyRow, SecretRow, Store, TokenHash,
    TokenRow, Tombstone, WorkerRow, WorkspaceRow,
};

use crate::OTHER;

/// The reference store.
#[derive(Debug, Default)]
pub struct Model(Mutex<State>);

/// Everything that is stored.
#[derive(Debug, Default)]
struct State {
    runs: BTreeMap<RunId, Run>,
    workers: BTreeMap<WorkerId, WorkerRow>,
    /// Chunks of logs and parts of packed ones: by task, attempt and offset.
    logs: BTreeMap<(TaskRef, u32, u64), LogChunk>,
    log_parts: BTreeMap<(TaskRef, u32, u64), LogPart>,
    workspaces: BTreeMap<WorkspaceId, WorkspaceRow>,
    tokens: BTreeMap<TokenId, (TokenRow, TokenHash)>,
    /// The last number of the queue's order.
    queued: i64,
    workflows: BTreeMap<(WorkspaceId, String), control::Workflow>,
    bulks: BTreeMap<BulkId, BulkRow>,
    duties: BTreeMap<String, (WorkerId, Timestamp)>,
    pauses: BTreeMap<(WorkspaceId, String), QueuePause>,
    secrets: BTreeMap<(WorkspaceId, String), (SecretRow, Vec<u8>)>,
    schedules: BTreeMap<WorkflowId, ScheduleRow>,
    /// What is left of runs, and whether the rest is removed.
    tombstones: BTreeMap<RunId, (Tombstone, bool)>,
    seal_keys: BTreeMap<String, SealKeyRow>,
    hooks: BTreeMap<(WorkspaceId, String), HookRow>,
    endpoints: BTreeMap<EndpointId, EndpointRow>,
    deliveries: BTreeMap<DeliveryId, DeliveryRow>,
    /// Versions of prompts, in order.
    prompts: BTreeMap<(WorkspaceId, String), Vec<PromptRow>>,
    prices: BTreeMap<(WorkspaceId, String), PriceRow>,
    budgets: BTreeMap<(WorkspaceId, BudgetPeriod), BudgetRow>,
    /// Folders that are kept, and parts of them: by task, attempt and number.
    saved: BTreeMap<(TaskRef, u32), SavedWork>,
    parts: BTreeMap<(TaskRef, u32, u32, u32), Vec<u8>>,
    artifacts: BTreeMap<ArtifactId, ArtifactRow>,
    /// Bytes that no artifact names.
    loose: BTreeMap<BlobKey, artifacts::Loose>,
    /// All events in the order in which they came, as far as they are noted here.
    feed: Vec<FeedRow>,
    /// The last place in that order: what is removed gives none back.
    fed: u64,
}

/// One run.
#[derive(Debug)]
struct Run {
    new: NewRun,
    groups: Vec<Group>,
    tasks: Vec<Task>,
    /// `pending`, `running` or terminal.
    status: RunStatus,
    paused: bool,
    held: bool,
    stopping: bool,
    cancelling: Option<Reason>,
    cancel_requested: Option<(Timestamp, String)>,
    acknowledged: Option<(Timestamp, String)>,
    result: Option<Json>,
    error: Option<(String, Failure)>,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    events: Vec<EventRow>,
    seals: Vec<SealRow>,
    /// What bots have written under a name, by first and last number.
    requests: BTreeMap<String, (u64, u64)>,
    budget: Option<BudgetRow>,
    /// Tasks that the present change queues so that they are put away, in order.
    away: Vec<u32>,
    /// What the present change charges for steps that are lost.
    lost_steps: Vec<Cost>,
    /// So many of them have their place in the order of all.
    noted: usize,
    /// Who makes the present change, and when.
    by: (Actor, Timestamp),
}

/// One node.
#[derive(Debug)]
struct Group {
    spec: GroupSpec,
    parents: Vec<u32>,
    /// The numbers of its tasks, by index.
    tasks: Vec<u32>,
    size: Option<u32>,
    items: Option<Json>,
    /// Its evaluation was answered, if it needs one.
    evaluated: bool,
    /// The number that its sibling 1 has, or would have.
    rest: u32,
}

/// One task.
#[derive(Debug)]
struct Task {
    g: u32,
    index: u32,
    /// How it ended; `None` while it is live.
    end: Option<(TaskStatus, Option<Reason>)>,
    place: Place,
    attempt: u32,
    failures: u32,
    lost: u32,
    output: Option<Json>,
    error: Option<Failure>,
    attempts: Vec<AttemptRow>,
    /// Its last attempt ended it.
    ended_by_attempt: bool,
    from: Option<TaskRef>,
    cancel_requested_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    /// Its attempt is not over, though it has no lease, or not the first one.
    open: Option<Left>,
    steps: BTreeMap<StepKey, StepRow>,
    gates: Vec<GateRow>,
}

/// How the last lease of an attempt ended that is not over.
#[derive(Debug, Clone, Copy)]
struct Left {
    open_as: OpenAs,
    lease: LeaseId,
    outcome: &'static str,
}

/// Where a live task is. There is one place for each, by construction.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    /// Nowhere yet: it waits for its group or its run.
    None,
    /// In the queue, with its number in the queue's order, since then.
    Ready(i64, Timestamp),
    /// In the queue for a slot.
    Held(i64),
    /// Its next attempt is due then.
    Delayed(Timestamp),
    /// A worker has it, and is so far.
    Leased(Lease, Option<Progress>),
}

impl Model {
    /// A store with nothing in it but the two workspaces.
    #[must_use]
    pub fn new() -> Self {
        let model = Self::default();
        for (id, name) in [(WorkspaceId::DEFAULT, "default"), (OTHER, "other")] {
            let (name, settings, created_at) = (name.to_owned(), Settings::default(), Timestamp::from_micros(0));
            model.state().workspaces.insert(id, WorkspaceRow { id, name, settings, created_at });
        }
        model
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().expect("no method of the model panics while it holds the lock");
        state.note_events();
        state
    }
}

impl State {
    fn run(&self, scope: Scope, id: RunId) -> Option<&Run> {
        self.runs.get(&id).filter(|run| scope.admits(run.new.workspace))
    }

    /// Gives the events that the last method wrote their places in the order of all: whatever is done next comes behind. The
    /// messages that tell of them are of the same transaction.
    fn note_events(&mut self) {
        let mut told = Vec::new();
        for run in self.runs.values() {
            told.extend(run.events[run.noted..].iter().flat_map(|event| self.tell(run, event)));
        }
        self.deliveries.extend(told.into_iter().map(|row| (row.id, row)));
        for run in self.runs.values_mut() {
            for event in &run.events[run.noted..] {
                self.fed += 1;
                let feed = self.fed;
                self.feed.push(FeedRow { feed, workspace: run.new.workspace, event: event.clone() });
            }
            run.noted = run.events.len();
        }
    }

    /// A run that is about to be changed.
    fn change(&mut self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> Option<&mut Run> {
        let run = self.runs.get_mut(&id).filter(|run| scope.admits(run.new.workspace))?;
        run.by = (actor.clone(), now);
        Some(run)
    }

    fn change_or_not_found(&mut self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<&mut Run> {
        self.change(scope, id, actor, now).ok_or_else(|| StoreError::NotFound(format!("run `{id}`")))
    }

    /// Brings a changed run to rest, and queues what may run now: `first` of all what came back.
    fn rest(&mut self, id: RunId, order: Order<'_>) -> Moved {
        let Some(run) = self.runs.get_mut(&id) else { return Moved::default() };
        run.rest(order, &mut self.queued)
    }
}

/// In which order the tasks that may run are queued.
#[derive(Debug, Clone, Copy)]
enum Order<'a> {
    /// By group and index; after those the tasks that came back to their queue, in this order.
    Groups(&'a [u32]),
    /// By number.
    Numbers,
}

/// What a change moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Moved {
    /// Tasks that can be claimed.
    ready: usize,
    ended: bool,
}

#[async_trait]
impl Store for Model {
    async fn changed(&self) {}

    async fn check(&self) -> StoreResult<Vec<String>> {
        Ok(Vec::new())
    }

    async fn clock_ahead_micros(&self, _local: Timestamp) -> StoreResult<i64> {
        Ok(0)
    }

    fn tenant(self: Arc<Self>, _: WorkspaceId, _: Option<&str>) -> Arc<dyn Store> {
        self
    }
}

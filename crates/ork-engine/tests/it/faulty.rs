//! A store that fails on order: before a request, or after it took effect, when the answer is lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ork_core::access::Settings;
use ork_core::artifact::{ArtifactRow, NewArtifact};
use ork_core::attempt::Failure;
use ork_core::blobs::BlobKey;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{Actor, EventRow};
use ork_core::feed::FeedPosition;
use ork_core::graph::{Expansion, Lease, LeaseId, NewRun};
use ork_core::id::{
    ArtifactId, BulkId, DeliveryId, EndpointId, GateId, RevisionId, RunId, TaskRef, TokenId, WorkerId, WorkflowId,
    WorkspaceId,
};
use ork_core::json::Json;
use ork_core::log::LogPlace;
use ork_core::seal::{Anchor, SealRow, Unsealed};
use ork_core::state::Reason;
use ork_core::step::{Allowance, StepKey, StepRow};
use ork_core::store::*;
use ork_sqlite::SqliteStore;

pub struct Faulty {
    pub inner: SqliteStore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    plans: BTreeMap<&'static str, Vec<Fault>>,
    calls: BTreeMap<&'static str, u32>,
    delays: BTreeMap<&'static str, Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens.
    Before,
    /// It happens, and nobody hears of it.
    After,
    /// A row cannot be read.
    Corrupt,
    /// A bug in the store.
    Panic,
}

impl Faulty {
    pub fn new() -> Self {
        Self { inner: SqliteStore::in_memory().unwrap(), state: Mutex::default() }
    }

    /// The next requests of this kind fail so, one each.
    pub fn plan(&self, request: &'static str, faults: &[Fault]) {
        self.state.lock().unwrap().plans.entry(request).or_default().extend(faults);
    }

    pub fn heal(&self) {
        self.state.lock().unwrap().plans.clear();
    }

    pub fn delay(&self, request: &'static str, delay: Duration) {
        self.state.lock().unwrap().delays.insert(request, delay);
    }

    pub fn calls(&self, request: &'static str) -> u32 {
        self.state.lock().unwrap().calls.get(request).copied().unwrap_or(0)
    }

    /// Faults that were planned and did not happen.
    pub fn unused(&self) -> usize {
        self.state.lock().unwrap().plans.values().map(Vec::len).sum()
    }

    fn next(&self, request: &'static str) -> (Option<Fault>, Option<Duration>) {
        let mut state = self.state.lock().unwrap();
        *state.calls.entry(request).or_default() += 1;
        let fault = state.plans.get_mut(request).filter(|faults| !faults.is_empty()).map(|faults| faults.remove(0));
        (fault, state.delays.get(request).copied())
    }
}

fn away() -> StoreError {
    StoreError::Unavailable("a fault".into())
}

macro_rules! through {
    ($self:ident.$method:ident($($arg:expr),*)) => { through!(stringify!($method), $self.$method($($arg),*)) };
    ($request:expr, $self:ident.$method:ident($($arg:expr),*)) => {{
        let (fault, delay) = $self.next($request);
        match fault {
            Some(Fault::Before) => return Err(away()),
            Some(Fault::Corrupt) => {
                let (row, problem) = (String::new(), String::from("a fault"));
                return Err(StoreError::Corrupt { table: "tasks", column: "n", row, problem });
            }
            Some(Fault::Panic) => panic!("a bug in `{}`", $request),
            Some(Fault::After) | None => {}
        }
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        let answer = $self.inner.$method($($arg),*).await;
        if fault == Some(Fault::After) { Err(away()) } else { answer }
    }};
}

#[async_trait]
impl Store for Faulty {
    async fn changed(&self) {
        self.inner.changed().await;
    }

    async fn check(&self) -> StoreResult<Vec<String>> {
        self.inner.check().await
    }

    async fn clock_ahead_micros(&self, local: Timestamp) -> StoreResult<i64> {
        self.inner.clock_ahead_micros(local).await
    }

    fn tenant(self: Arc<Self>, _: WorkspaceId, _: Option<&str>) -> Arc<dyn Store> {
        self
    }
}

#[async_trait]
impl Runs for Faulty {
    async fn submit(&self, new: &NewRun) -> StoreResult<Submitted> {
        through!(self.submit(new))
    }
    async fn run(&self, scope: Scope, id: RunId) -> StoreResult<Option<RunRow>> {
        through!(self.run(scope, id))
    }
    async fn runs(&self, scope: Scope, filter: &RunFilter) -> StoreResult<Vec<RunRow>> {
        through!(self.runs(scope, filter))
    }
    async fn runs_by_prefix(&self, scope: Scope, hex: &str) -> StoreResult<Vec<RunId>> {
        through!(self.runs_by_prefix(scope, hex))
    }
    async fn run_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<RunId>> {
        through!(self.run_by_external_id(workspace, external_id))
    }
    async fn plans(&self, scope: Scope, ids: &[RunId]) -> StoreResult<Vec<StoredPlan>> {
        through!(self.plans(scope, ids))
    }
    async fn source(&self, scope: Scope, id: RunId) -> StoreResult<Option<String>> {
        through!(self.source(scope, id))
    }
    async fn acknowledge_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        through!(self.acknowledge_run(scope, id, actor, now))
    }
    async fn cancel_run(
        &self,
        scope: Scope,
        id: RunId,
        reason: Reason,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<bool> {
        through!(self.cancel_run(scope, id, reason, actor, now))
    }
    async fn pause_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        through!(self.pause_run(scope, id, actor, now))
    }
    async fn resume_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        through!(self.resume_run(scope, id, actor, now))
    }
    async fn conclude_run(
        &self,
        scope: Scope,
        id: RunId,
        result: Result<Json, Failure>,
        now: Timestamp,
    ) -> StoreResult<bool> {
        through!(self.conclude_run(scope, id, result, now))
    }
}

#[async_trait]
impl Tasks for Faulty {
    async fn task(&self, scope: Scope, task: TaskRef) -> StoreResult<Option<TaskRow>> {
        through!(self.task(scope, task))
    }
    async fn tasks(&self, scope: Scope, run: RunId, filter: &TaskFilter) -> StoreResult<Vec<TaskRow>> {
        through!(self.tasks(scope, run, filter))
    }
    async fn groups(&self, scope: Scope, run: RunId) -> StoreResult<Vec<GroupRow>> {
        through!(self.groups(scope, run))
    }
    async fn counts(&self, scope: Scope, run: RunId) -> StoreResult<Vec<GroupCount>> {
        through!(self.counts(scope, run))
    }
    async fn outputs(&self, scope: Scope, run: RunId, groups: &[u32]) -> StoreResult<Vec<OutputRow>> {
        through!(self.outputs(scope, run, groups))
    }
    async fn attempts(&self, scope: Scope, task: TaskRef) -> StoreResult<Vec<AttemptRow>> {
        through!(self.attempts(scope, task))
    }
    async fn cancel_task(&self, scope: Scope, task: TaskRef, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        through!(self.cancel_task(scope, task, actor, now))
    }
    async fn retry_task_now(&self, scope: Scope, task: TaskRef, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        through!(self.retry_task_now(scope, task, actor, now))
    }
}

#[async_trait]
impl Queue for Faulty {
    async fn claim(&self, claim: &Claim) -> StoreResult<Vec<Claimed>> {
        through!(self.claim(claim))
    }
    async fn start(&self, scope: Scope, starts: &[Start], actor: &Actor, now: Timestamp) -> StoreResult<Vec<TaskRef>> {
        through!(self.start(scope, starts, actor, now))
    }
    async fn settle(&self, scope: Scope, settles: &[Settle], actor: &Actor, now: Timestamp) -> StoreResult<Outcomes> {
        through!(self.settle(scope, settles, actor, now))
    }
    async fn settle_and_claim(
        &self,
        settles: &[Settle],
        actor: &Actor,
        claim: &Claim,
    ) -> StoreResult<(Outcomes, Vec<Claimed>)> {
        // Whoever plans a fault of a settle means either.
        through!("settle", self.settle_and_claim(settles, actor, claim))
    }
    async fn progress(&self, scope: Scope, notes: &[ProgressNote]) -> StoreResult<()> {
        through!(self.progress(scope, notes))
    }
    async fn cancel_requests(&self, worker: WorkerId) -> StoreResult<Vec<(TaskRef, LeaseId)>> {
        through!(self.cancel_requests(worker))
    }
}

#[async_trait]
impl Workers for Faulty {
    async fn register_worker(&self, worker: &WorkerRow) -> StoreResult<()> {
        through!(self.register_worker(worker))
    }
    async fn beat(&self, worker: WorkerId, now: Timestamp) -> StoreResult<Heartbeat> {
        through!(self.beat(worker, now))
    }
    async fn retire_worker(&self, worker: WorkerId, now: Timestamp) -> StoreResult<bool> {
        through!(self.retire_worker(worker, now))
    }
    async fn workers(&self, scope: Scope) -> StoreResult<Vec<WorkerRow>> {
        through!(self.workers(scope))
    }
    async fn leases_of(&self, worker: WorkerId, limit: usize) -> StoreResult<Vec<Lease>> {
        through!(self.leases_of(worker, limit))
    }
}

#[async_trait]
impl Upkeep for Faulty {
    async fn promote(&self, scope: Scope, now: Timestamp, limit: usize) -> StoreResult<Maintained> {
        through!(self.promote(scope, now, limit))
    }
    async fn admit(&self, scope: Scope, now: Timestamp) -> StoreResult<Maintained> {
        through!(self.admit(scope, now))
    }
    async fn overdue(&self, scope: Scope, now: Timestamp, limit: usize) -> StoreResult<Vec<RunId>> {
        through!(self.overdue(scope, now, limit))
    }
    async fn evaluations(&self, scope: Scope, run: Option<RunId>, limit: usize) -> StoreResult<Vec<Evaluation>> {
        through!(self.evaluations(scope, run, limit))
    }
    async fn expand(
        &self,
        scope: Scope,
        run: RunId,
        g: u32,
        expansion: &Expansion,
        now: Timestamp,
    ) -> StoreResult<bool> {
        through!(self.expand(scope, run, g, expansion, now))
    }
}

#[async_trait]
impl Events for Faulty {
    async fn events(&self, scope: Scope, run: RunId, after: u64, limit: u32) -> StoreResult<Vec<EventRow>> {
        through!(self.events(scope, run, after, limit))
    }
    async fn append_events(&self, scope: Scope, new: &NewEvents) -> StoreResult<Appended> {
        through!(self.append_events(scope, new))
    }
}

#[async_trait]
impl Seals for Faulty {
    async fn unsealed(&self, rows: u32) -> StoreResult<Vec<Unsealed>> {
        through!(self.unsealed(rows))
    }
    async fn unsealed_of(&self, scope: Scope, run: RunId, rows: u32) -> StoreResult<Option<Unsealed>> {
        through!(self.unsealed_of(scope, run, rows))
    }
    async fn seal(&self, seals: &[SealRow]) -> StoreResult<u64> {
        through!(self.seal(seals))
    }
    async fn seals(&self, scope: Scope, run: RunId, after: u32, limit: u32) -> StoreResult<Vec<SealRow>> {
        through!(self.seals(scope, run, after, limit))
    }
    async fn anchor(&self, scope: Scope, run: RunId) -> StoreResult<Option<Anchor>> {
        through!(self.anchor(scope, run))
    }
    async fn keep_seal_key(&self, key: &SealKeyRow) -> StoreResult<()> {
        through!(self.keep_seal_key(key))
    }
    async fn seal_keys(&self) -> StoreResult<Vec<SealKeyRow>> {
        through!(self.seal_keys())
    }
}

#[async_trait]
impl Feed for Faulty {
    async fn feed(&self, scope: Scope, after: FeedPosition, limit: u32) -> StoreResult<FeedPage> {
        through!(self.feed(scope, after, limit))
    }
    async fn feed_head(&self) -> StoreResult<FeedPosition> {
        through!(self.feed_head())
    }
    async fn feed_changed(&self) {
        self.inner.feed_changed().await;
    }
}

#[async_trait]
impl Logs for Faulty {
    async fn append_logs(&self, scope: Scope, chunks: &[LogChunk]) -> StoreResult<()> {
        through!(self.append_logs(scope, chunks))
    }
    async fn logs(&self, scope: Scope, query: LogQuery) -> StoreResult<LogPage> {
        through!(self.logs(scope, query))
    }
    async fn log_place(&self, scope: Scope, task: TaskRef, attempt: u32, line: u64) -> StoreResult<LogPlace> {
        through!(self.log_place(scope, task, attempt, line))
    }
    async fn log_end(&self, scope: Scope, task: TaskRef, attempt: u32) -> StoreResult<LogPlace> {
        through!(self.log_end(scope, task, attempt))
    }
    async fn packable_logs(&self, after: Option<(TaskRef, u32)>, limit: u32) -> StoreResult<Vec<Packable>> {
        through!(self.packable_logs(after, limit))
    }
    async fn pack_log(&self, pack: &LogPack) -> StoreResult<Packed> {
        through!(self.pack_log(pack))
    }
}

#[async_trait]
impl Inspect for Faulty {
    async fn dump(&self, scope: Scope, run: RunId) -> StoreResult<Option<RunDump>> {
        through!(self.dump(scope, run))
    }
    async fn run_ids(&self, scope: Scope, after: Option<RunId>, limit: u32) -> StoreResult<Vec<RunId>> {
        through!(self.run_ids(scope, after, limit))
    }
    async fn overbooked(&self, scope: Scope) -> StoreResult<Vec<(String, u32, u32)>> {
        through!(self.overbooked(scope))
    }
    async fn lanes(&self, scope: Scope, limit: u32) -> StoreResult<Vec<LaneRow>> {
        through!(self.lanes(scope, limit))
    }
    async fn slot_tasks(&self, scope: Scope, key: &str, limit: u32) -> StoreResult<Vec<TaskRef>> {
        through!(self.slot_tasks(scope, key, limit))
    }
    async fn slot_runs(&self, scope: Scope, key: &str, limit: u32) -> StoreResult<Vec<RunId>> {
        through!(self.slot_runs(scope, key, limit))
    }
}

#[async_trait]
impl Workflows for Faulty {
    async fn apply_workflow(&self, new: &NewRevision) -> StoreResult<Applied> {
        through!(self.apply_workflow(new))
    }
    async fn workflow(&self, scope: Scope, name: &str) -> StoreResult<Option<WorkflowRow>> {
        through!(self.workflow(scope, name))
    }
    async fn workflows(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkflowRow>> {
        through!(self.workflows(scope, after, limit))
    }
    async fn revisions(
        &self,
        scope: Scope,
        workflow: WorkflowId,
        before: Option<u32>,
        limit: u32,
    ) -> StoreResult<Vec<RevisionRow>> {
        through!(self.revisions(scope, workflow, before, limit))
    }
    async fn revision_source(&self, scope: Scope, revision: RevisionId) -> StoreResult<Option<String>> {
        through!(self.revision_source(scope, revision))
    }
    async fn delete_workflow(
        &self,
        workspace: WorkspaceId,
        name: &str,
        expected: Expected,
        now: Timestamp,
    ) -> StoreResult<Deleted> {
        through!(self.delete_workflow(workspace, name, expected, now))
    }
}

#[async_trait]
impl Pauses for Faulty {
    async fn pause_queue(
        &self,
        workspace: WorkspaceId,
        queue: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<bool> {
        through!(self.pause_queue(workspace, queue, actor, now))
    }
    async fn resume_queue(&self, workspace: WorkspaceId, queue: &str) -> StoreResult<bool> {
        through!(self.resume_queue(workspace, queue))
    }
    async fn queue_pauses(&self, scope: Scope) -> StoreResult<Vec<QueuePause>> {
        through!(self.queue_pauses(scope))
    }
}

#[async_trait]
impl Bulk for Faulty {
    async fn create_bulk(&self, new: &BulkRow) -> StoreResult<Submitted> {
        through!(self.create_bulk(new))
    }
    async fn bulk(&self, scope: Scope, id: BulkId) -> StoreResult<Option<BulkRow>> {
        through!(self.bulk(scope, id))
    }
    async fn bulk_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<BulkRow>> {
        through!(self.bulk_by_external_id(workspace, external_id))
    }
    async fn bulks(&self, scope: Scope, before: Option<BulkId>, limit: u32) -> StoreResult<Vec<BulkRow>> {
        through!(self.bulks(scope, before, limit))
    }
    async fn running_bulks(&self, limit: u32) -> StoreResult<Vec<BulkRow>> {
        through!(self.running_bulks(limit))
    }
    async fn advance_bulk(&self, id: BulkId, step: BulkStep, now: Timestamp) -> StoreResult<bool> {
        through!(self.advance_bulk(id, step, now))
    }
    async fn cancel_bulk(&self, scope: Scope, id: BulkId, now: Timestamp) -> StoreResult<bool> {
        through!(self.cancel_bulk(scope, id, now))
    }
    async fn hold_duty(&self, name: &str, holder: WorkerId, now: Timestamp, until: Timestamp) -> StoreResult<bool> {
        through!(self.hold_duty(name, holder, now, until))
    }
}

#[async_trait]
impl Endpoints for Faulty {
    async fn create_endpoint(&self, new: &EndpointRow) -> StoreResult<Submitted> {
        through!(self.create_endpoint(new))
    }
    async fn endpoints(&self, scope: Scope) -> StoreResult<Vec<EndpointRow>> {
        through!(self.endpoints(scope))
    }
    async fn endpoint(&self, scope: Scope, id: EndpointId) -> StoreResult<Option<EndpointRow>> {
        through!(self.endpoint(scope, id))
    }
    async fn change_endpoint(
        &self,
        scope: Scope,
        id: EndpointId,
        change: &EndpointChange,
        now: Timestamp,
    ) -> StoreResult<bool> {
        through!(self.change_endpoint(scope, id, change, now))
    }
    async fn rotate_endpoint(
        &self,
        scope: Scope,
        id: EndpointId,
        secret: &[u8],
        until: Timestamp,
        now: Timestamp,
    ) -> StoreResult<bool> {
        through!(self.rotate_endpoint(scope, id, secret, until, now))
    }
    async fn delete_endpoint(&self, scope: Scope, id: EndpointId) -> StoreResult<bool> {
        through!(self.delete_endpoint(scope, id))
    }
}

#[async_trait]
impl Deliveries for Faulty {
    async fn deliveries(&self, scope: Scope, filter: &DeliveryFilter) -> StoreResult<Vec<DeliveryRow>> {
        through!(self.deliveries(scope, filter))
    }
    async fn delivery(&self, scope: Scope, id: DeliveryId) -> StoreResult<Option<DeliveryRow>> {
        through!(self.delivery(scope, id))
    }
    async fn create_delivery(&self, new: &DeliveryRow) -> StoreResult<()> {
        through!(self.create_delivery(new))
    }
    async fn redeliver(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> StoreResult<bool> {
        through!(self.redeliver(scope, id, now))
    }
    async fn redeliver_failed(&self, scope: Scope, endpoint: Option<EndpointId>, now: Timestamp) -> StoreResult<u64> {
        through!(self.redeliver_failed(scope, endpoint, now))
    }
    async fn next_delivery(&self, run: Option<RunId>) -> StoreResult<Option<Timestamp>> {
        through!(self.next_delivery(run))
    }
    async fn due_deliveries(
        &self,
        run: Option<RunId>,
        after: Option<(Timestamp, DeliveryId)>,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<DueKey>> {
        through!(self.due_deliveries(run, after, now, limit))
    }
    async fn take_deliveries(&self, ids: &[DeliveryId], now: Timestamp, until: Timestamp) -> StoreResult<Vec<Due>> {
        through!(self.take_deliveries(ids, now, until))
    }
    async fn note_delivery(&self, attempted: &Attempted) -> StoreResult<bool> {
        through!(self.note_delivery(attempted))
    }
}

#[async_trait]
impl Hooks for Faulty {
    async fn create_hook(&self, new: &HookRow) -> StoreResult<()> {
        through!(self.create_hook(new))
    }

    async fn hooks(&self, scope: Scope) -> StoreResult<Vec<HookRow>> {
        through!(self.hooks(scope))
    }

    async fn hook_by_key(&self, key: &str) -> StoreResult<Option<HookRow>> {
        through!(self.hook_by_key(key))
    }

    async fn delete_hook(&self, workspace: WorkspaceId, name: &str) -> StoreResult<bool> {
        through!(self.delete_hook(workspace, name))
    }
}

#[async_trait]
impl Access for Faulty {
    async fn create_workspace(&self, workspace: &WorkspaceRow) -> StoreResult<()> {
        through!(self.create_workspace(workspace))
    }
    async fn workspaces(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkspaceRow>> {
        through!(self.workspaces(scope, after, limit))
    }
    async fn workspace_by_name(&self, scope: Scope, name: &str) -> StoreResult<Option<WorkspaceRow>> {
        through!(self.workspace_by_name(scope, name))
    }
    async fn set_workspace(&self, id: WorkspaceId, settings: &Settings) -> StoreResult<bool> {
        through!(self.set_workspace(id, settings))
    }
    async fn create_token(&self, token: &TokenRow, hash: TokenHash) -> StoreResult<()> {
        through!(self.create_token(token, hash))
    }
    async fn tokens(&self, scope: Scope, before: Option<TokenId>, limit: u32) -> StoreResult<Vec<TokenRow>> {
        through!(self.tokens(scope, before, limit))
    }
    async fn token_by_hash(&self, hash: TokenHash) -> StoreResult<Option<Grant>> {
        through!(self.token_by_hash(hash))
    }
    async fn revoke_token(&self, scope: Scope, id: TokenId, now: Timestamp) -> StoreResult<bool> {
        through!(self.revoke_token(scope, id, now))
    }
    async fn touch_token(&self, id: TokenId, now: Timestamp) -> StoreResult<()> {
        through!(self.touch_token(id, now))
    }
}

#[async_trait]
impl Secrets for Faulty {
    async fn set_secret(&self, new: &NewSecret) -> StoreResult<bool> {
        through!(self.set_secret(new))
    }
    async fn secrets(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<SecretRow>> {
        through!(self.secrets(scope, after, limit))
    }
    async fn sealed_secrets(&self, workspace: WorkspaceId, names: &[String]) -> StoreResult<Vec<SealedSecret>> {
        through!(self.sealed_secrets(workspace, names))
    }
    async fn delete_secret(&self, workspace: WorkspaceId, name: &str) -> StoreResult<bool> {
        through!(self.delete_secret(workspace, name))
    }
    async fn reseal(&self, reseal: &Reseal) -> StoreResult<bool> {
        through!(self.reseal(reseal))
    }
}

#[async_trait]
impl Schedules for Faulty {
    async fn schedules(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<ScheduleRow>> {
        through!(self.schedules(scope, after, limit))
    }
    async fn schedule(&self, scope: Scope, name: &str) -> StoreResult<Option<ScheduleRow>> {
        through!(self.schedule(scope, name))
    }
    async fn due_schedules(
        &self,
        after: Option<(Timestamp, WorkflowId)>,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<ScheduleRow>> {
        through!(self.due_schedules(after, now, limit))
    }
    async fn enable_schedule(
        &self,
        workspace: WorkspaceId,
        name: &str,
        next_at: Option<Timestamp>,
        by: (&Actor, Timestamp),
    ) -> StoreResult<bool> {
        through!(self.enable_schedule(workspace, name, next_at, by))
    }
    async fn disable_schedule(&self, workspace: WorkspaceId, name: &str, by: (&Actor, Timestamp)) -> StoreResult<bool> {
        through!(self.disable_schedule(workspace, name, by))
    }
    async fn fire_schedule(&self, firing: &Firing) -> StoreResult<Fired> {
        through!(self.fire_schedule(firing))
    }
}

#[async_trait]
impl Retention for Faulty {
    async fn prunable(&self, workspace: WorkspaceId, until: Timestamp, limit: u32) -> StoreResult<Vec<RunId>> {
        through!(self.prunable(workspace, until, limit))
    }
    async fn prune_runs(&self, scope: Scope, runs: &[RunId], now: Timestamp) -> StoreResult<u64> {
        through!(self.prune_runs(scope, runs, now))
    }
    async fn sweep(&self, limit: u32) -> StoreResult<Swept> {
        through!(self.sweep(limit))
    }
    async fn tombstone(&self, scope: Scope, run: RunId) -> StoreResult<Option<Tombstone>> {
        through!(self.tombstone(scope, run))
    }
}

#[async_trait]
impl Steps for Faulty {
    async fn standing(&self, scope: Scope, task: TaskRef, attempt: u32) -> StoreResult<Standing> {
        through!(self.standing(scope, task, attempt))
    }

    async fn write_steps(
        &self,
        scope: Scope,
        write: &StepWrite,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<StepsWritten> {
        through!(self.write_steps(scope, write, actor, now))
    }

    async fn steps(
        &self,
        scope: Scope,
        task: TaskRef,
        after: Option<StepKey>,
        limit: u32,
    ) -> StoreResult<Vec<StepRow>> {
        through!(self.steps(scope, task, after, limit))
    }

    async fn gate(&self, scope: Scope, gate: GateId) -> StoreResult<Option<GateRow>> {
        through!(self.gate(scope, gate))
    }

    async fn gates(&self, scope: Scope, filter: &GateFilter) -> StoreResult<Vec<GateRow>> {
        through!(self.gates(scope, filter))
    }

    async fn decide(&self, scope: Scope, decision: &Decision) -> StoreResult<Decided> {
        through!(self.decide(scope, decision))
    }

    async fn expired_gates(&self, scope: Scope, now: Timestamp, limit: u32) -> StoreResult<Vec<GateId>> {
        through!(self.expired_gates(scope, now, limit))
    }

    async fn next_expiry(&self, scope: Scope) -> StoreResult<Option<Timestamp>> {
        through!(self.next_expiry(scope))
    }

    async fn expire_gate(&self, scope: Scope, gate: GateId, now: Timestamp) -> StoreResult<bool> {
        through!(self.expire_gate(scope, gate, now))
    }

    async fn save_part(&self, scope: Scope, part: &WorkPart) -> StoreResult<bool> {
        through!(self.save_part(scope, part))
    }

    async fn keep_work(&self, scope: Scope, at: (TaskRef, u32, LeaseId), saved: &SavedWork) -> StoreResult<bool> {
        through!(self.keep_work(scope, at, saved))
    }

    async fn work_part(
        &self,
        scope: Scope,
        at: (TaskRef, u32),
        number: u32,
        part: u32,
    ) -> StoreResult<Option<Vec<u8>>> {
        through!(self.work_part(scope, at, number, part))
    }

    async fn drop_work(&self, scope: Scope, at: (TaskRef, u32, LeaseId)) -> StoreResult<bool> {
        through!(self.drop_work(scope, at))
    }
}

#[async_trait]
impl Artifacts for Faulty {
    async fn note_blob(&self, scope: Scope, blob: &LooseBlob) -> StoreResult<bool> {
        through!(self.note_blob(scope, blob))
    }

    async fn create_artifacts(
        &self,
        scope: Scope,
        new: &[NewArtifact],
        under: Option<KeptUnder>,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<ArtifactsCreated> {
        through!(self.create_artifacts(scope, new, under, actor, now))
    }

    async fn artifact(&self, scope: Scope, id: ArtifactId) -> StoreResult<Option<ArtifactRow>> {
        through!(self.artifact(scope, id))
    }

    async fn artifacts(&self, scope: Scope, filter: &ArtifactFilter) -> StoreResult<Vec<ArtifactRow>> {
        through!(self.artifacts(scope, filter))
    }

    async fn doom_blobs(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<BlobKey>> {
        through!(self.doom_blobs(now, limit))
    }

    async fn forget_blobs(&self, keys: &[BlobKey]) -> StoreResult<()> {
        through!(self.forget_blobs(keys))
    }
}

#[async_trait]
impl Prompts for Faulty {
    async fn put_prompt(&self, new: &NewPrompt) -> StoreResult<PromptRow> {
        through!(self.put_prompt(new))
    }

    async fn prompt(&self, workspace: WorkspaceId, id: &str, version: Option<u32>) -> StoreResult<Option<PromptRow>> {
        through!(self.prompt(workspace, id, version))
    }

    async fn prompts(&self, workspace: WorkspaceId, after: Option<&str>, limit: u32) -> StoreResult<Vec<PromptRow>> {
        through!(self.prompts(workspace, after, limit))
    }

    async fn prompt_versions(
        &self,
        workspace: WorkspaceId,
        id: &str,
        before: Option<u32>,
        limit: u32,
    ) -> StoreResult<Vec<PromptRow>> {
        through!(self.prompt_versions(workspace, id, before, limit))
    }

    async fn set_price(&self, workspace: WorkspaceId, price: &PriceRow) -> StoreResult<()> {
        through!(self.set_price(workspace, price))
    }

    async fn prices(&self, workspace: WorkspaceId) -> StoreResult<Vec<PriceRow>> {
        through!(self.prices(workspace))
    }

    async fn delete_price(&self, workspace: WorkspaceId, model: &str) -> StoreResult<bool> {
        through!(self.delete_price(workspace, model))
    }

    async fn set_budget(
        &self,
        workspace: WorkspaceId,
        period: BudgetPeriod,
        allowance: Option<Allowance>,
        now: Timestamp,
    ) -> StoreResult<()> {
        through!(self.set_budget(workspace, period, allowance, now))
    }

    async fn budgets(&self, workspace: WorkspaceId, now: Timestamp) -> StoreResult<Vec<BudgetRow>> {
        through!(self.budgets(workspace, now))
    }

    async fn run_budget(&self, scope: Scope, run: RunId) -> StoreResult<Option<BudgetRow>> {
        through!(self.run_budget(scope, run))
    }
}

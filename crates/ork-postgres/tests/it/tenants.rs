//! A store whose every call goes through the handle of a tenant: of the one that is asked for, or of the default one where
//! the engine would see all. What belongs to no tenant (workers come and go) stays the engine's.

use std::sync::Arc;

use async_trait::async_trait;
use ork_core::access::Settings;
use ork_core::artifact::{ArtifactRow, NewArtifact};
use ork_core::attempt::Failure;
use ork_core::blobs::BlobKey;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
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
use ork_postgres::PgStore;

pub struct Tenants(pub PgStore);

impl Tenants {
    fn of(&self, scope: Scope) -> (PgStore, Scope) {
        let workspace = match scope {
            Scope::One(workspace) => workspace,
            Scope::All => WorkspaceId::DEFAULT,
        };
        (self.0.for_tenant(workspace, None), Scope::One(workspace))
    }
}

/// Methods that take a scope first, each handed to its tenant's store.
macro_rules! tenants {
    ($trait:ident: $($name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)* $(=> $rest:item)*) => {
        #[async_trait]
        impl $trait for Tenants {
            $(async fn $name(&self, scope: Scope, $($arg: $type),*) -> StoreResult<$answer> {
                let (store, scope) = self.of(scope);
                store.$name(scope, $($arg),*).await
            })*
            $($rest)*
        }
    };
}

tenants! { Runs:
    run(id: RunId) -> Option<RunRow>;
    runs(filter: &RunFilter) -> Vec<RunRow>;
    runs_by_prefix(hex: &str) -> Vec<RunId>;
    plans(ids: &[RunId]) -> Vec<StoredPlan>;
    source(id: RunId) -> Option<String>;
    acknowledge_run(id: RunId, actor: &Actor, now: Timestamp) -> bool;
    cancel_run(id: RunId, reason: Reason, actor: &Actor, now: Timestamp) -> bool;
    pause_run(id: RunId, actor: &Actor, now: Timestamp) -> bool;
    resume_run(id: RunId, actor: &Actor, now: Timestamp) -> bool;
    conclude_run(id: RunId, result: Result<Json, Failure>, now: Timestamp) -> bool;
    => async fn submit(&self, new: &NewRun) -> StoreResult<Submitted> {
        self.of(Scope::One(new.workspace)).0.submit(new).await
    }
    => async fn run_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<RunId>> {
        self.of(Scope::One(workspace)).0.run_by_external_id(workspace, external_id).await
    }
}

tenants! { Tasks:
    task(task: TaskRef) -> Option<TaskRow>;
    tasks(run: RunId, filter: &TaskFilter) -> Vec<TaskRow>;
    groups(run: RunId) -> Vec<GroupRow>;
    counts(run: RunId) -> Vec<GroupCount>;
    outputs(run: RunId, groups: &[u32]) -> Vec<OutputRow>;
    attempts(task: TaskRef) -> Vec<AttemptRow>;
    cancel_task(task: TaskRef, actor: &Actor, now: Timestamp) -> bool;
    retry_task_now(task: TaskRef, actor: &Actor, now: Timestamp) -> bool;
}

tenants! { Queue:
    start(starts: &[Start], actor: &Actor, now: Timestamp) -> Vec<TaskRef>;
    settle(settles: &[Settle], actor: &Actor, now: Timestamp) -> Outcomes;
    progress(notes: &[ProgressNote]) -> ();
    => async fn claim(&self, claim: &Claim) -> StoreResult<Vec<Claimed>> {
        let (store, scope) = self.of(claim.scope);
        store.claim(&Claim { scope, ..claim.clone() }).await
    }
    => async fn settle_and_claim(
        &self,
        settles: &[Settle],
        actor: &Actor,
        claim: &Claim,
    ) -> StoreResult<(Outcomes, Vec<Claimed>)> {
        let (store, scope) = self.of(claim.scope);
        store.settle_and_claim(settles, actor, &Claim { scope, ..claim.clone() }).await
    }
    => async fn cancel_requests(&self, worker: WorkerId) -> StoreResult<Vec<(TaskRef, LeaseId)>> {
        self.of(Scope::All).0.cancel_requests(worker).await
    }
}

tenants! { Workers:
    workers() -> Vec<WorkerRow>;
    => async fn register_worker(&self, worker: &WorkerRow) -> StoreResult<()> {
        self.0.register_worker(worker).await
    }
    => async fn beat(&self, worker: WorkerId, now: Timestamp) -> StoreResult<Heartbeat> {
        self.0.beat(worker, now).await
    }
    => async fn retire_worker(&self, worker: WorkerId, now: Timestamp) -> StoreResult<bool> {
        self.0.retire_worker(worker, now).await
    }
    => async fn leases_of(&self, worker: WorkerId, limit: usize) -> StoreResult<Vec<Lease>> {
        self.of(Scope::All).0.leases_of(worker, limit).await
    }
}

tenants! { Upkeep:
    promote(now: Timestamp, limit: usize) -> Maintained;
    admit(now: Timestamp) -> Maintained;
    overdue(now: Timestamp, limit: usize) -> Vec<RunId>;
    evaluations(run: Option<RunId>, limit: usize) -> Vec<Evaluation>;
    expand(run: RunId, g: u32, expansion: &Expansion, now: Timestamp) -> bool;
}

tenants! { Events:
    events(run: RunId, after: u64, limit: u32) -> Vec<EventRow>;
    append_events(new: &NewEvents) -> Appended;
}

// Whoever seals is no tenant.
tenants! { Seals:
    unsealed_of(run: RunId, rows: u32) -> Option<Unsealed>;
    seals(run: RunId, after: u32, limit: u32) -> Vec<SealRow>;
    anchor(run: RunId) -> Option<Anchor>;
    => async fn unsealed(&self, rows: u32) -> StoreResult<Vec<Unsealed>> {
        self.0.unsealed(rows).await
    }
    => async fn seal(&self, seals: &[SealRow]) -> StoreResult<u64> {
        self.0.seal(seals).await
    }
    => async fn keep_seal_key(&self, key: &SealKeyRow) -> StoreResult<()> {
        self.0.keep_seal_key(key).await
    }
    => async fn seal_keys(&self) -> StoreResult<Vec<SealKeyRow>> {
        self.0.seal_keys().await
    }
}

tenants! { Feed:
    feed(after: FeedPosition, limit: u32) -> FeedPage;
    => async fn feed_head(&self) -> StoreResult<FeedPosition> {
        self.of(Scope::All).0.feed_head().await
    }
    => async fn feed_changed(&self) {
        self.0.feed_changed().await;
    }
}

tenants! { Logs:
    append_logs(chunks: &[LogChunk]) -> ();
    logs(query: LogQuery) -> LogPage;
    log_place(task: TaskRef, attempt: u32, line: u64) -> LogPlace;
    log_end(task: TaskRef, attempt: u32) -> LogPlace;
    => async fn packable_logs(&self, after: Option<(TaskRef, u32)>, limit: u32) -> StoreResult<Vec<Packable>> {
        self.0.packable_logs(after, limit).await
    }
    => async fn pack_log(&self, pack: &LogPack) -> StoreResult<Packed> {
        self.0.pack_log(pack).await
    }
}

tenants! { Inspect:
    dump(run: RunId) -> Option<RunDump>;
    run_ids(after: Option<RunId>, limit: u32) -> Vec<RunId>;
    overbooked() -> Vec<(String, u32, u32)>;
    lanes(limit: u32) -> Vec<LaneRow>;
    slot_tasks(key: &str, limit: u32) -> Vec<TaskRef>;
    slot_runs(key: &str, limit: u32) -> Vec<RunId>;
}

/// Workspaces are the installation's, and a token is looked up before anybody knows whose it is.
#[async_trait]
impl Access for Tenants {
    async fn create_workspace(&self, workspace: &WorkspaceRow) -> StoreResult<()> {
        self.0.create_workspace(workspace).await
    }
    async fn workspaces(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkspaceRow>> {
        self.0.workspaces(scope, after, limit).await
    }
    async fn workspace_by_name(&self, scope: Scope, name: &str) -> StoreResult<Option<WorkspaceRow>> {
        self.0.workspace_by_name(scope, name).await
    }
    async fn set_workspace(&self, id: WorkspaceId, settings: &Settings) -> StoreResult<bool> {
        self.0.set_workspace(id, settings).await
    }
    async fn create_token(&self, token: &TokenRow, hash: TokenHash) -> StoreResult<()> {
        self.of(Scope::One(token.workspace)).0.create_token(token, hash).await
    }
    async fn tokens(&self, scope: Scope, before: Option<TokenId>, limit: u32) -> StoreResult<Vec<TokenRow>> {
        match scope {
            Scope::One(_) => self.of(scope).0.tokens(scope, before, limit).await,
            Scope::All => self.0.tokens(scope, before, limit).await,
        }
    }
    async fn token_by_hash(&self, hash: TokenHash) -> StoreResult<Option<Grant>> {
        self.0.token_by_hash(hash).await
    }
    async fn revoke_token(&self, scope: Scope, id: TokenId, now: Timestamp) -> StoreResult<bool> {
        match scope {
            Scope::One(_) => self.of(scope).0.revoke_token(scope, id, now).await,
            Scope::All => self.0.revoke_token(scope, id, now).await,
        }
    }
    async fn touch_token(&self, id: TokenId, now: Timestamp) -> StoreResult<()> {
        self.0.touch_token(id, now).await
    }
}

#[async_trait]
impl Store for Tenants {
    async fn check(&self) -> StoreResult<Vec<String>> {
        self.0.check().await
    }

    async fn changed(&self) {
        self.0.changed().await;
    }

    async fn clock_ahead_micros(&self, local: Timestamp) -> StoreResult<i64> {
        self.of(Scope::All).0.clock_ahead_micros(local).await
    }

    fn tenant(self: Arc<Self>, workspace: WorkspaceId, owner: Option<&str>) -> Arc<dyn Store> {
        Arc::new(self.0.clone()).tenant(workspace, owner)
    }
}

tenants! { Workflows:
    workflow(name: &str) -> Option<WorkflowRow>;
    workflows(after: Option<&str>, limit: u32) -> Vec<WorkflowRow>;
    revisions(workflow: WorkflowId, before: Option<u32>, limit: u32) -> Vec<RevisionRow>;
    revision_source(revision: RevisionId) -> Option<String>;
    => async fn apply_workflow(&self, new: &NewRevision) -> StoreResult<Applied> {
        self.of(Scope::One(new.workspace)).0.apply_workflow(new).await
    }
    => async fn delete_workflow(
        &self,
        workspace: WorkspaceId,
        name: &str,
        expected: Expected,
        now: Timestamp,
    ) -> StoreResult<Deleted> {
        self.of(Scope::One(workspace)).0.delete_workflow(workspace, name, expected, now).await
    }
}

tenants! { Pauses:
    queue_pauses() -> Vec<QueuePause>;
    => async fn pause_queue(
        &self,
        workspace: WorkspaceId,
        queue: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<bool> {
        self.of(Scope::One(workspace)).0.pause_queue(workspace, queue, actor, now).await
    }
    => async fn resume_queue(&self, workspace: WorkspaceId, queue: &str) -> StoreResult<bool> {
        self.of(Scope::One(workspace)).0.resume_queue(workspace, queue).await
    }
}

tenants! { Bulk:
    bulk(id: BulkId) -> Option<BulkRow>;
    bulks(before: Option<BulkId>, limit: u32) -> Vec<BulkRow>;
    cancel_bulk(id: BulkId, now: Timestamp) -> bool;
    => async fn create_bulk(&self, new: &BulkRow) -> StoreResult<Submitted> {
        self.of(Scope::One(new.workspace)).0.create_bulk(new).await
    }
    => async fn bulk_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<BulkRow>> {
        self.of(Scope::One(workspace)).0.bulk_by_external_id(workspace, external_id).await
    }
    // Whoever carries them out does so for all.
    => async fn running_bulks(&self, limit: u32) -> StoreResult<Vec<BulkRow>> {
        self.0.running_bulks(limit).await
    }
    => async fn advance_bulk(&self, id: BulkId, step: BulkStep, now: Timestamp) -> StoreResult<bool> {
        self.0.advance_bulk(id, step, now).await
    }
    => async fn hold_duty(&self, name: &str, holder: WorkerId, now: Timestamp, until: Timestamp) -> StoreResult<bool> {
        self.0.hold_duty(name, holder, now, until).await
    }
}

tenants! { Secrets:
    secrets(after: Option<&str>, limit: u32) -> Vec<SecretRow>;
    => async fn set_secret(&self, new: &NewSecret) -> StoreResult<bool> {
        self.of(Scope::One(new.workspace)).0.set_secret(new).await
    }
    => async fn sealed_secrets(&self, workspace: WorkspaceId, names: &[String]) -> StoreResult<Vec<SealedSecret>> {
        self.of(Scope::One(workspace)).0.sealed_secrets(workspace, names).await
    }
    => async fn delete_secret(&self, workspace: WorkspaceId, name: &str) -> StoreResult<bool> {
        self.of(Scope::One(workspace)).0.delete_secret(workspace, name).await
    }
    => async fn reseal(&self, reseal: &Reseal) -> StoreResult<bool> {
        self.of(Scope::One(reseal.workspace)).0.reseal(reseal).await
    }
}

tenants! { Schedules:
    schedules(after: Option<&str>, limit: u32) -> Vec<ScheduleRow>;
    schedule(name: &str) -> Option<ScheduleRow>;
    // Whoever creates their runs does so for all.
    => async fn due_schedules(&self, after: Option<(Timestamp, WorkflowId)>, now: Timestamp, limit: u32) -> StoreResult<Vec<ScheduleRow>> {
        self.0.due_schedules(after, now, limit).await
    }
    => async fn enable_schedule(
        &self,
        workspace: WorkspaceId,
        name: &str,
        next_at: Option<Timestamp>,
        by: (&Actor, Timestamp),
    ) -> StoreResult<bool> {
        self.of(Scope::One(workspace)).0.enable_schedule(workspace, name, next_at, by).await
    }
    => async fn disable_schedule(
        &self,
        workspace: WorkspaceId,
        name: &str,
        by: (&Actor, Timestamp),
    ) -> StoreResult<bool> {
        self.of(Scope::One(workspace)).0.disable_schedule(workspace, name, by).await
    }
    => async fn fire_schedule(&self, firing: &Firing) -> StoreResult<Fired> {
        self.0.fire_schedule(firing).await
    }
}

tenants! { Artifacts:
    note_blob(blob: &LooseBlob) -> bool;
    create_artifacts(new: &[NewArtifact], under: Option<KeptUnder>, actor: &Actor, now: Timestamp) -> ArtifactsCreated;
    artifact(id: ArtifactId) -> Option<ArtifactRow>;
    artifacts(filter: &ArtifactFilter) -> Vec<ArtifactRow>;
    // Bytes of all are removed by the engine.
    => async fn doom_blobs(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<BlobKey>> {
        self.0.doom_blobs(now, limit).await
    }
    => async fn forget_blobs(&self, keys: &[BlobKey]) -> StoreResult<()> {
        self.0.forget_blobs(keys).await
    }
}

// What is removed, the engine removes.
tenants! { Retention:
    tombstone(run: RunId) -> Option<Tombstone>;
    => async fn prunable(&self, workspace: WorkspaceId, until: Timestamp, limit: u32) -> StoreResult<Vec<RunId>> {
        self.of(Scope::One(workspace)).0.prunable(workspace, until, limit).await
    }
    => async fn prune_runs(&self, scope: Scope, runs: &[RunId], now: Timestamp) -> StoreResult<u64> {
        self.0.prune_runs(scope, runs, now).await
    }
    => async fn sweep(&self, limit: u32) -> StoreResult<Swept> {
        self.0.sweep(limit).await
    }
}

// Whoever sends messages does so for all.
#[async_trait]
impl Endpoints for Tenants {
    async fn create_endpoint(&self, new: &EndpointRow) -> StoreResult<Submitted> {
        self.of(Scope::One(new.workspace)).0.create_endpoint(new).await
    }
    async fn endpoints(&self, scope: Scope) -> StoreResult<Vec<EndpointRow>> {
        let (store, scope) = self.of(scope);
        store.endpoints(scope).await
    }
    async fn endpoint(&self, scope: Scope, id: EndpointId) -> StoreResult<Option<EndpointRow>> {
        let (store, scope) = self.of(scope);
        store.endpoint(scope, id).await
    }
    async fn change_endpoint(
        &self,
        scope: Scope,
        id: EndpointId,
        change: &EndpointChange,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let (store, scope) = self.of(scope);
        store.change_endpoint(scope, id, change, now).await
    }
    async fn rotate_endpoint(
        &self,
        scope: Scope,
        id: EndpointId,
        secret: &[u8],
        until: Timestamp,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let (store, scope) = self.of(scope);
        store.rotate_endpoint(scope, id, secret, until, now).await
    }
    async fn delete_endpoint(&self, scope: Scope, id: EndpointId) -> StoreResult<bool> {
        let (store, scope) = self.of(scope);
        store.delete_endpoint(scope, id).await
    }
}

#[async_trait]
impl Deliveries for Tenants {
    async fn deliveries(&self, scope: Scope, filter: &DeliveryFilter) -> StoreResult<Vec<DeliveryRow>> {
        let (store, scope) = self.of(scope);
        store.deliveries(scope, filter).await
    }
    async fn delivery(&self, scope: Scope, id: DeliveryId) -> StoreResult<Option<DeliveryRow>> {
        let (store, scope) = self.of(scope);
        store.delivery(scope, id).await
    }
    async fn create_delivery(&self, new: &DeliveryRow) -> StoreResult<()> {
        self.of(Scope::One(new.workspace)).0.create_delivery(new).await
    }
    async fn redeliver(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> StoreResult<bool> {
        let (store, scope) = self.of(scope);
        store.redeliver(scope, id, now).await
    }
    async fn redeliver_failed(&self, scope: Scope, endpoint: Option<EndpointId>, now: Timestamp) -> StoreResult<u64> {
        let (store, scope) = self.of(scope);
        store.redeliver_failed(scope, endpoint, now).await
    }
    async fn next_delivery(&self, run: Option<RunId>) -> StoreResult<Option<Timestamp>> {
        self.0.next_delivery(run).await
    }
    async fn due_deliveries(
        &self,
        run: Option<RunId>,
        after: Option<(Timestamp, DeliveryId)>,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<DueKey>> {
        self.0.due_deliveries(run, after, now, limit).await
    }
    async fn take_deliveries(&self, ids: &[DeliveryId], now: Timestamp, until: Timestamp) -> StoreResult<Vec<Due>> {
        self.0.take_deliveries(ids, now, until).await
    }
    async fn note_delivery(&self, attempted: &Attempted) -> StoreResult<bool> {
        self.0.note_delivery(attempted).await
    }
}

#[async_trait]
impl Hooks for Tenants {
    async fn create_hook(&self, new: &HookRow) -> StoreResult<()> {
        self.of(Scope::One(new.workspace)).0.create_hook(new).await
    }

    async fn hooks(&self, scope: Scope) -> StoreResult<Vec<HookRow>> {
        let (store, scope) = self.of(scope);
        store.hooks(scope).await
    }

    async fn hook_by_key(&self, key: &str) -> StoreResult<Option<HookRow>> {
        self.of(Scope::All).0.hook_by_key(key).await
    }

    async fn delete_hook(&self, workspace: WorkspaceId, name: &str) -> StoreResult<bool> {
        self.of(Scope::One(workspace)).0.delete_hook(workspace, name).await
    }
}

tenants! { Steps:
    standing(task: TaskRef, attempt: u32) -> Standing;
    write_steps(write: &StepWrite, actor: &Actor, now: Timestamp) -> StepsWritten;
    steps(task: TaskRef, after: Option<StepKey>, limit: u32) -> Vec<StepRow>;
    gate(gate: GateId) -> Option<GateRow>;
    gates(filter: &GateFilter) -> Vec<GateRow>;
    decide(decision: &Decision) -> Decided;
    expired_gates(now: Timestamp, limit: u32) -> Vec<GateId>;
    next_expiry() -> Option<Timestamp>;
    expire_gate(gate: GateId, now: Timestamp) -> bool;
    save_part(part: &WorkPart) -> bool;
    keep_work(at: (TaskRef, u32, LeaseId), saved: &SavedWork) -> bool;
    work_part(at: (TaskRef, u32), number: u32, part: u32) -> Option<Vec<u8>>;
    drop_work(at: (TaskRef, u32, LeaseId)) -> bool;
}

tenants! { Prompts:
    run_budget(run: RunId) -> Option<BudgetRow>;
    => async fn put_prompt(&self, new: &NewPrompt) -> StoreResult<PromptRow> {
        self.of(Scope::One(new.workspace)).0.put_prompt(new).await
    }
    => async fn prompt(&self, workspace: WorkspaceId, id: &str, version: Option<u32>) -> StoreResult<Option<PromptRow>> {
        self.of(Scope::One(workspace)).0.prompt(workspace, id, version).await
    }
    => async fn prompts(&self, workspace: WorkspaceId, after: Option<&str>, limit: u32) -> StoreResult<Vec<PromptRow>> {
        self.of(Scope::One(workspace)).0.prompts(workspace, after, limit).await
    }
    => async fn prompt_versions(
        &self,
        workspace: WorkspaceId,
        id: &str,
        before: Option<u32>,
        limit: u32,
    ) -> StoreResult<Vec<PromptRow>> {
        self.of(Scope::One(workspace)).0.prompt_versions(workspace, id, before, limit).await
    }
    => async fn set_price(&self, workspace: WorkspaceId, price: &PriceRow) -> StoreResult<()> {
        self.of(Scope::One(workspace)).0.set_price(workspace, price).await
    }
    => async fn prices(&self, workspace: WorkspaceId) -> StoreResult<Vec<PriceRow>> {
        self.of(Scope::One(workspace)).0.prices(workspace).await
    }
    => async fn delete_price(&self, workspace: WorkspaceId, model: &str) -> StoreResult<bool> {
        self.of(Scope::One(workspace)).0.delete_price(workspace, model).await
    }
    => async fn set_budget(
        &self,
        workspace: WorkspaceId,
        period: BudgetPeriod,
        allowance: Option<Allowance>,
        now: Timestamp,
    ) -> StoreResult<()> {
        self.of(Scope::One(workspace)).0.set_budget(workspace, period, allowance, now).await
    }
    => async fn budgets(&self, workspace: WorkspaceId, now: Timestamp) -> StoreResult<Vec<BudgetRow>> {
        self.of(Scope::One(workspace)).0.budgets(workspace, now).await
    }
}

//! The store as one node, or the users, reach it: the real one behind a network that loses things.

mod artifacts;
mod control;
mod keeping;
mod logs;
mod seals;
mod steps;
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use ork_core::access::Settings;
use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{Actor, EventRow};
use ork_core::feed::FeedPosition;
use ork_core::graph::{Expansion, Lease, LeaseId, NewRun};
use ork_core::id::{RunId, TaskRef, TokenId, WorkerId, WorkspaceId};
use ork_core::json::Json;
use ork_core::state::Reason;
use ork_core::store::{
    Access, Appended, AttemptRow, Claim, Claimed, Evaluation, Events, Feed, FeedPage, Grant, GroupCount, GroupRow,
    Heartbeat, Inspect, LaneRow, Maintained, NewEvents, Outcomes, OutputRow, ProgressNote, Queue, RunDump, RunFilter,
    RunRow, Runs, Scope, Settle, Settled, Start, Store, StoredPlan, Submitted, TaskFilter, TaskRow, Tasks, TokenHash,
    TokenRow, Upkeep, WorkerRow, Workers, WorkspaceRow,
};
use tokio::time::{sleep, sleep_until};

use crate::weather::Who;
use crate::witness::End;
use crate::world::{World, lock};

/// The way to the store.
pub struct FaultyStore {
    world: Arc<World>,
    who: Who,
    /// Which of its lives a node is in.
    life: u32,
}

impl FaultyStore {
    /// The way of one node, or of the users.
    #[must_use]
    pub fn new(world: Arc<World>, who: Who) -> Self {
        Self { world, who, life: 0 }
    }

    /// The same for this life of its node: it may end with a request.
    #[must_use]
    pub const fn in_life(mut self, life: u32) -> Self {
        self.life = life;
        self
    }

    async fn thaw(&self) {
        loop {
            let until = lock(&self.world.weather).frozen_until(self.who);
            let Some(until) = until else { return };
            sleep_until(until).await;
        }
    }

    /// Sends a request. It may be kept back, be lost on its way, or its answer may be.
    async fn send<T, F>(&self, name: &'static str, request: F) -> StoreResult<T>
    where
        F: Future<Output = StoreResult<T>> + Send,
    {
        let fate = lock(&self.world.weather).fate();
        sleep_ms(fate.there_ms).await;
        self.thaw().await;
        if lock(&self.world.weather).is_out() {
            return Err(self.lost("outage", name));
        }
        if fate.fails {
            lock(&self.world.weather).land("before");
            return Err(self.lost("before", name));
        }
        self.world.fails_commit.store(fate.fails_commit, Ordering::Relaxed);
        let answer = request.await;
        // What only reads commits nothing that could fail.
        if fate.fails_commit && !self.world.fails_commit.swap(false, Ordering::Relaxed) {
            lock(&self.world.weather).land("commit");
            self.missed(name);
        }
        self.note(name, if answer.is_ok() { "ok" } else { "refused" });
        if let Err(error @ StoreError::Corrupt { .. }) = &answer {
            self.world.problem(format!("{name}: {error}"));
        }
        sleep_ms(fate.back_ms).await;
        self.thaw().await;
        if fate.loses_answer {
            lock(&self.world.weather).land("after");
            return Err(self.lost("after", name));
        }
        answer
    }

    /// As [`Self::send`], for what a node may die with: just before it took effect, or just after.
    async fn deadly<T, F>(&self, name: &'static str, request: F) -> StoreResult<T>
    where
        F: Future<Output = StoreResult<T>> + Send,
    {
        let (before, after) = lock(&self.world.weather).deaths(self.who);
        if before {
            return self.die(name).await;
        }
        let request = async {
            let answer = request.await;
            if after {
                drop(answer);
                return self.die(name).await;
            }
            answer
        };
        self.send(name, request).await
    }

    async fn die<T>(&self, name: &'static str) -> T {
        let Who::Node(at) = self.who else { return std::future::pending().await };
        self.note(name, "and dies");
        // Nobody listens any more when the world ends.
        let _ = self.world.crashes.send((at, self.life));
        std::future::pending().await
    }

    /// As [`Self::send`], for what changes the queue: the other nodes will notice.
    async fn change<T, F>(&self, name: &'static str, request: F) -> StoreResult<T>
    where
        F: Future<Output = StoreResult<T>> + Send,
    {
        let request = async {
            let answer = request.await;
            self.world.ring();
            answer
        };
        self.send(name, request).await
    }

    fn lost(&self, how: &'static str, name: &'static str) -> StoreError {
        self.note(name, how);
        if how == "before" {
            self.missed(name);
        }
        StoreError::Unavailable(format!("simulated: {how}"))
    }

    /// A request had no effect, for a reason of its own.
    fn missed(&self, name: &'static str) {
        if name == "beat" {
            lock(&self.world.weather).beat(self.who, false);
        }
    }

    fn note(&self, name: &'static str, what: &str) {
        match self.who {
            Who::Node(at) => self.world.note(format_args!("n{at} {name} {what}")),
            Who::Users => self.world.note(format_args!("users {name} {what}")),
        }
    }

    /// Compares what the store accepts with what the executions did.
    fn saw_settled(&self, settles: &[Settle], outcomes: &Outcomes) {
        for (settle, settled) in settles.iter().zip(&outcomes.settled) {
            let name = self.world.name(settle.task);
            self.world.note(format_args!("  {name} #{} {} {settled:?}", settle.attempt, settle.outcome.word()));
            match settled {
                Settled::Accepted => self.saw_accepted(settle, &name),
                Settled::Already => lock(&self.world.witness).mark("settle repeated"),
                Settled::Stale => lock(&self.world.witness).mark("settle too late"),
                Settled::Unknown => self.world.problem(format!("{name}: settled as unknown")),
            }
        }
    }

    fn saw_claimed(&self, claim: &Claim, claimed: &[Claimed]) {
        for claimed in claimed {
            let name = self.world.name(claimed.task);
            lock(&self.world.witness).groups.insert(claimed.task, claimed.g);
            self.world.note(format_args!("  {name} #{} claimed", claimed.attempt));
        }
        if claim.again && !claimed.is_empty() {
            lock(&self.world.witness).mark("claim found again");
        }
    }

    fn saw_accepted(&self, settle: &Settle, name: &str) {
        let is_lost = matches!(&settle.outcome, Outcome::Failed(Failure { kind: FailureKind::Lost, .. }));
        let has_steps = self.world.has_steps(settle.task);
        let mut witness = lock(&self.world.witness);
        // An attempt with steps may be carried by several leases.
        witness.accept(settle.task, settle.attempt, has_steps.then_some(settle.lease));
        if let Outcome::Waiting { .. } | Outcome::WoundUp { .. } = &settle.outcome {
            witness.mark(if settle.outcome.word() == "waiting" { "waited" } else { "wound up" });
        }
        // Steps may go on where nobody knows yet that another lease carries their attempt.
        let is_ours = |place: (usize, u32)| self.who == Who::Node(place.0);
        let counts = |place| !has_steps || is_ours(place) || !lock(&self.world.weather).is_excused(place.0);
        let running = witness.of_attempt(settle.task, settle.attempt).filter(|e| e.stopped.is_none());
        let Some(place) = running.map(|e| e.place).find(|place| counts(*place)) else {
            let succeeded = has_steps
                || witness
                    .of_attempt(settle.task, settle.attempt)
                    .any(|execution| matches!(execution.stopped, Some((_, End::Success))));
            if matches!(settle.outcome, Outcome::Success { .. }) && !succeeded {
                let problem = format!("{name}: attempt {} is a success without a successful execution", settle.attempt);
                witness.problems.push(problem);
            }
            if is_lost {
                witness.mark("lost");
            }
            return;
        };
        if !is_lost {
            let problem = format!("{name}: attempt {} was settled while it was running", settle.attempt);
            witness.problems.push(problem);
        } else if lock(&self.world.weather).is_excused(place.0) {
            witness.mark("lost while running");
        } else {
            let problem = format!("{name}: attempt {} was given up although node {} was well", settle.attempt, place.0);
            witness.problems.push(problem);
        }
    }
}

async fn sleep_ms(ms: u64) {
    if ms > 0 {
        sleep(Duration::from_millis(ms)).await;
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn changed(&self) {
        let Who::Node(at) = self.who else { return std::future::pending().await };
        self.world.bells[at].notified().await;
        let ms = lock(&self.world.weather).bell_ms();
        sleep_ms(ms).await;
    }

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

#[async_trait]
impl Runs for FaultyStore {
    async fn submit(&self, new: &NewRun) -> StoreResult<Submitted> {
        let request = async {
            let submitted = self.world.store.submit(new).await?;
            lock(&self.world.witness).submitted.insert(new.id);
            Ok(submitted)
        };
        self.change("submit", request).await
    }

    async fn run(&self, scope: Scope, id: RunId) -> StoreResult<Option<RunRow>> {
        self.send("run", self.world.store.run(scope, id)).await
    }

    async fn runs(&self, scope: Scope, filter: &RunFilter) -> StoreResult<Vec<RunRow>> {
        self.send("runs", self.world.store.runs(scope, filter)).await
    }

    async fn runs_by_prefix(&self, scope: Scope, hex: &str) -> StoreResult<Vec<RunId>> {
        self.send("runs_by_prefix", self.world.store.runs_by_prefix(scope, hex)).await
    }

    async fn run_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<RunId>> {
        self.send("run_by_external_id", self.world.store.run_by_external_id(workspace, external_id)).await
    }

    async fn plans(&self, scope: Scope, ids: &[RunId]) -> StoreResult<Vec<StoredPlan>> {
        self.send("plans", self.world.store.plans(scope, ids)).await
    }

    async fn source(&self, scope: Scope, id: RunId) -> StoreResult<Option<String>> {
        self.send("source", self.world.store.source(scope, id)).await
    }

    async fn acknowledge_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        self.send("acknowledge_run", self.world.store.acknowledge_run(scope, id, actor, now)).await
    }

    async fn cancel_run(
        &self,
        scope: Scope,
        id: RunId,
        reason: Reason,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let request = async {
            let done = self.world.store.cancel_run(scope, id, reason, actor, now).await?;
            if done {
                lock(&self.world.witness).cancelled_since_ms.entry(id).or_insert(self.world.clock.ms());
            }
            Ok(done)
        };
        self.change("cancel_run", request).await
    }

    async fn pause_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        let request = async {
            let done = self.world.store.pause_run(scope, id, actor, now).await?;
            if done {
                lock(&self.world.witness).paused_since_ms.entry(id).or_insert(self.world.clock.ms());
            }
            Ok(done)
        };
        self.change("pause_run", request).await
    }

    async fn resume_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        let request = async {
            let done = self.world.store.resume_run(scope, id, actor, now).await?;
            lock(&self.world.witness).paused_since_ms.remove(&id);
            Ok(done)
        };
        self.change("resume_run", request).await
    }

    async fn conclude_run(
        &self,
        scope: Scope,
        id: RunId,
        result: Result<Json, Failure>,
        now: Timestamp,
    ) -> StoreResult<bool> {
        lock(&self.world.witness).mark("result");
        self.change("conclude_run", self.world.store.conclude_run(scope, id, result, now)).await
    }
}

#[async_trait]
impl Tasks for FaultyStore {
    async fn task(&self, scope: Scope, task: TaskRef) -> StoreResult<Option<TaskRow>> {
        self.send("task", self.world.store.task(scope, task)).await
    }

    async fn tasks(&self, scope: Scope, run: RunId, filter: &TaskFilter) -> StoreResult<Vec<TaskRow>> {
        self.send("tasks", self.world.store.tasks(scope, run, filter)).await
    }

    async fn groups(&self, scope: Scope, run: RunId) -> StoreResult<Vec<GroupRow>> {
        self.send("groups", self.world.store.groups(scope, run)).await
    }

    async fn counts(&self, scope: Scope, run: RunId) -> StoreResult<Vec<GroupCount>> {
        self.send("counts", self.world.store.counts(scope, run)).await
    }

    async fn outputs(&self, scope: Scope, run: RunId, groups: &[u32]) -> StoreResult<Vec<OutputRow>> {
        self.send("outputs", self.world.store.outputs(scope, run, groups)).await
    }

    async fn attempts(&self, scope: Scope, task: TaskRef) -> StoreResult<Vec<AttemptRow>> {
        self.send("attempts", self.world.store.attempts(scope, task)).await
    }

    async fn cancel_task(&self, scope: Scope, task: TaskRef, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        self.change("cancel_task", self.world.store.cancel_task(scope, task, actor, now)).await
    }

    async fn retry_task_now(&self, scope: Scope, task: TaskRef, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        self.change("retry_task_now", self.world.store.retry_task_now(scope, task, actor, now)).await
    }
}

#[async_trait]
impl Queue for FaultyStore {
    async fn claim(&self, claim: &Claim) -> StoreResult<Vec<Claimed>> {
        let request = async {
            let claimed = self.world.store.claim(claim).await?;
            self.saw_claimed(claim, &claimed);
            Ok(claimed)
        };
        self.send("claim", request).await
    }

    async fn start(&self, scope: Scope, starts: &[Start], actor: &Actor, now: Timestamp) -> StoreResult<Vec<TaskRef>> {
        self.send("start", self.world.store.start(scope, starts, actor, now)).await
    }

    async fn settle(&self, scope: Scope, settles: &[Settle], actor: &Actor, now: Timestamp) -> StoreResult<Outcomes> {
        let request = async {
            let outcomes = self.world.store.settle(scope, settles, actor, now).await?;
            self.saw_settled(settles, &outcomes);
            self.world.ring();
            Ok(outcomes)
        };
        self.deadly("settle", request).await
    }

    async fn settle_and_claim(
        &self,
        settles: &[Settle],
        actor: &Actor,
        claim: &Claim,
    ) -> StoreResult<(Outcomes, Vec<Claimed>)> {
        let request = async {
            let (outcomes, claimed) = self.world.store.settle_and_claim(settles, actor, claim).await?;
            self.saw_settled(settles, &outcomes);
            self.saw_claimed(claim, &claimed);
            Ok((outcomes, claimed))
        };
        self.change("settle and claim", request).await
    }

    async fn progress(&self, scope: Scope, notes: &[ProgressNote]) -> StoreResult<()> {
        self.send("progress", self.world.store.progress(scope, notes)).await
    }

    async fn cancel_requests(&self, worker: WorkerId) -> StoreResult<Vec<(TaskRef, LeaseId)>> {
        self.send("cancel_requests", self.world.store.cancel_requests(worker)).await
    }
}

#[async_trait]
impl Workers for FaultyStore {
    async fn register_worker(&self, worker: &WorkerRow) -> StoreResult<()> {
        self.send("register_worker", self.world.store.register_worker(worker)).await
    }

    async fn beat(&self, worker: WorkerId, now: Timestamp) -> StoreResult<Heartbeat> {
        let request = async {
            let heartbeat = self.world.store.beat(worker, now).await?;
            lock(&self.world.weather).beat(self.who, true);
            if !heartbeat.alive {
                lock(&self.world.witness).mark("declared dead and back");
            }
            Ok(heartbeat)
        };
        self.send("beat", request).await
    }

    async fn retire_worker(&self, worker: WorkerId, now: Timestamp) -> StoreResult<bool> {
        self.send("retire_worker", self.world.store.retire_worker(worker, now)).await
    }

    async fn workers(&self, scope: Scope) -> StoreResult<Vec<WorkerRow>> {
        self.send("workers", self.world.store.workers(scope)).await
    }

    async fn leases_of(&self, worker: WorkerId, limit: usize) -> StoreResult<Vec<Lease>> {
        self.send("leases_of", self.world.store.leases_of(worker, limit)).await
    }
}

#[async_trait]
impl Upkeep for FaultyStore {
    async fn promote(&self, scope: Scope, now: Timestamp, limit: usize) -> StoreResult<Maintained> {
        self.send("promote", self.world.store.promote(scope, now, limit)).await
    }

    async fn admit(&self, scope: Scope, now: Timestamp) -> StoreResult<Maintained> {
        self.send("admit", self.world.store.admit(scope, now)).await
    }

    async fn overdue(&self, scope: Scope, now: Timestamp, limit: usize) -> StoreResult<Vec<RunId>> {
        self.send("overdue", self.world.store.overdue(scope, now, limit)).await
    }

    async fn evaluations(&self, scope: Scope, run: Option<RunId>, limit: usize) -> StoreResult<Vec<Evaluation>> {
        self.send("evaluations", self.world.store.evaluations(scope, run, limit)).await
    }

    async fn expand(&self, scope: Scope, run: RunId, g: u32, to: &Expansion, now: Timestamp) -> StoreResult<bool> {
        lock(&self.world.witness).mark("expansion");
        self.change("expand", self.world.store.expand(scope, run, g, to, now)).await
    }
}

#[async_trait]
impl Events for FaultyStore {
    async fn events(&self, scope: Scope, run: RunId, after: u64, limit: u32) -> StoreResult<Vec<EventRow>> {
        self.send("events", self.world.store.events(scope, run, after, limit)).await
    }

    async fn append_events(&self, scope: Scope, new: &NewEvents) -> StoreResult<Appended> {
        self.send("append_events", self.world.store.append_events(scope, new)).await
    }
}

#[async_trait]
impl Feed for FaultyStore {
    async fn feed(&self, scope: Scope, after: FeedPosition, limit: u32) -> StoreResult<FeedPage> {
        self.send("feed", self.world.store.feed(scope, after, limit)).await
    }

    async fn feed_head(&self) -> StoreResult<FeedPosition> {
        self.send("feed_head", self.world.store.feed_head()).await
    }

    async fn feed_changed(&self) {
        self.world.store.feed_changed().await;
    }
}

#[async_trait]
impl Inspect for FaultyStore {
    async fn dump(&self, scope: Scope, run: RunId) -> StoreResult<Option<RunDump>> {
        self.send("dump", self.world.store.dump(scope, run)).await
    }

    async fn run_ids(&self, scope: Scope, after: Option<RunId>, limit: u32) -> StoreResult<Vec<RunId>> {
        self.send("run_ids", self.world.store.run_ids(scope, after, limit)).await
    }

    async fn overbooked(&self, scope: Scope) -> StoreResult<Vec<(String, u32, u32)>> {
        self.send("overbooked", self.world.store.overbooked(scope)).await
    }

    async fn lanes(&self, scope: Scope, limit: u32) -> StoreResult<Vec<LaneRow>> {
        self.send("lanes", self.world.store.lanes(scope, limit)).await
    }

    async fn slot_tasks(&self, scope: Scope, key: &str, limit: u32) -> StoreResult<Vec<TaskRef>> {
        self.send("slot_tasks", self.world.store.slot_tasks(scope, key, limit)).await
    }

    async fn slot_runs(&self, scope: Scope, key: &str, limit: u32) -> StoreResult<Vec<RunId>> {
        self.send("slot_runs", self.world.store.slot_runs(scope, key, limit)).await
    }
}

#[async_trait]
impl Access for FaultyStore {
    async fn create_workspace(&self, workspace: &WorkspaceRow) -> StoreResult<()> {
        self.send("create_workspace", self.world.store.create_workspace(workspace)).await
    }
    async fn workspaces(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkspaceRow>> {
        self.send("workspaces", self.world.store.workspaces(scope, after, limit)).await
    }
    async fn workspace_by_name(&self, scope: Scope, name: &str) -> StoreResult<Option<WorkspaceRow>> {
        self.send("workspace_by_name", self.world.store.workspace_by_name(scope, name)).await
    }
    async fn set_workspace(&self, id: WorkspaceId, settings: &Settings) -> StoreResult<bool> {
        self.send("set_workspace", self.world.store.set_workspace(id, settings)).await
    }
    async fn create_token(&self, token: &TokenRow, hash: TokenHash) -> StoreResult<()> {
        self.send("create_token", self.world.store.create_token(token, hash)).await
    }
    async fn tokens(&self, scope: Scope, before: Option<TokenId>, limit: u32) -> StoreResult<Vec<TokenRow>> {
        self.send("tokens", self.world.store.tokens(scope, before, limit)).await
    }
    async fn token_by_hash(&self, hash: TokenHash) -> StoreResult<Option<Grant>> {
        self.send("token_by_hash", self.world.store.token_by_hash(hash)).await
    }
    async fn revoke_token(&self, scope: Scope, id: TokenId, now: Timestamp) -> StoreResult<bool> {
        self.send("revoke_token", self.world.store.revoke_token(scope, id, now)).await
    }
    async fn touch_token(&self, id: TokenId, now: Timestamp) -> StoreResult<()> {
        self.send("touch_token", self.world.store.touch_token(id, now)).await
    }
}

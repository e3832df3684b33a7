//! What a case stands on: a fresh store, a clock that stands still, and short words for what workers and people do.

use std::sync::Arc;

use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::check::check;
use ork_core::clock::{SeededEntropy, Timestamp};
use ork_core::event::Actor;
use ork_core::graph::{LeaseId, NewRun, Pin, ProcessEnd, TriggeredBy};
use ork_core::id::{ArtifactId, DeliveryId, EndpointId, GateId, RunId, TaskRef, TokenId, WorkerId, WorkspaceId};
use ork_core::json::Json;
use ork_core::plan::Plan;
use ork_core::state::{RunStatus, TaskStatus};
use ork_core::store::{
    Attempted, Claim, Claimed, DeliveryTry, Due, Outcomes, RunDump, RunRow, Scope, Settle, Settled, Start, Store,
    TaskRow, Verdict, WorkerRow,
};

/// A store under test.
pub struct Bed {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The present moment; cases move it.
    pub now: Timestamp,
    /// The worker that [`Bed::claim`] claims for.
    pub worker: WorkerId,
    random: SeededEntropy,
    leases: i64,
}

/// A claimed task, with the token that settles it.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// What was claimed.
    pub claimed: Claimed,
    /// The token.
    pub lease: LeaseId,
}

/// Success without output.
pub const fn done() -> Outcome {
    Outcome::Success { output: None }
}

/// A process that ended with code 1.
pub fn failed() -> Outcome {
    Outcome::Failed(Failure::new(FailureKind::Exit { code: 1 }, "exit code 1"))
}

/// A worker that every case has.
pub fn worker_row(id: WorkerId, now: Timestamp) -> WorkerRow {
    WorkerRow {
        id,
        name: "w".into(),
        host: "h".into(),
        lanes: vec!["default".into()],
        capacity: 4,
        version: "0".into(),
        started_at: now,
        heartbeat_at: now,
        ended_at: None,
    }
}

/// Who asks for things in cases.
pub fn ada() -> Actor {
    Actor::user("ada")
}

/// The outcome of a held attempt, as its worker would report it.
pub fn settle(held: &Held, outcome: Outcome, now: Timestamp) -> Settle {
    Settle {
        task: held.claimed.task,
        attempt: held.claimed.attempt,
        lease: held.lease,
        outcome,
        started_at: None,
        finished_at: now,
        end: ProcessEnd::default(),
        random: 0,
    }
}

impl Bed {
    /// A bed on a fresh store, with one worker.
    pub async fn new(store: Arc<dyn Store>) -> Self {
        let now = Timestamp::from_micros(1_750_000_000_000_000);
        let mut random = SeededEntropy::new(1);
        let worker = WorkerId::new(now, &mut random);
        store.register_worker(&worker_row(worker, now)).await.expect("a worker registers");
        Self { store, now, worker, random, leases: 0 }
    }

    /// Time passes.
    pub fn pass(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
    }

    /// Another worker's id.
    pub async fn another_worker(&mut self) -> WorkerId {
        let id = WorkerId::new(self.now, &mut self.random);
        self.store.register_worker(&worker_row(id, self.now)).await.expect("a worker registers");
        id
    }

    /// The id of a workspace that does not exist.
    pub fn new_workspace_id(&mut self) -> WorkspaceId {
        WorkspaceId::new(self.now, &mut self.random)
    }

    /// The id of a token that does not exist.
    pub fn new_token_id(&mut self) -> TokenId {
        TokenId::new(self.now, &mut self.random)
    }

    /// The id of an endpoint that does not exist.
    pub fn new_endpoint_id(&mut self) -> EndpointId {
        EndpointId::new(self.now, &mut self.random)
    }

    /// The id of a gate that does not exist.
    pub fn new_gate_id(&mut self) -> GateId {
        self.pass(1);
        GateId::new(self.now, &mut self.random)
    }

    /// The id of an artifact that does not exist. Later ones have later ids.
    pub fn new_artifact_id(&mut self) -> ArtifactId {
        self.pass(1);
        ArtifactId::new(self.now, &mut self.random)
    }

    /// The id of a message that does not exist.
    pub fn new_delivery_id(&mut self) -> DeliveryId {
        DeliveryId::new(self.now, &mut self.random)
    }

    /// A run to be created. Later ones have later ids.
    pub fn new_run(&mut self, plan: Plan) -> NewRun {
        self.pass(1);
        NewRun {
            id: RunId::new(self.now, &mut self.random),
            workspace: WorkspaceId::DEFAULT,
            external_id: None,
            owner: None,
            plan,
            plan_source: None,
            revision: None,
            input: Json::from_stored("{}"),
            priority: None,
            pin: Pin::Anywhere,
            project: None,
            triggered_by: TriggeredBy::Api,
            retry_of: None,
            reuse: Vec::new(),
            webhook: None,
            actor: ada(),
            now: self.now,
        }
    }

    /// Submits a plan.
    pub async fn submit(&mut self, plan: Plan) -> RunId {
        let new = self.new_run(plan);
        self.store.submit(&new).await.expect("the run is created");
        new.id
    }

    /// A claim of up to `limit` tasks from the default lane.
    pub fn next_claim(&mut self, limit: usize) -> Claim {
        self.leases += 1;
        Claim {
            scope: Scope::All,
            worker: self.worker,
            lease: LeaseId(self.leases),
            again: false,
            lanes: vec!["default".into()],
            limit,
            now: self.now,
        }
    }

    /// Claims up to `limit` tasks.
    pub async fn claim(&mut self, limit: usize) -> Vec<Held> {
        let claim = self.next_claim(limit);
        let claimed = self.store.claim(&claim).await.expect("a claim is answered");
        claimed.into_iter().map(|claimed| Held { claimed, lease: claim.lease }).collect()
    }

    /// Claims exactly one task.
    pub async fn claim_one(&mut self) -> Held {
        let held = self.claim(1).await;
        assert_eq!(held.len(), 1, "one task can be claimed");
        held[0]
    }

    /// Claims all there is, and gives the tasks' numbers.
    pub async fn claim_numbers(&mut self) -> Vec<u32> {
        self.claim(100).await.iter().map(|held| held.claimed.task.n).collect()
    }

    /// Announces that an attempt has begun.
    pub async fn start(&mut self, held: &Held) -> bool {
        let start = Start {
            task: held.claimed.task,
            attempt: held.claimed.attempt,
            lease: held.lease,
            execution_name: Some("pid 7".into()),
            started_at: self.now,
        };
        let begun = self.store.start(Scope::All, &[start], &ada(), self.now).await.expect("a start is answered");
        begun == [held.claimed.task]
    }

    /// Settles attempts in one batch.
    pub async fn settle_all(&mut self, all: Vec<(Held, Outcome)>) -> Outcomes {
        let settles: Vec<Settle> = all.into_iter().map(|(held, outcome)| settle(&held, outcome, self.now)).collect();
        self.store.settle(Scope::All, &settles, &ada(), self.now).await.expect("a settle is answered")
    }

    /// Settles one attempt.
    pub async fn settle(&mut self, held: Held, outcome: Outcome) -> Settled {
        self.settle_all(vec![(held, outcome)]).await.settled[0]
    }

    /// Claims the next task and settles it.
    pub async fn work(&mut self, outcome: Outcome) -> TaskRef {
        let held = self.claim_one().await;
        assert_eq!(self.settle(held, outcome).await, Settled::Accepted);
        held.claimed.task
    }

    /// Whoever is to be told of a run hears it.
    pub async fn hear(&self, run: RunId) {
        let until = self.now.plus_ms(1);
        let due = self.store.due_deliveries(Some(run), None, self.now, 100).await.expect("messages are due");
        let ids: Vec<DeliveryId> = due.into_iter().map(|key| key.id).collect();
        let due = self.store.take_deliveries(&ids, self.now, until).await.expect("messages are taken");
        for Due { row, .. } in due {
            let attempt = DeliveryTry { at: self.now, took_ms: 1, status_code: Some(200), error: None, response: None };
            let (id, body, verdict) = (row.id, None, Verdict::Delivered);
            let attempted = Attempted { id, taken_until: until, body, attempt, verdict, now: self.now };
            assert_eq!(self.store.note_delivery(&attempted).await, Ok(true));
        }
    }

    /// A run as it is stored, after a look for anything that is wrong with it.
    pub async fn dump(&self, run: RunId) -> RunDump {
        let dump = self.store.dump(Scope::All, run).await.expect("a dump is answered").expect("the run exists");
        assert_eq!(check(&dump), [], "{run}");
        dump
    }

    /// A run's row.
    pub async fn run(&self, run: RunId) -> RunRow {
        self.store.run(Scope::All, run).await.expect("a run is answered").expect("the run exists")
    }

    /// A run's status.
    pub async fn status(&self, run: RunId) -> RunStatus {
        self.run(run).await.status
    }

    /// A task's row.
    pub async fn task(&self, run: RunId, n: u32) -> TaskRow {
        let task = self.store.task(Scope::All, TaskRef { run, n }).await.expect("a task is answered");
        task.expect("the task exists")
    }

    /// The statuses of a run's tasks, with reasons: `success skipped(upstream)`.
    pub async fn tasks(&self, run: RunId) -> String {
        let dump = self.dump(run).await;
        let words: Vec<String> = (dump.tasks.iter())
            .map(|task| match task.row.reason {
                Some(reason) if task.row.status.is_terminal() => format!("{}({reason})", task.row.status),
                _ => task.row.status.to_string(),
            })
            .collect();
        words.join(" ")
    }

    /// The events of a run, one word each, with the tasks' numbers.
    pub async fn events(&self, run: RunId) -> Vec<String> {
        let events = self.store.events(Scope::All, run, 0, 10_000).await.expect("events are answered");
        let line =
            |event: &ork_core::event::EventRow| format!("{} {}", event.event_type.word(), event.tasks).trim().into();
        events.iter().map(line).collect()
    }

    /// Looks for anything that is wrong with any run.
    pub async fn check_all(&self) {
        let ids = self.store.run_ids(Scope::All, None, 10_000).await.expect("ids are answered");
        for id in ids {
            let dump = self.dump(id).await;
            let left = dump.tasks.iter().filter(|task| task.row.status == TaskStatus::Success && task.lease.is_some());
            assert_eq!(left.count(), 0);
        }
        assert_eq!(self.store.overbooked(Scope::All).await.expect("limits are answered"), []);
    }
}

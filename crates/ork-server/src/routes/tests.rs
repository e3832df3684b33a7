//! Requests over the whole router and a real store, with gates that a worker has opened.

mod artifacts;
mod gates;
mod links;
mod means;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request};
use ork_core::access::Role;
use ork_core::attempt::Outcome;
use ork_core::blobs::Blobs;
use ork_core::clock::{Clock, Entropy, SeededEntropy, Timestamp};
use ork_core::event::Actor;
use ork_core::graph::{LeaseId, NewRun, Pin, ProcessEnd, TriggeredBy};
use ork_core::id::{GateId, RunId, TaskRef, WorkerId, WorkspaceId};
use ork_core::json::Json;
use ork_core::plan::{Action, Node, Plan};
use ork_core::step::{OnExpiry, PlanBudget, Step, StepKey, StepPhase, StepStatus, StepType, StepWork};
use ork_core::store::{
    Claim, NewGate, Scope, Settle, Settled, StepBegin, StepChange, StepWrite, StepsWritten, WorkerRow,
};
use ork_sqlite::SqliteStore;
use ork_vault::{MasterKey, Vault};
use serde_json::Value;
use tower_service::Service;

use super::router;
use crate::door::{Anybody, Door};
use crate::listen::Peer;
use crate::live::{Live, LiveOptions};
use crate::secret::TokenKey;
use crate::server::Server;
use crate::tokens::{Wanted, mint};

const BEGAN: i64 = 1_700_000_000_000_000;

/// A clock that goes when it is told.
#[derive(Debug, Clone, Default)]
struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(BEGAN + self.0.load(Ordering::Relaxed))
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

struct Stage {
    server: Arc<Server>,
    router: Router,
    clock: Hand,
    worker: WorkerId,
    count: AtomicU64,
}

/// A gate that is to be opened.
#[derive(Clone, Copy)]
struct Asked {
    role: Role,
    allow_self: bool,
    is_budget: bool,
    message: Option<&'static str>,
    expires_in_ms: Option<u64>,
}

const PLAIN: Asked =
    Asked { role: Role::Operator, allow_self: true, is_budget: false, message: None, expires_in_ms: None };

impl Stage {
    async fn new() -> Self {
        Self::keeping(None, |_| {}).await
    }

    /// One that keeps artifacts somewhere, and whose alarms are heard.
    async fn keeping(blobs: Option<Arc<dyn Blobs>>, alarm: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let (clock, worker) =
            (Hand::default(), WorkerId::new(Timestamp::from_micros(BEGAN), &mut SeededEntropy::new(9)));
        let server = Arc::new(Server {
            vault: Arc::new(Vault::new(&[])),
            door: Door::new(TokenKey::new(&MasterKey::new([7; 32]), &[]), Anybody::StaysOut),
            store: Arc::new(SqliteStore::in_memory().unwrap()),
            clock: Arc::new(clock.clone()),
            entropy: Mutex::new(Box::new(SeededEntropy::new(1)) as Box<dyn Entropy>),
            lives: Arc::new(|_, _| true),
            flags: String::new(),
            version: "0",
            draining: AtomicBool::new(false),
            skew_ms: Box::new(|| None),
            metrics: crate::Metrics::new("test"),
            live: Live::new(LiveOptions::default()),
            blobs,
            alarm: Box::new(alarm),
            log: Box::new(|_| {}),
        });
        let now = clock.now();
        let row = WorkerRow {
            id: worker,
            name: "w".into(),
            host: "h".into(),
            lanes: vec!["default".into()],
            capacity: 1,
            version: "0".into(),
            started_at: now,
            heartbeat_at: now,
            ended_at: None,
        };
        server.store.register_worker(&row).await.unwrap();
        Self { router: router(Arc::clone(&server), 80), server, clock, worker, count: AtomicU64::new(1) }
    }

    fn pass(&self, ms: u64) {
        self.clock.0.fetch_add(i64::try_from(ms).unwrap() * 1_000, Ordering::Relaxed);
    }

    /// A token of the first workspace, whose principal has this name.
    async fn token(&self, name: &str, role: Role) -> String {
        self.token_in(WorkspaceId::DEFAULT, name, role).await
    }

    async fn token_in(&self, workspace: WorkspaceId, name: &str, role: Role) -> String {
        let wanted = Wanted {
            workspace,
            name: name.into(),
            role,
            principal: None,
            queues: Vec::new(),
            expires_at: None,
            created_by: "test".into(),
        };
        let (key, now) = (self.server.door.key(), self.clock.now());
        let made = self.server.with_entropy(|entropy| mint(&key, now, entropy));
        wanted.create(self.server.store.as_ref(), &key, made, now).await.unwrap().1
    }

    async fn ask(&self, token: &str, route: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(route, &[("authorization", &format!("Bearer {token}")), ("content-type", "application/json")], body)
            .await
    }

    async fn send(&self, route: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let (method, path) = route.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ConnectInfo(Peer([127, 0, 0, 1].into())));
        let response = self.router.clone().call(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// A run of `ada` whose only task has come to a gate.
    async fn gate(&self, asked: Asked) -> (RunId, GateId) {
        let (store, now, scope) = (&self.server.store, self.clock.now(), Scope::All);
        let seed = self.count.fetch_add(1, Ordering::Relaxed);
        let run = RunId::new(now, &mut SeededEntropy::new(seed));
        // A queue of its own: what went on after a decision is not claimed in its place.
        let queue = format!("q{seed}");
        store.submit(&new_run(run, &queue, now)).await.unwrap();
        let lease = LeaseId(i64::try_from(seed).unwrap());
        let lanes = vec![queue];
        let claim = Claim { scope, worker: self.worker, lease, again: false, lanes, limit: 1, now };
        let task = TaskRef { run, n: 0 };
        assert_eq!(store.claim(&claim).await.unwrap()[0].task, task);
        let key = StepKey { attempt: 1, round: 1, position: 0, tried: 1 };
        let begin = StepBegin {
            key,
            name: "ask".into(),
            phase: StepPhase::Validation,
            step_type: StepType::Gate,
            status: StepStatus::Running,
            model: None,
            prompt: None,
            reserve: None,
            allowance: None,
            at: now,
        };
        let write = StepWrite { task, attempt: 1, lease, changes: vec![StepChange::Begin(begin)] };
        let by = Actor::system("test");
        assert_eq!(store.write_steps(scope, &write, &by, now).await.unwrap(), StepsWritten::Done);
        let gate = NewGate {
            id: GateId::new(now, &mut SeededEntropy::new(seed + 1_000)),
            step: key,
            step_name: "ask".into(),
            is_budget: asked.is_budget,
            role: asked.role,
            allow_self: asked.allow_self,
            message: asked.message.map(str::to_owned),
            expires_at: asked.expires_in_ms.map(|ms| now.plus_ms(ms)),
            on_expiry: OnExpiry::Reject,
        };
        let settle = Settle {
            task,
            attempt: 1,
            lease,
            outcome: Outcome::Waiting { gates: vec![gate.clone()] },
            started_at: Some(now),
            finished_at: now,
            end: ProcessEnd::default(),
            random: 0,
        };
        assert_eq!(store.settle(scope, &[settle], &by, now).await.unwrap().settled, [Settled::Accepted]);
        (run, gate.id)
    }
}

fn new_run(id: RunId, queue: &str, now: Timestamp) -> NewRun {
    let step = Step {
        name: "ask".into(),
        phase: StepPhase::Validation,
        when: None,
        timeout_ms: None,
        retry: ork_core::retry::RetryPolicy::default(),
        continue_on_error: false,
        env: std::collections::BTreeMap::new(),
        work: StepWork::GateCondition("true".into()),
    };
    let action = Action { executor: Action::PROCESS.into(), steps: vec![step], ..Action::default() };
    let allowance = ork_core::step::Allowance { tokens: Some(1_000), micros: Some(2_500_000) };
    let budget = Some(PlanBudget { allowance, asks: true });
    let node = Node { queue: queue.into(), ..Node::new("review", action) };
    let plan = Plan { name: "reel".into(), nodes: vec![node], budget, ..Plan::default() };
    NewRun {
        id,
        workspace: WorkspaceId::DEFAULT,
        external_id: None,
        owner: Some("ada".into()),
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
        actor: Actor::user("ada"),
        now,
    }
}

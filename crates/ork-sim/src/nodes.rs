//! Engine processes that start, end in order, and die.

use std::sync::Arc;
use std::time::Duration;

use ork_core::store::Scope;
use ork_engine::{Engine, EngineConfig, EngineHandle, Executors, Handlers};
use ork_vault::{MasterKey, Vault};
use tokio::sync::{Mutex, mpsc};
use tokio::time::{sleep, timeout};

use crate::dice::Dice;
use crate::executor::{FakeExecutor, FakeModel, handle};
use crate::faults::FaultyStore;
use crate::locks::{Locks, ProcessLocks};
use crate::plans::OPERATION;
use crate::scenario::Incident;
use crate::weather::Who;
use crate::world::{World, lock};

/// One node, through all its lives.
pub struct Node {
    world: Arc<World>,
    locks: Arc<Locks>,
    at: usize,
    life: u32,
    running: Option<(EngineHandle, Arc<ProcessLocks>)>,
}

/// What opens and seals: the same on all nodes.
pub fn vault() -> Vault {
    Vault::new(&[MasterKey::new([7; 32])])
}

/// How long a process that could not start waits before it is started again.
const RESTART: Duration = Duration::from_millis(300);
/// The stream of the dice that makes ids and tokens.
const ENTROPY: u64 = 6;

impl Node {
    /// A node that was never started.
    #[must_use]
    pub const fn new(world: Arc<World>, locks: Arc<Locks>, at: usize) -> Self {
        Self { world, locks, at, life: 0, running: None }
    }

    /// Starts it, as often as it takes.
    pub async fn start(&mut self) {
        while self.running.is_none() {
            self.life += 1;
            let (at, life) = (self.at as u64, u64::from(self.life));
            let locks = Arc::new(ProcessLocks::new(Arc::clone(&self.locks), self.world.scenario.knows_deaths));
            let skew = self.world.scenario.nodes[self.at].skew_ms;
            let engine = Engine {
                store: Arc::new(FaultyStore::new(Arc::clone(&self.world), Who::Node(self.at)).in_life(self.life)),
                clock: Arc::new(self.world.clock.skewed_by_ms(skew)),
                entropy: Box::new(Dice::new(self.world.scenario.seed, &[ENTROPY, at, life])),
                liveness: Arc::clone(&locks) as _,
            };
            match engine.start(self.executors(), self.config()).await {
                Ok(handle) => {
                    self.world.note(format_args!("n{} is up, life {}", self.at, self.life));
                    self.running = Some((handle, locks));
                }
                Err(_) => {
                    locks.die();
                    sleep(RESTART).await;
                }
            }
        }
    }

    fn config(&self) -> EngineConfig {
        let spec = &self.world.scenario.nodes[self.at];
        let mut lanes = vec![OPERATION.to_owned()];
        if spec.has_processes {
            lanes.push(ork_core::plan::Node::QUEUE_DEFAULT.into());
        }
        EngineConfig {
            worker_name: format!("n{}", self.at),
            host: "machine".into(),
            lanes,
            capacity: spec.capacity,
            prefetch: spec.prefetch,
            claim_batch_max: spec.claim_max,
            scope: Scope::All,
            keeps_house: true,
            vault: Some(Arc::new(vault())),
            ..EngineConfig::default()
        }
    }

    fn executors(&self) -> Executors {
        let (world, place) = (Arc::clone(&self.world), (self.at, self.life));
        let process = FakeExecutor::new(Arc::clone(&world), place);
        let models = FakeModel { world: Arc::clone(&world), place };
        let has_processes = self.world.scenario.nodes[self.at].has_processes;
        Executors {
            process: has_processes.then(|| Arc::new(process) as _),
            models: Some(Arc::new(models)),
            handlers: Handlers::default().with(OPERATION, move |context| handle(Arc::clone(&world), place, context)),
            ..Executors::default()
        }
    }

    /// Which of its lives it is in.
    #[must_use]
    pub const fn life(&self) -> u32 {
        self.life
    }

    /// Ends it where it stands.
    pub fn kill(&mut self) {
        let Some((engine, locks)) = self.running.take() else { return };
        self.world.note(format_args!("n{} is killed", self.at));
        lock(&self.world.weather).land("kill");
        lock(&self.world.witness).kill((self.at, self.life));
        drop(engine);
        locks.die();
    }

    /// Ends it in order.
    pub async fn drain(&mut self, grace: Duration) {
        let Some((engine, locks)) = self.running.take() else { return };
        self.world.note(format_args!("n{} drains", self.at));
        let drained = engine.drain(grace).await;
        lock(&self.world.witness).mark("drained");
        self.world.note(format_args!("n{} has drained: {drained:?}", self.at));
        // What could not be settled in time dies with the process.
        lock(&self.world.witness).kill((self.at, self.life));
        locks.die();
    }

    /// Says so when the engine has ended by itself.
    pub async fn check(&self) {
        let Some((engine, _)) = &self.running else { return };
        if let Ok(end) = timeout(Duration::ZERO, engine.stopped()).await {
            self.world.problem(format!("the engine of n{} has ended by itself: {end:?}", self.at));
        }
    }
}

/// How long a node that its own work took down is away.
const AFTER_CRASH: Duration = Duration::from_millis(700);

/// Takes nodes down that run work which does that.
pub async fn crash(nodes: Arc<Vec<Mutex<Node>>>, mut crashes: mpsc::UnboundedReceiver<(usize, u32)>) {
    while let Some((at, life)) = crashes.recv().await {
        let nodes = Arc::clone(&nodes);
        tokio::spawn(async move {
            let mut node = nodes[at].lock().await;
            if node.life() == life {
                node.kill();
                sleep(AFTER_CRASH).await;
                node.start().await;
            }
        });
    }
}

/// Lets an incident happen, to its end.
pub async fn happen(world: Arc<World>, nodes: Arc<Vec<Mutex<Node>>>, incident: Incident) {
    let after = |ms| sleep(Duration::from_millis(ms));
    match incident {
        Incident::Kill { node, back_after_ms } => {
            let mut node = nodes[node].lock().await;
            node.kill();
            after(back_after_ms).await;
            node.start().await;
        }
        Incident::Drain { node, grace_ms, back_after_ms } => {
            let mut node = nodes[node].lock().await;
            node.drain(Duration::from_millis(grace_ms)).await;
            after(back_after_ms).await;
            node.start().await;
        }
        Incident::Freeze { node, ms } => {
            let until = world.clock.at_ms(world.clock.ms() + ms);
            world.note(format_args!("n{node} is frozen for {ms} ms"));
            lock(&world.weather).freeze(node, until);
        }
        Incident::Outage { ms } => {
            let until = world.clock.at_ms(world.clock.ms() + ms);
            world.note(format_args!("the database is away for {ms} ms"));
            lock(&world.weather).begin_outage(until);
        }
    }
}

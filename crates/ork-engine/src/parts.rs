//! The parts of a running engine, as its loops see each other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ork_core::clock::{Clock, Entropy, Timestamp};
use ork_core::error::StoreError;
use ork_core::event::{Actor, ActorKind};
use ork_core::graph::LeaseId;
use ork_core::id::{ArtifactId, GateId, RunId, WorkerId};
use ork_core::store::Store;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::announcer::Notes;
use crate::claims::Claims;
use crate::config::EngineConfig;
use crate::desk::Desk;
use crate::executors::Executors;
use crate::figures::Tally;
use crate::health::Health;
use crate::identity::Identity;
use crate::liveness::Liveness;
use crate::logs::LogBook;
use crate::observe::Observers;
use crate::outputs::Outputs;
use crate::plans::Plans;
use crate::settler::Outbox;

/// Everything that loops and attempts share.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub liveness: Arc<dyn Liveness>,
    pub executors: Executors,
    pub config: EngineConfig,
    pub identity: Identity,
    pub claims: Claims,
    pub desk: Desk,
    pub outbox: Outbox,
    pub plans: Plans,
    pub outputs: Outputs,
    pub notes: Notes,
    pub logs: LogBook,
    pub observers: Observers,
    pub tally: Tally,
    pub health: Health,
    pub pokes: Pokes,
    pub phase: watch::Sender<Phase>,
    pub loops: Mutex<Vec<AbortHandle>>,
    entropy: Mutex<Box<dyn Entropy + Send>>,
}

/// Who is woken. A poke that comes while its loop is at work is kept.
#[derive(Default)]
pub struct Pokes {
    /// There may be work to claim.
    pub dispatcher: Notify,
    /// A slot, or a place in the local queue, may have become free.
    pub room: Notify,
    /// There may be an attempt to start, or a slot for one.
    pub runner: Notify,
    /// Somebody may have asked for the end of an attempt.
    pub controls: Notify,
    /// There may be upkeep to do.
    pub scheduler: Notify,
    /// There may be a message to send.
    pub courier: Notify,
    /// There may be a log to pack.
    pub packer: Notify,
}

/// How far an engine's life is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It claims and works.
    Working,
    /// It claims nothing more.
    Draining,
    /// It is over; with what went wrong, if something did.
    Over(Option<String>),
}

impl Parts {
    #[allow(clippy::too_many_arguments)] // what an engine is made of
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        mut entropy: Box<dyn Entropy + Send>,
        executors: Executors,
        liveness: Arc<dyn Liveness>,
        config: EngineConfig,
    ) -> Self {
        let worker = WorkerId::new(clock.now(), entropy.as_mut());
        Self {
            store,
            clock,
            liveness,
            executors,
            config,
            identity: Identity::new(worker),
            claims: Claims::default(),
            desk: Desk::default(),
            outbox: Outbox::default(),
            plans: Plans::default(),
            outputs: Outputs::default(),
            notes: Notes::default(),
            logs: LogBook::default(),
            observers: Observers::new(),
            tally: Tally::default(),
            health: Health::new(),
            pokes: Pokes::default(),
            phase: watch::Sender::new(Phase::Working),
            loops: Mutex::new(Vec::new()),
            entropy: Mutex::new(entropy),
        }
    }

    pub fn random(&self) -> u64 {
        lock(&self.entropy).next_u64()
    }

    pub fn new_lease(&self) -> LeaseId {
        LeaseId(self.random().cast_signed())
    }

    pub fn new_worker(&self) -> WorkerId {
        WorkerId::new(self.clock.now(), lock(&self.entropy).as_mut())
    }

    pub fn new_gate(&self) -> GateId {
        GateId::new(self.clock.now(), lock(&self.entropy).as_mut())
    }

    pub fn new_artifact(&self) -> ArtifactId {
        ArtifactId::new(self.clock.now(), lock(&self.entropy).as_mut())
    }

    pub fn new_run(&self) -> RunId {
        RunId::new(self.clock.now(), lock(&self.entropy).as_mut())
    }

    /// Who settles and starts: this worker.
    pub fn actor(&self) -> Actor {
        Actor { kind: ActorKind::Worker, id: self.identity.now().to_string() }
    }

    pub fn is_working(&self) -> bool {
        *self.phase.borrow() == Phase::Working
    }

    /// Ends when the engine is over, with what went wrong.
    pub async fn until_over(&self) -> Option<String> {
        let mut phase = self.phase.subscribe();
        match phase.wait_for(|phase| matches!(phase, Phase::Over(_))).await.as_deref() {
            Ok(Phase::Over(problem)) => problem.clone(),
            _ => None,
        }
    }

    /// Something was submitted, or changed by somebody else.
    pub fn poke_all(&self) {
        self.pokes.dispatcher.notify_one();
        self.pokes.controls.notify_one();
        self.pokes.scheduler.notify_one();
        self.pokes.courier.notify_one();
    }

    /// Takes note of an error of the store. That it is away is told once, however many ask it in vain.
    pub fn store_failed(&self, part: &'static str, error: &StoreError) {
        self.tally.trouble(part);
        if error.is_transient() && !self.health.failed() {
            return;
        }
        self.observers.trouble(part, error);
    }

    /// Takes note that the store answered at `now`.
    pub fn store_answered(&self, now: Timestamp) {
        if self.health.answered(now, self.config.lease_ttl_ms / 2) {
            self.observers.trouble("engine", "the database answers again");
        }
    }

    /// Ends everything at once: loops and attempts are dropped where they stand, and nothing is settled.
    pub fn end(&self, error: Option<String>) {
        self.phase.send_if_modified(|phase| {
            let was_over = matches!(phase, Phase::Over(_));
            if !was_over {
                *phase = Phase::Over(error);
            }
            !was_over
        });
        for task in lock(&self.loops).drain(..) {
            task.abort();
        }
        self.desk.abort_all();
    }
}

/// Locks what no code leaves half done: a panic elsewhere does not spoil it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

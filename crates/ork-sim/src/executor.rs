//! Executors that do nothing but take time, and tell the witness.

mod folder;
mod model;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::executor::{Assignment, AttemptIo, Executor, Progress, Report, StopCause, Stream, WorkFolder};
use ork_core::id::TaskRef;
use ork_core::json::Json;
use ork_core::step::StepKey;
use ork_engine::{HandlerContext, HandlerResult};
use tokio::time::sleep;

use crate::behaviour::{Behaviour, Ending, behaviour};
use crate::rules;
use crate::scenario::Mode;
use crate::witness::End;
use crate::world::{World, lock};

pub use folder::{FakeFolder, Leash};
pub use model::FakeModel;

/// Runs what processes would do, on one node in one of its lives.
pub struct FakeExecutor {
    /// Where it is.
    pub world: Arc<World>,
    /// Which node, and which of its lives.
    pub place: (usize, u32),
    folders: Mutex<BTreeMap<TaskRef, Arc<Leash>>>,
}

impl FakeExecutor {
    /// The executor of a node in one of its lives.
    #[must_use]
    pub fn new(world: Arc<World>, place: (usize, u32)) -> Self {
        Self { world, place, folders: Mutex::default() }
    }
}

/// An execution that the witness knows of.
struct Execution {
    world: Arc<World>,
    at: usize,
    /// What its end is if its future is dropped.
    when_dropped: Option<End>,
}

impl Execution {
    async fn begin(
        world: &Arc<World>,
        task: TaskRef,
        (attempt, step): (u32, Option<StepKey>),
        place: (usize, u32),
        is_process: bool,
    ) -> Self {
        rules::check_start(world, task, attempt, step, place).await;
        let at = lock(&world.witness).start(task, attempt, step, place);
        let of_step = step.map(|key| format!(" step {}.{}.{}", key.round, key.position, key.tried)).unwrap_or_default();
        world.note(format_args!("  {} #{attempt}{of_step} begins on n{}", world.name(task), place.0));
        Self { world: Arc::clone(world), at, when_dropped: (!is_process).then_some(End::Dropped) }
    }

    fn end(&mut self, end: End) {
        if lock(&self.world.witness).stop(self.at, end) {
            let execution = lock(&self.world.witness).executions[self.at].clone();
            self.world.note(format_args!("  {} #{} {end:?}", self.world.name(execution.task), execution.attempt));
        }
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        if let Some(end) = self.when_dropped {
            return self.end(end);
        }
        // A process goes on when nobody waits for it; one of a node that was killed has its end already.
        let execution = lock(&self.world.witness).executions[self.at].clone();
        if execution.stopped.is_none() {
            let name = self.world.name(execution.task);
            self.world.problem(format!("{name}: the process of attempt {} was left behind", execution.attempt));
        }
    }
}

fn behaviour_of(world: &World, task: TaskRef, attempt: u32, key: &str) -> Option<Behaviour> {
    let known = world.known(task.run)?;
    let node = known.plan.nodes.iter().find(|node| node.key == key)?;
    let ends = known.plan.timeout_ms.is_some();
    let can_crash = world.scenario.mode != Mode::Recovery;
    Some(behaviour(world.scenario.seed, (known.number, task.n, attempt), node, ends, can_crash))
}

/// Works until the end, or until it has noticed the stop.
async fn work(behaviour: &Behaviour, stopped: impl Future<Output = StopCause>) -> Option<StopCause> {
    let ends = async {
        if behaviour.ending == Ending::Hang {
            return std::future::pending().await;
        }
        if behaviour.work_ms > 0 {
            sleep(Duration::from_millis(behaviour.work_ms)).await;
        }
    };
    tokio::select! {
        biased;
        () = ends => None,
        cause = stopped => {
            sleep(Duration::from_millis(behaviour.deaf_ms)).await;
            Some(cause)
        }
    }
}

fn progress() -> Progress {
    Progress { percent: 50, stage: Some("simulated".into()), message: None }
}

#[async_trait]
impl Executor for FakeExecutor {
    async fn execute(&self, assignment: Assignment, io: Arc<dyn AttemptIo>) -> Report {
        let Assignment { task, attempt, key, .. } = assignment;
        let mut execution = Execution::begin(&self.world, task, (attempt, None), self.place, true).await;
        let Some(behaviour) = behaviour_of(&self.world, task, attempt, &key) else {
            execution.end(End::Failure);
            return Report::of(Outcome::Failed(Failure::new(FailureKind::Start, "the run is not known")));
        };
        io.started(Some(format!("fake-{}", execution.at)));
        if behaviour.talks {
            io.log(Stream::Stdout, b"simulated\n");
            io.progress(progress());
        }
        let stopped = work(&behaviour, io.stopped()).await;
        if stopped.is_some() {
            execution.end(End::Stopped);
            return Report { signal: Some(15), ..Report::of(Outcome::Cancelled) };
        }
        match behaviour.ending {
            Ending::Success(output) => {
                execution.end(End::Success);
                Report { exit_code: Some(0), ..Report::of(Outcome::Success { output: Some(output) }) }
            }
            Ending::Exit(code) => {
                execution.end(End::Failure);
                let failure = Failure::new(FailureKind::Exit { code }, "simulated");
                Report { exit_code: Some(code), ..Report::of(Outcome::Failed(failure)) }
            }
            Ending::Crash => crash(&self.world, self.place).await,
            Ending::Panic | Ending::Hang => {
                execution.end(End::Failure);
                panic_in_silence()
            }
        }
    }

    async fn open(&self, task: TaskRef) -> Result<Arc<dyn WorkFolder>, Failure> {
        let leash = Arc::new(Leash::default());
        if let Some(leftover) = lock(&self.folders).insert(task, Arc::clone(&leash)) {
            leftover.cut();
            lock(&self.world.witness).stop_commands(task, self.place);
        }
        Ok(Arc::new(FakeFolder::new(&self.world, self.place, task, leash)))
    }
}

/// Takes the node down, and the caller with it.
async fn crash<T>(world: &World, place: (usize, u32)) -> T {
    // Nobody listens any more when the world ends.
    let _ = world.crashes.send(place);
    std::future::pending().await
}

/// A panic that no hook prints.
fn panic_in_silence() -> ! {
    std::panic::resume_unwind(Box::new("simulated panic"))
}

/// Serves an operation.
///
/// # Errors
/// As the seed wants it.
pub async fn handle(world: Arc<World>, place: (usize, u32), context: HandlerContext) -> HandlerResult {
    let (task, attempt) = (context.task, context.attempt);
    let mut execution = Execution::begin(&world, task, (attempt, None), place, false).await;
    let Some(behaviour) = behaviour_of(&world, task, attempt, &context.key) else {
        execution.end(End::Failure);
        return Err("the run is not known".into());
    };
    if behaviour.talks {
        context.log(Stream::Stderr, b"simulated\n");
        context.progress(progress());
    }
    let stopped = work(&behaviour, context.stopped()).await;
    if stopped.is_some() {
        execution.end(End::Stopped);
        return Err("stopped".into());
    }
    match behaviour.ending {
        Ending::Success(output) => {
            execution.end(End::Success);
            Ok(Some(output).filter(|output| *output != Json::from_stored("null")))
        }
        Ending::Exit(code) => {
            execution.end(End::Failure);
            Err(format!("simulated exit {code}"))
        }
        Ending::Crash => crash(&world, place).await,
        Ending::Panic | Ending::Hang => {
            execution.end(End::Failure);
            panic_in_silence()
        }
    }
}

//! People who submit runs and change their minds. A request whose answer was lost is sent again.

use std::sync::Arc;
use std::time::Duration;

use ork_core::clock::Clock;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::graph::{NewRun, Pin, Reuse, Reused, TriggeredBy};
use ork_core::id::{RunId, TaskRef, WorkspaceId};
use ork_core::json::Json;
use ork_core::plan::Plan;
use ork_core::state::{Reason, TaskStatus};
use ork_core::store::{Runs, Scope, TaskFilter, Tasks};
use tokio::time::sleep;

use crate::blobs::upload_into;
use crate::dice::Dice;
use crate::faults::FaultyStore;
use crate::reader::follow;
use crate::scenario::Command;
use crate::weather::Who;
use crate::world::{Known, World, lock};

/// The users.
pub struct Users {
    world: Arc<World>,
    store: FaultyStore,
}

/// How long a user waits before a request is sent again.
pub const PATIENCE: Duration = Duration::from_millis(400);
/// The stream of the dice that makes runs' ids.
const IDS: u64 = 8;
/// What is added to a run's number by its repetition.
const REPEATED: u64 = 1_000;

impl Users {
    /// The users of a world.
    #[must_use]
    pub fn new(world: Arc<World>) -> Self {
        let store = FaultyStore::new(Arc::clone(&world), Who::Users);
        Self { world, store }
    }

    async fn insist<T, F>(&self, request: impl Fn() -> F) -> StoreResult<T>
    where
        F: Future<Output = StoreResult<T>>,
    {
        loop {
            match request().await {
                Err(StoreError::Unavailable(_)) => sleep(PATIENCE).await,
                answer => return answer,
            }
        }
    }

    fn id_of(&self, number: u64) -> Option<RunId> {
        lock(&self.world.runs).iter().find(|(_, known)| known.number == number).map(|(id, _)| *id)
    }

    /// Submits a run.
    pub async fn submit(&self, number: u64, plan: Plan) {
        let new = self.new_run(number, plan, None, Vec::new());
        self.send(&new).await;
    }

    fn new_run(&self, number: u64, plan: Plan, retry_of: Option<RunId>, reuse: Vec<Reuse>) -> NewRun {
        let now = self.world.clock.now();
        let id = RunId::new(now, &mut Dice::new(self.world.scenario.seed, &[IDS, number]));
        lock(&self.world.runs).insert(id, Known { number, plan: Arc::new(plan.clone()) });
        NewRun {
            id,
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
            triggered_by: if retry_of.is_some() { TriggeredBy::Retry } else { TriggeredBy::Manual },
            retry_of,
            reuse,
            webhook: None,
            actor: Actor::user("sim"),
            now,
        }
    }

    async fn send(&self, new: &NewRun) {
        if let Err(error) = self.insist(|| self.store.submit(new)).await {
            self.world.problem(format!("a submit was refused: {error}"));
        }
        tokio::spawn(follow(Arc::clone(&self.world), new.id));
        if let Some(known) = self.world.known(new.id) {
            upload_into(&self.world, new.id, known.number);
        }
    }

    /// Does something to a run, if there is one with this number.
    pub async fn command(&self, number: u64, command: Command) {
        let Some(run) = self.id_of(number) else { return };
        self.world.note(format_args!("users want {command:?} of r{number}"));
        let (actor, now) = (Actor::user("sim"), self.world.clock.now());
        let task = |n| TaskRef { run, n };
        let done = match command {
            Command::Cancel => self.cancel(run).await,
            Command::CancelTask(n) => self.insist(|| self.store.cancel_task(Scope::All, task(n), &actor, now)).await,
            Command::Pause => self.pause(run).await,
            Command::Resume => self.resume(run).await,
            Command::RetryNow(n) => {
                let n = self.retrying(run, n).await;
                self.insist(|| self.store.retry_task_now(Scope::All, task(n), &actor, now)).await
            }
            Command::RetryRun => Ok(self.repeat(run, number).await),
        };
        match done {
            Ok(true) => lock(&self.world.witness).mark(word(command)),
            // Sent before the run or the task was there.
            Ok(false) | Err(StoreError::NotFound(_)) => {}
            Err(error) => self.world.problem(format!("{command:?} of r{number} was refused: {error}")),
        }
    }

    /// A task that waits for its retry, if there is one; `n` chooses.
    async fn retrying(&self, run: RunId, n: u32) -> u32 {
        let filter = TaskFilter { statuses: vec![TaskStatus::Retrying], limit: u32::MAX, ..TaskFilter::default() };
        let waiting = self.world.store.tasks(Scope::All, run, &filter).await.unwrap_or_default();
        waiting.iter().cycle().nth(n as usize).map_or(n, |row| row.task.n)
    }

    async fn cancel(&self, run: RunId) -> StoreResult<bool> {
        let (actor, now) = (Actor::user("sim"), self.world.clock.now());
        self.insist(|| self.store.cancel_run(Scope::All, run, Reason::Cancel, &actor, now)).await
    }

    async fn pause(&self, run: RunId) -> StoreResult<bool> {
        let (actor, now) = (Actor::user("sim"), self.world.clock.now());
        self.insist(|| self.store.pause_run(Scope::All, run, &actor, now)).await
    }

    async fn resume(&self, run: RunId) -> StoreResult<bool> {
        let (actor, now) = (Actor::user("sim"), self.world.clock.now());
        self.insist(|| self.store.resume_run(Scope::All, run, &actor, now)).await
    }

    /// Submits a run again that is over and was no success, with what succeeded.
    async fn repeat(&self, run: RunId, number: u64) -> bool {
        let Ok(Some(row)) = self.world.store.run(Scope::All, run).await else { return false };
        let Some(known) = self.world.known(run) else { return false };
        if !row.status.is_terminal() || self.id_of(number + REPEATED).is_some() {
            return false;
        }
        let mut reuse = Vec::new();
        for group in self.world.store.groups(Scope::All, run).await.unwrap_or_default() {
            let filter = TaskFilter { g: Some(group.g), limit: u32::MAX, ..TaskFilter::default() };
            let tasks = self.world.store.tasks(Scope::All, run, &filter).await.unwrap_or_default();
            let done: Vec<Reused> = tasks
                .into_iter()
                .filter(|task| task.status == TaskStatus::Success)
                .map(|task| Reused { index: task.task_index, output: task.output, from: task.task })
                .collect();
            if let (Some(size), false) = (group.size, done.is_empty()) {
                reuse.push(Reuse { g: group.g, size, items: group.items, done });
            }
        }
        let new = self.new_run(number + REPEATED, known.plan.as_ref().clone(), Some(run), reuse);
        self.send(&new).await;
        true
    }

    /// Lets every paused run go on, so that it can end.
    pub async fn resume_all(&self) {
        let runs: Vec<RunId> = lock(&self.world.runs).keys().copied().collect();
        for run in runs {
            // One that was never submitted is not there.
            let _ = self.resume(run).await;
        }
    }
}

const fn word(command: Command) -> &'static str {
    match command {
        Command::Cancel => "run cancelled",
        Command::CancelTask(_) => "task cancelled",
        Command::Pause => "paused",
        Command::Resume => "resumed",
        Command::RetryNow(_) => "retried now",
        Command::RetryRun => "run repeated",
    }
}

//! The history in a database that this process opens: what the routes of the server do, without the server.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use ork_api::{Queue, Reason, RunWhy, Worker};
use ork_core::event::EventRow;
use ork_core::graph::{NewRun, Pin};
use ork_core::id::{RunId, TaskRef};
use ork_core::limits::PAGE_MAX;
use ork_core::state::Reason as Why;
use ork_core::store::{AttemptRow, GroupRow, LogPage, LogQuery, RunFilter, RunRow, TaskFilter, TaskRow};
use ork_graph::Graph;
use ork_server::resolve::{self, Target};
use ork_server::{graph, queues, view, why};
use tokio::time::sleep;

use super::{Backend, Bell, Made, Outputs, Submission, Wanted};
use crate::carry::{self, project};
use crate::commands::run::new_run;
use crate::exit_code::Refusal;
use crate::host;
use crate::world::World;

/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Failed tasks that are told beside the reasons of a run.
const FAILURES_MAX: u32 = 5;

/// A database is looked at again and again: it costs next to nothing.
struct Clockwork;

#[async_trait]
impl Bell for Clockwork {
    async fn ring(&mut self) {
        sleep(LOOK).await;
    }
}

#[async_trait]
impl Backend for World {
    async fn resolve(&self, name: &str) -> Result<Target> {
        Ok(resolve::target(self.look(), name).await.map_err(Refusal::from)?)
    }

    async fn runs(&self, wanted: &Wanted) -> Result<Vec<RunRow>> {
        let filter = RunFilter { before: wanted.before, limit: wanted.limit, ..wanted.filter.runs(self.now()) };
        Ok(self.store.runs(self.scope(), &filter).await?)
    }

    async fn run(&self, id: RunId) -> Result<Option<RunRow>> {
        Ok(self.store.run(self.scope(), id).await?)
    }

    async fn made(&self, id: RunId) -> Result<Made> {
        let (stored, plan) = carry::plan(self, id).await?;
        Ok(Made { plan, input: stored.input.value() })
    }

    async fn tasks(&self, run: RunId, filter: &TaskFilter, _: Outputs) -> Result<Vec<TaskRow>> {
        Ok(self.store.tasks(self.scope(), run, filter).await?)
    }

    async fn task(&self, task: TaskRef) -> Result<Option<TaskRow>> {
        Ok(self.store.task(self.scope(), task).await?)
    }

    async fn groups(&self, run: RunId) -> Result<Vec<GroupRow>> {
        Ok(self.store.groups(self.scope(), run).await?)
    }

    async fn attempts(&self, task: TaskRef) -> Result<Vec<AttemptRow>> {
        Ok(self.store.attempts(self.scope(), task).await?)
    }

    async fn events(&self, run: RunId, after: u64) -> Result<Vec<EventRow>> {
        Ok(self.store.events(self.scope(), run, after, PAGE_MAX).await?)
    }

    fn bell(&self, _: RunId) -> Box<dyn Bell> {
        Box::new(Clockwork)
    }

    async fn logs(&self, query: LogQuery) -> Result<LogPage> {
        Ok(self.store.logs(self.scope(), query).await?)
    }

    async fn why_task(&self, task: TaskRef) -> Result<Option<Reason>> {
        Ok(why::of_task(self.look(), task).await?.as_ref().map(view::reason))
    }

    async fn why_run(&self, id: RunId) -> Result<Option<RunWhy>> {
        let Some(run) = self.run(id).await? else { return Ok(None) };
        let reasons = why::all_of_run(self.look(), id).await?;
        let failures = why::failures(self.look(), id, FAILURES_MAX).await?;
        Ok(Some(view::run_why(&run, &reasons, &failures)))
    }

    async fn graph(&self, run: RunId) -> Result<Option<Graph>> {
        Ok(graph::of_run(self.look(), run).await?)
    }

    async fn queues(&self) -> Result<Vec<Queue>> {
        Ok(queues::queues(self.look()).await?.iter().map(queues::Queue::shape).collect())
    }

    async fn workers(&self) -> Result<Vec<Worker>> {
        Ok(queues::workers(self.look()).await?.into_iter().map(|(_, worker)| worker).collect())
    }

    async fn submit(&self, new: Submission<'_>) -> Result<RunId> {
        let (pin, project) = if new.anywhere {
            (Pin::Anywhere, None)
        } else {
            (Pin::Host(host::identity()), Some(project(new.file.name.as_ref())?))
        };
        let new: NewRun = new_run(self, new.file, new.bound, pin, project)?;
        self.store.submit(&new).await?;
        Ok(new.id)
    }

    async fn cancel_run(&self, id: RunId) -> Result<bool> {
        Ok(self.store.cancel_run(self.scope(), id, Why::Cancel, &self.actor(), self.now()).await?)
    }

    async fn pause_run(&self, id: RunId) -> Result<bool> {
        Ok(self.store.pause_run(self.scope(), id, &self.actor(), self.now()).await?)
    }

    async fn resume_run(&self, id: RunId) -> Result<bool> {
        Ok(self.store.resume_run(self.scope(), id, &self.actor(), self.now()).await?)
    }

    async fn cancel_task(&self, task: TaskRef) -> Result<bool> {
        Ok(self.store.cancel_task(self.scope(), task, &self.actor(), self.now()).await?)
    }

    async fn retry_task(&self, task: TaskRef) -> Result<bool> {
        Ok(self.store.retry_task_now(self.scope(), task, self.now()).await?)
    }
}

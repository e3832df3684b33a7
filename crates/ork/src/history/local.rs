//! The history in a database that this process opens: what the routes of the server do, without the server.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use ork_api::{
    AppendEvents, AppendedEvents, AppliedWorkflow, Queue, Reason, Retry, Revision, RunWhy, Schedule, ScheduleAsked,
    ScheduleSummary, VerifiedEvents, Worker, WorkflowSummary,
};
use ork_core::event::EventRow;
use ork_core::graph::{NewRun, Pin};
use ork_core::id::{RevisionId, RunId, TaskRef, WorkflowId};
use ork_core::limits::PAGE_MAX;
use ork_core::seal::Link;
use ork_core::state::Reason as Why;
use ork_core::store::{
    AttemptRow, Deleted, Expected, GroupRow, NewRevision, RevisionRow, RunFilter, RunRow, ScheduleRow, TaskFilter,
    TaskRow, WorkflowRow,
};
use ork_engine::seal_run;
use ork_graph::Graph;
use ork_logs::{LinesPage, Pieces, Whose};
use ork_server::logs;
use ork_server::resolve::{self, Target};
use ork_server::retry::{self, Wish};
use ork_server::{graph, queues, schedules, seals, tells, view, why, workflows};
use ork_vault::Keyring;
use ork_workflow::Workflow;
use tokio::time::sleep;

use super::{Backend, Bell, Made, Outputs, Submission, Wanted};
use crate::carry::{self, project};
use crate::commands::run::new_run;
use crate::commands::runs::retry::refusal;
use crate::entropy::OsEntropy;
use crate::exit_code::Refusal;
use crate::host;
use crate::world::World;

/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Failed tasks that are told beside the reasons of a run.
const FAILURES_MAX: u32 = 5;

/// What is read of a log at once.
const LOG_BYTES: usize = 1 << 20;

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

    async fn append_events(&self, run: RunId, new: &AppendEvents) -> Result<AppendedEvents> {
        let new = tells::read(self.look(), run, new).await.map_err(Refusal::from)?;
        let new = new.of(None, self.actor(), self.now());
        Ok(tells::shape(run, self.store.append_events(self.scope(), &new).await?))
    }

    async fn verify_events(&self, run: RunId, kept: Option<Link>) -> Result<Option<VerifiedEvents>> {
        let keys = self.store.seal_keys().await?;
        let found = seals::verify(self.look(), run, &Keyring::new(&self.vault, &keys), kept).await?;
        match self.store.tombstone(self.scope(), run).await? {
            Some(left) if found.is_none() => {
                let head = seals::left(&left, kept);
                Err(Refusal::no_match(format!("`{run}` of `{}` was removed; {head}", left.name)).into())
            }
            _ => Ok(found),
        }
    }

    async fn seal_events(&self, run: RunId) -> Result<()> {
        self.keys.read_or_make()?;
        let key = self.vault.event_key().ok_or_else(|| Refusal::usage("there is no secret key to seal with"))?;
        Ok(seal_run(self.store.as_ref(), &key, (self.scope(), run), self.now()).await?)
    }

    fn bell(&self, _: RunId) -> Box<dyn Bell> {
        Box::new(Clockwork)
    }

    async fn log_lines(&self, whose: Whose, wish: &logs::Wish) -> Result<LinesPage> {
        Ok(logs::lines(&self.log_reader(), whose, wish).await.map_err(Refusal::from)?)
    }

    async fn log_bytes(&self, whose: Whose, from: u64) -> Result<Pieces> {
        Ok(self.log_reader().pieces(whose, from, LOG_BYTES).await?)
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
        let stored = new.stored;
        let new = new_run(self, new.file, new.bound, pin, project).await?;
        // A revision has its text already.
        let plan_source = new.plan_source.clone().filter(|_| stored.is_none());
        let new = NewRun { revision: stored, plan_source, ..new };
        self.store.submit(&new).await?;
        Ok(new.id)
    }

    async fn retry_run(&self, id: RunId, wish: &Retry) -> Result<RunId> {
        let old = carry::row(self, id).await?;
        let all = wish.failed_only == Some(false);
        let wish = Wish { all, from: wish.from.as_deref(), input: &wish.input };
        let again = match retry::again(self.look(), &old, wish).await {
            Ok(again) => again,
            Err(unfit) => return Err(refusal(self, &old, wish, unfit).await?.into()),
        };
        let new = again.new_run(&old, self.new_run_id(), (&self.actor(), self.now()));
        self.store.submit(&new).await?;
        Ok(new.id)
    }

    async fn acknowledge_run(&self, id: RunId) -> Result<bool> {
        Ok(self.store.acknowledge_run(self.scope(), id, &self.actor(), self.now()).await?)
    }

    async fn pause_queue(&self, queue: &str) -> Result<bool> {
        Ok(self.store.pause_queue(self.workspace, queue, &self.actor(), self.now()).await?)
    }

    async fn resume_queue(&self, queue: &str) -> Result<bool> {
        Ok(self.store.resume_queue(self.workspace, queue).await?)
    }

    async fn apply_workflow(&self, workflow: &Workflow, source: &str) -> Result<AppliedWorkflow> {
        let now = self.now();
        let new = NewRevision {
            workspace: self.workspace,
            name: workflow.name().to_owned(),
            workflow: WorkflowId::new(now, &mut OsEntropy),
            revision: RevisionId::new(now, &mut OsEntropy),
            description: workflow.description().map(str::to_owned),
            source: source.to_owned(),
            hash: workflows::hash(source),
            schedule: workflows::schedule(workflow, now)
                .map_err(|error| Refusal::usage(format!("the schedule's input: {error}")))?,
            expected: Expected::Anything,
            actor: self.actor(),
            now,
        };
        let applied = self.store.apply_workflow(&new).await?;
        let row = self.store.workflow(self.scope(), &new.name).await?;
        let row = row.ok_or_else(|| Refusal::no_match(format!("`{}` was deleted meanwhile", new.name)))?;
        Ok(workflows::applied(applied, &row))
    }

    async fn workflows(&self) -> Result<Vec<WorkflowSummary>> {
        let mut found: Vec<WorkflowRow> = Vec::new();
        loop {
            let after = found.last().map(|row| row.name.clone());
            let page = self.store.workflows(self.scope(), after.as_deref(), PAGE_MAX).await?;
            let is_last = page.len() < PAGE_MAX as usize;
            found.extend(page);
            if is_last {
                return Ok(found.iter().map(workflows::summary).collect());
            }
        }
    }

    async fn workflow(&self, name: &str, revision: Option<u32>) -> Result<Option<ork_api::Workflow>> {
        Ok(workflows::show(self.look(), name, revision).await?)
    }

    async fn revisions(&self, name: &str) -> Result<Option<Vec<Revision>>> {
        let Some(row) = self.store.workflow(self.scope(), name).await? else { return Ok(None) };
        let mut found: Vec<RevisionRow> = Vec::new();
        loop {
            let before = found.last().map(|row| row.number);
            let page = self.store.revisions(self.scope(), row.id, before, PAGE_MAX).await?;
            let is_last = page.len() < PAGE_MAX as usize;
            found.extend(page);
            if is_last {
                return Ok(Some(found.iter().map(workflows::revision).collect()));
            }
        }
    }

    async fn delete_workflow(&self, name: &str) -> Result<bool> {
        let workspace = self.workspace;
        let deleted = self.store.delete_workflow(workspace, name, Expected::Anything, self.now()).await?;
        Ok(deleted == Deleted::Done)
    }

    async fn schedules(&self) -> Result<Vec<ScheduleSummary>> {
        let mut found: Vec<ScheduleRow> = Vec::new();
        loop {
            let after = found.last().map(|row| row.name.clone());
            let page = self.store.schedules(self.scope(), after.as_deref(), PAGE_MAX).await?;
            let is_last = page.len() < PAGE_MAX as usize;
            found.extend(page);
            if is_last {
                return Ok(found.iter().map(schedules::summary).collect());
            }
        }
    }

    async fn schedule(&self, name: &str) -> Result<Option<Schedule>> {
        let row = self.store.schedule(self.scope(), name).await?;
        Ok(row.map(|row| schedules::shape(&row, self.now())))
    }

    async fn set_schedule(&self, name: &str, enabled: bool) -> Result<Option<ScheduleAsked>> {
        Ok(schedules::set(self.look(), (self.workspace, name), enabled, &self.actor()).await?)
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
        Ok(self.store.retry_task_now(self.scope(), task, &self.actor(), self.now()).await?)
    }
}

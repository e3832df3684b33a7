//! The history behind a server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use ork_api::{
    AppendEvents, AppendedEvents, AppliedWorkflow, Queue, Reason, Retry, Revision, RunWhy, Schedule, ScheduleAsked,
    ScheduleSummary, Submit, VerifiedEvents, Worker, WorkflowSummary,
};
use ork_client::{Chunks, Client, ClientError, ClientResult, Lines, Options, Runs, Tasks};
use ork_core::clock::Entropy;
use ork_core::event::EventRow;
use ork_core::id::{RunId, TaskRef};
use ork_core::limits::PAGE_MAX;
use ork_core::seal::Link;
use ork_core::store::{AttemptRow, GroupRow, RunRow, TaskFilter, TaskRow};
use ork_graph::Graph;
use ork_logs::{LinesPage, Pieces, Whose};
use ork_server::logs::Wish;
use ork_server::resolve::Target;
use ork_workflow::{Format, Workflow};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::rows::{self, Read};
use super::{Backend, Bell, Made, Outputs, Submission, Wanted};
use crate::VERSION;
use crate::config::Server;
use crate::entropy::OsEntropy;

/// Pauses before a run is sent again that got no answer: the server may have created it, and then says so.
const AGAIN: [Duration; 2] = [Duration::from_millis(300), Duration::from_secs(2)];

/// How often a run is looked at when nobody says that something happens.
const LOOK: Duration = Duration::from_secs(1);
/// Rings with the stream of a server. What happened is read page by page all the same, by its numbers.
struct Stream {
    heard: Arc<Notify>,
    /// It opens the stream again whenever it breaks, whether or not anybody waits.
    listener: JoinHandle<()>,
}

impl Stream {
    fn open(client: &Client, run: RunId) -> Self {
        let heard = Arc::new(Notify::new());
        let mut events = client.follow(&format!("run:{run}"), None, || OsEntropy.next_u64());
        let ring = Arc::clone(&heard);
        let listener = tokio::spawn(async move {
            // An open stream rings as well: something may have happened before. Many events are one sound.
            while events.next().await.is_ok() {
                ring.notify_one();
            }
            // The server has no stream for us.
            loop {
                sleep(LOOK).await;
                ring.notify_one();
            }
        });
        Self { heard, listener }
    }
}

#[async_trait]
impl Bell for Stream {
    async fn ring(&mut self) {
        self.heard.notified().await;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// A server that is asked.
pub struct Remote {
    pub(super) client: Client,
    /// The nodes of plans by name, which never change: rows of tasks do not say which number theirs has.
    nodes: Mutex<BTreeMap<RunId, Arc<BTreeMap<String, u32>>>>,
}

impl Remote {
    pub fn new(server: &Server) -> Result<Self> {
        Ok(Self { client: client(server)?, nodes: Mutex::default() })
    }

    /// What was answered as what it must be.
    fn read<T>(&self, read: Read<T>) -> Result<T> {
        Ok(read.map_err(|reason| self.client.foreign(reason, None))?)
    }

    async fn nodes(&self, run: RunId) -> Result<Arc<BTreeMap<String, u32>>> {
        let known = self.nodes.lock().unwrap_or_else(PoisonError::into_inner).get(&run).cloned();
        if let Some(nodes) = known {
            return Ok(nodes);
        }
        let groups = self.groups(run).await?;
        let nodes: Arc<BTreeMap<_, _>> = Arc::new(groups.into_iter().map(|group| (group.key, group.g)).collect());
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).insert(run, Arc::clone(&nodes));
        Ok(nodes)
    }

    fn task_row(&self, shape: &ork_api::Task, nodes: &BTreeMap<String, u32>) -> Result<TaskRow> {
        let g = nodes.get(&shape.summary.key).copied();
        self.read(g.ok_or_else(|| "a task is of no group".to_owned()).and_then(|g| rows::task(shape, g)))
    }

    /// Rows must go on behind the last one: otherwise a list would have no end.
    pub(super) fn in_order(&self, is_behind: bool) -> Result<()> {
        self.read(if is_behind { Ok(()) } else { Err("its list goes back".to_owned()) })
    }
}

/// A client of a server.
pub fn client(server: &Server) -> ClientResult<Client> {
    let options = Options { token: server.token.clone(), agent: format!("ork/{VERSION}"), ..Options::default() };
    Client::new(server.address.clone(), options)
}

/// A thing, or that it does not exist.
pub(super) fn found<T>(answer: ClientResult<T>) -> ClientResult<Option<T>> {
    match answer {
        Err(ClientError::Refused(problem)) if matches!(problem.status, 404 | 410) => Ok(None),
        answer => answer.map(Some),
    }
}

#[async_trait]
impl Backend for Remote {
    async fn resolve(&self, name: &str) -> Result<Target> {
        let resolved = self.client.resolve(name).await?;
        self.read(match &resolved.task_id {
            Some(task) => rows::task_ref(task).map(Target::Task),
            None => rows::run_id(&resolved.run_id).map(Target::Run),
        })
    }

    async fn runs(&self, wanted: &Wanted) -> Result<Vec<RunRow>> {
        let mut found: Vec<RunRow> = Vec::new();
        let mut asked = Runs {
            filter: wanted.filter.to_string(),
            cursor: wanted.before.map(|id| id.to_string()),
            limit: wanted.limit,
            results: wanted.results,
        };
        loop {
            let page = self.client.runs(&asked).await?;
            for shape in &page.items {
                let row = self.read(rows::run(shape))?;
                self.in_order(found.last().is_none_or(|last| row.id < last.id))?;
                found.push(row);
            }
            asked.limit = wanted.limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
            asked.cursor = page.next_cursor;
            if asked.limit == 0 || asked.cursor.is_none() || page.items.is_empty() {
                found.truncate(wanted.limit as usize);
                return Ok(found);
            }
        }
    }

    async fn run(&self, id: RunId) -> Result<Option<RunRow>> {
        let shape = found(self.client.run(&id.to_string()).await)?;
        shape.map(|shape| self.read(rows::run(&shape))).transpose()
    }

    async fn made(&self, id: RunId) -> Result<Made> {
        let made = self.client.plan(&id.to_string()).await?;
        let plan = serde_json::from_value(made.plan).map_err(|error| format!("its plan cannot be read: {error}"));
        Ok(Made { plan: self.read(plan)?, input: made.input })
    }

    async fn tasks(&self, run: RunId, filter: &TaskFilter, outputs: Outputs) -> Result<Vec<TaskRow>> {
        let nodes = self.nodes(run).await?;
        let mut found: Vec<TaskRow> = Vec::new();
        let mut asked = Tasks {
            key: filter.g.and_then(|g| nodes.iter().find(|(_, known)| **known == g)).map(|(key, _)| key.clone()),
            statuses: filter.statuses.iter().map(|status| status.word().to_owned()).collect(),
            cursor: filter.after.map(|n| n.to_string()),
            limit: filter.limit,
            outputs: outputs == Outputs::With,
        };
        loop {
            let page = self.client.tasks(&run.to_string(), &asked).await?;
            for shape in &page.items {
                let row = self.task_row(shape, &nodes)?;
                self.in_order(found.last().is_none_or(|last| row.task.n > last.task.n))?;
                found.push(row);
            }
            asked.limit = filter.limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
            asked.cursor = page.next_cursor;
            if asked.limit == 0 || asked.cursor.is_none() || page.items.is_empty() {
                found.truncate(filter.limit as usize);
                return Ok(found);
            }
        }
    }

    async fn task(&self, task: TaskRef) -> Result<Option<TaskRow>> {
        let Some(shape) = found(self.client.task(&task.id().to_string()).await)? else { return Ok(None) };
        self.task_row(&shape, self.nodes(task.run).await?.as_ref()).map(Some)
    }

    async fn groups(&self, run: RunId) -> Result<Vec<GroupRow>> {
        let page = self.client.groups(&run.to_string()).await?;
        self.read(rows::groups(&page.items))
    }

    async fn attempts(&self, task: TaskRef) -> Result<Vec<AttemptRow>> {
        let page = self.client.attempts(&task.id().to_string()).await?;
        self.read(page.items.iter().map(rows::attempt).collect())
    }

    async fn events(&self, run: RunId, after: u64) -> Result<Vec<EventRow>> {
        let page = self.client.events(&run.to_string(), after, PAGE_MAX).await?;
        self.read(rows::events(run, after, &page.items))
    }

    async fn append_events(&self, run: RunId, new: &AppendEvents) -> Result<AppendedEvents> {
        let (client, run) = (&self.client, &run.to_string());
        Ok(insist(|key| async move { client.append_events(run, new, &key).await }).await?)
    }

    async fn verify_events(&self, run: RunId, kept: Option<Link>) -> Result<Option<VerifiedEvents>> {
        let kept = kept.map(|link| link.to_string());
        Ok(found(self.client.verify_events(&run.to_string(), kept.as_deref()).await)?)
    }

    async fn seal_events(&self, _: RunId) -> Result<()> {
        // Its server does, some seconds after the end of the run.
        Ok(())
    }

    fn bell(&self, run: RunId) -> Box<dyn Bell> {
        Box::new(Stream::open(&self.client, run))
    }

    async fn log_lines(&self, (task, attempt): Whose, wish: &Wish) -> Result<LinesPage> {
        let asked = Lines {
            attempt,
            after_line: wish.after_line,
            tail: wish.tail,
            limit: wish.limit.and_then(|limit| u32::try_from(limit).ok()),
            grep: wish.grep.clone(),
            regex: wish.regex,
            ignore_case: wish.ignore_case,
        };
        let page = self.client.lines(&task.id().to_string(), &asked).await?;
        self.read(rows::log_lines(wish, &page))
    }

    async fn log_bytes(&self, (task, attempt): Whose, from: u64) -> Result<Pieces> {
        let asked = Chunks { attempt, from, bytes: None };
        let page = self.client.chunks(&task.id().to_string(), asked).await?;
        self.read(rows::log_bytes(from, &page))
    }

    async fn why_task(&self, task: TaskRef) -> Result<Option<Reason>> {
        Ok(found(self.client.why_task(&task.id().to_string()).await)?)
    }

    async fn why_run(&self, run: RunId) -> Result<Option<RunWhy>> {
        Ok(found(self.client.why_run(&run.to_string()).await)?)
    }

    async fn graph(&self, run: RunId) -> Result<Option<Graph>> {
        let Some(value) = found(self.client.graph(&run.to_string()).await)? else { return Ok(None) };
        self.read(Graph::from_json(&value).ok_or_else(|| "its graph cannot be read".to_owned())).map(Some)
    }

    async fn queues(&self) -> Result<Vec<Queue>> {
        Ok(self.client.queues().await?.items)
    }

    async fn workers(&self) -> Result<Vec<Worker>> {
        Ok(self.client.workers().await?.items)
    }

    async fn submit(&self, new: Submission<'_>) -> Result<RunId> {
        let (client, shape) = (&self.client, &shape(&new));
        let created = insist(|key| async move { client.submit(shape, &key).await }).await?;
        self.read(rows::run_id(&created.id))
    }

    async fn retry_run(&self, id: RunId, wish: &Retry) -> Result<RunId> {
        let (client, id) = (&self.client, &id.to_string());
        let created = insist(|key| async move { client.retry(id, wish, &key).await }).await?;
        self.read(rows::run_id(&created.id))
    }

    async fn acknowledge_run(&self, id: RunId) -> Result<bool> {
        Ok(self.client.ask_run(&id.to_string(), "acknowledge").await?.asked)
    }

    async fn pause_queue(&self, queue: &str) -> Result<bool> {
        Ok(self.client.ask_queue(queue, "pause").await?.asked)
    }

    async fn resume_queue(&self, queue: &str) -> Result<bool> {
        Ok(self.client.ask_queue(queue, "resume").await?.asked)
    }

    async fn apply_workflow(&self, workflow: &Workflow, source: &str) -> Result<AppliedWorkflow> {
        Ok(self.client.apply_workflow(workflow.name(), source).await?)
    }

    async fn workflows(&self) -> Result<Vec<WorkflowSummary>> {
        let (mut found, mut cursor): (Vec<WorkflowSummary>, _) = (Vec::new(), None);
        loop {
            let page = self.client.workflows(cursor.as_deref(), PAGE_MAX).await?;
            for row in page.items {
                self.in_order(found.last().is_none_or(|last| row.name > last.name))?;
                found.push(row);
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }

    async fn workflow(&self, name: &str, revision: Option<u32>) -> Result<Option<ork_api::Workflow>> {
        Ok(found(self.client.workflow(name, revision).await)?)
    }

    async fn revisions(&self, name: &str) -> Result<Option<Vec<Revision>>> {
        let (mut all, mut cursor): (Vec<Revision>, _) = (Vec::new(), None);
        loop {
            let answer = self.client.revisions(name, cursor.as_deref(), PAGE_MAX).await;
            let Some(page) = found(answer)? else { return Ok(None) };
            for row in page.items {
                self.in_order(all.last().is_none_or(|last| row.number < last.number))?;
                all.push(row);
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(Some(all));
            }
        }
    }

    async fn delete_workflow(&self, name: &str) -> Result<bool> {
        Ok(found(self.client.delete_workflow(name).await)?.is_some())
    }

    async fn schedules(&self) -> Result<Vec<ScheduleSummary>> {
        let (mut found, mut cursor): (Vec<ScheduleSummary>, _) = (Vec::new(), None);
        loop {
            let page = self.client.schedules(cursor.as_deref(), PAGE_MAX).await?;
            for row in page.items {
                self.in_order(found.last().is_none_or(|last| row.name > last.name))?;
                found.push(row);
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }

    async fn schedule(&self, name: &str) -> Result<Option<Schedule>> {
        Ok(found(self.client.schedule(name).await)?)
    }

    async fn set_schedule(&self, name: &str, enabled: bool) -> Result<Option<ScheduleAsked>> {
        let wish = if enabled { "enable" } else { "disable" };
        Ok(found(self.client.ask_schedule(name, wish).await)?)
    }

    async fn cancel_run(&self, id: RunId) -> Result<bool> {
        Ok(self.client.ask_run(&id.to_string(), "cancel").await?.asked)
    }

    async fn pause_run(&self, id: RunId) -> Result<bool> {
        Ok(self.client.ask_run(&id.to_string(), "pause").await?.asked)
    }

    async fn resume_run(&self, id: RunId) -> Result<bool> {
        Ok(self.client.ask_run(&id.to_string(), "resume").await?.asked)
    }

    async fn cancel_task(&self, task: TaskRef) -> Result<bool> {
        Ok(self.client.ask_task(&task.id().to_string(), "cancel").await?.asked)
    }

    async fn retry_task(&self, task: TaskRef) -> Result<bool> {
        Ok(self.client.ask_task(&task.id().to_string(), "retry").await?.asked)
    }
}

/// What is sent of a file. It was read and found right here; the server reads it again.
fn shape(new: &Submission<'_>) -> Submit {
    // An input that nobody gave is null, which may not be given.
    let given = |(name, value): (&String, &Value)| (!value.is_null()).then(|| (name.clone(), value.clone()));
    let input = new.bound.input.as_object().into_iter().flatten().filter_map(given).collect();
    if new.stored.is_some() {
        return Submit { workflow: Some(new.file.name.clone()), input, ..Submit::default() };
    }
    let is_json = Format::of_name(&new.file.name) == Format::Json;
    let plan = if is_json { RawValue::from_string(new.file.text.clone()).ok() } else { None };
    let source = plan.is_none().then(|| new.file.text.clone());
    Submit { source, plan, input, ..Submit::default() }
}

/// Sends something new until somebody answers. Whatever was lost, the answer or the request: under its key it is created once.
async fn insist<T, S>(send: impl Fn(String) -> S) -> ClientResult<T>
where
    S: Future<Output = ClientResult<T>>,
{
    let key = format!("cli-{:016x}{:016x}", OsEntropy.next_u64(), OsEntropy.next_u64());
    for pause in AGAIN {
        match send(key.clone()).await {
            Err(error) if error.is_transient() => sleep(pause).await,
            answer => return answer,
        }
    }
    send(key).await
}

//! What a server can be asked, call by call.

use hyper::Method;
use ork_api::{
    AppendEvents, AppendedEvents, AppliedWorkflow, Asked, Attempt, Definition, DeletedWorkflow, Event, Group, LogLines,
    LogPage, Page, Queue, QueueAsked, Reason, Resolved, Retry, Revision, Run, RunPlan, RunWhy, Schedule, ScheduleAsked,
    ScheduleSummary, Submit, Submitted, Task, TaskAsked, VerifiedEvents, Version, Worker, Workflow, WorkflowSummary,
};
use serde_json::Value;

use crate::error::ClientResult;
use crate::wire::{Ask, Client, body};

/// A page of runs.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    /// A filter, such as `status:failed`.
    pub filter: String,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Rows of the page, 1 to 200.
    pub limit: u32,
    /// Whether each has its result.
    pub results: bool,
}

/// A page of a run's tasks.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    /// Only the siblings of this name.
    pub key: Option<String>,
    /// Only tasks with one of these statuses; empty means all.
    pub statuses: Vec<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Rows of the page, 1 to 200.
    pub limit: u32,
    /// Whether each has its output.
    pub outputs: bool,
}

/// A part of a log.
#[derive(Debug, Clone, Copy)]
pub struct Chunks {
    /// The attempt, from 1.
    pub attempt: u32,
    /// Only what comes behind so many bytes.
    pub from: u64,
    /// So many bytes at the most; as many as the server gives, by default.
    pub bytes: Option<usize>,
}

/// Lines of a log.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    /// The attempt, from 1.
    pub attempt: u32,
    /// Only lines behind so many.
    pub after_line: Option<u64>,
    /// Only the last so many.
    pub tail: Option<u64>,
    /// So many at the most.
    pub limit: Option<u32>,
    /// Only lines that hold this text, or match this expression.
    pub grep: Option<String>,
    /// It is an expression.
    pub regex: bool,
    /// Capital letters are the same as small ones.
    pub ignore_case: bool,
}

impl Client {
    /// The server's version.
    ///
    /// # Errors
    /// As all calls: when the server cannot be reached, refuses, or is none of Ork's.
    pub async fn version(&self) -> ClientResult<Version> {
        self.call(Ask::get("/~/version")).await
    }

    /// Which run or task a name stands for.
    ///
    /// # Errors
    /// As [`Self::version`]; the same for all that follow.
    pub async fn resolve(&self, name: &str) -> ClientResult<Resolved> {
        self.call(Ask { query: vec![("name", name.to_owned())], ..Ask::get("/resolve") }).await
    }

    /// Creates a run, once for each key however often it is sent.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn submit(&self, submit: &Submit, key: &str) -> ClientResult<Submitted> {
        self.call(Ask { body: body(submit), key: Some(key), ..Ask::post("/runs") }).await
    }

    /// A page of runs, newest first.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn runs(&self, asked: &Runs) -> ClientResult<Page<Run>> {
        let mut query = vec![("q", asked.filter.clone()), ("limit", asked.limit.to_string())];
        query.extend(asked.cursor.iter().map(|cursor| ("cursor", cursor.clone())));
        query.extend(asked.results.then(|| ("results", "true".to_owned())));
        self.call(Ask { query, ..Ask::get("/runs") }).await
    }

    /// A run.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn run(&self, run: &str) -> ClientResult<Run> {
        self.call(Ask::get(format!("/runs/{run}"))).await
    }

    /// What a run was made of.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn plan(&self, run: &str) -> ClientResult<RunPlan> {
        self.call(Ask::get(format!("/runs/{run}/plan"))).await
    }

    /// The nodes of a run's plan.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn groups(&self, run: &str) -> ClientResult<Page<Group>> {
        self.call(Ask::get(format!("/runs/{run}/groups"))).await
    }

    /// A page of a run's tasks, by number.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn tasks(&self, run: &str, asked: &Tasks) -> ClientResult<Page<Task>> {
        let mut query = vec![("limit", asked.limit.to_string())];
        query.extend(asked.key.iter().map(|key| ("key", key.clone())));
        query.extend((!asked.statuses.is_empty()).then(|| ("status", asked.statuses.join(","))));
        query.extend(asked.cursor.iter().map(|cursor| ("cursor", cursor.clone())));
        query.extend(asked.outputs.then(|| ("outputs", "true".to_owned())));
        self.call(Ask { query, ..Ask::get(format!("/runs/{run}/tasks")) }).await
    }

    /// A page of what happened to a run after an event.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn events(&self, run: &str, after: u64, limit: u32) -> ClientResult<Page<Event>> {
        let query = vec![("after", after.to_string()), ("limit", limit.to_string())];
        self.call(Ask { query, ..Ask::get(format!("/runs/{run}/events")) }).await
    }

    /// Writes events into a run. Under one key they are written once.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn append_events(&self, run: &str, new: &AppendEvents, key: &str) -> ClientResult<AppendedEvents> {
        self.call(Ask { body: body(new), key: Some(key), ..Ask::post(format!("/runs/{run}/events")) }).await
    }

    /// Whether the events of a run are as they were sealed, and whether a head that somebody kept is one of theirs.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn verify_events(&self, run: &str, head: Option<&str>) -> ClientResult<VerifiedEvents> {
        let query = head.map(|head| ("head", head.to_owned())).into_iter().collect();
        self.call(Ask { query, ..Ask::get(format!("/runs/{run}/events/verify")) }).await
    }

    /// A run as a graph.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn graph(&self, run: &str) -> ClientResult<Value> {
        self.call(Ask::get(format!("/runs/{run}/graph"))).await
    }

    /// Why a run is not over, or what failed in it.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn why_run(&self, run: &str) -> ClientResult<RunWhy> {
        self.call(Ask::get(format!("/runs/{run}/why"))).await
    }

    /// Asks for something of a run: `cancel`, `pause` or `resume`.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn ask_run(&self, run: &str, wish: &str) -> ClientResult<Asked> {
        self.call(Ask::post(format!("/runs/{run}/{wish}"))).await
    }

    /// A task.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn task(&self, task: &str) -> ClientResult<Task> {
        self.call(Ask::get(format!("/tasks/{task}"))).await
    }

    /// The attempts of a task, by number.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn attempts(&self, task: &str) -> ClientResult<Page<Attempt>> {
        self.call(Ask::get(format!("/tasks/{task}/attempts"))).await
    }

    /// A part of a task's log.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn chunks(&self, task: &str, asked: Chunks) -> ClientResult<LogPage> {
        let Chunks { attempt, from, bytes } = asked;
        let mut query = vec![("attempt", attempt.to_string()), ("from", from.to_string())];
        query.extend(bytes.map(|bytes| ("bytes", bytes.to_string())));
        self.call(Ask { query, ..Ask::get(format!("/tasks/{task}/logs/chunks")) }).await
    }

    /// Lines of a task's log.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn lines(&self, task: &str, asked: &Lines) -> ClientResult<LogLines> {
        let mut query = vec![("attempt", asked.attempt.to_string())];
        query.extend(asked.limit.map(|lines| ("limit", lines.to_string())));
        query.extend(asked.after_line.map(|lines| ("after_line", lines.to_string())));
        query.extend(asked.tail.map(|lines| ("tail", lines.to_string())));
        query.extend(asked.grep.clone().map(|text| ("grep", text)));
        for (name, _) in [("regex", asked.regex), ("ignore_case", asked.ignore_case)].iter().filter(|(_, is)| *is) {
            query.push((*name, "true".to_owned()));
        }
        self.call(Ask { query, ..Ask::get(format!("/tasks/{task}/logs/lines")) }).await
    }

    /// Why a task is where it is.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn why_task(&self, task: &str) -> ClientResult<Reason> {
        self.call(Ask::get(format!("/tasks/{task}/why"))).await
    }

    /// Asks for something of a task: `cancel` or `retry`.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn ask_task(&self, task: &str, wish: &str) -> ClientResult<TaskAsked> {
        self.call(Ask::post(format!("/tasks/{task}/{wish}"))).await
    }

    /// Queues, what waits in them, and who serves them.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn queues(&self) -> ClientResult<Page<Queue>> {
        self.call(Ask::get("/queues")).await
    }

    /// Workers that live, or that have something left.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn workers(&self) -> ClientResult<Page<Worker>> {
        self.call(Ask::get("/workers")).await
    }

    /// Does a run again, once for each key however often it is sent.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn retry(&self, run: &str, retry: &Retry, key: &str) -> ClientResult<Submitted> {
        self.call(Ask { body: body(retry), key: Some(key), ..Ask::post(format!("/runs/{run}/retry")) }).await
    }

    /// Asks for something of a queue: `pause` or `resume`.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn ask_queue(&self, queue: &str, wish: &str) -> ClientResult<QueueAsked> {
        self.call(Ask::post(format!("/queues/{queue}/{wish}"))).await
    }

    /// Stores the text of a workflow under its name.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn apply_workflow(&self, name: &str, source: &str) -> ClientResult<AppliedWorkflow> {
        let definition = Definition { source: Some(source.to_owned()), plan: None };
        let ask = Ask { method: Method::PUT, body: body(&definition), ..Ask::get(format!("/workflows/{name}")) };
        self.call(ask).await
    }

    /// A page of stored workflows, by name.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn workflows(&self, cursor: Option<&str>, limit: u32) -> ClientResult<Page<WorkflowSummary>> {
        self.call(Ask { query: paged(cursor, limit), ..Ask::get("/workflows") }).await
    }

    /// A stored workflow with the text of its newest revision, or of this one.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn workflow(&self, name: &str, revision: Option<u32>) -> ClientResult<Workflow> {
        let query = revision.iter().map(|number| ("revision", number.to_string())).collect();
        self.call(Ask { query, ..Ask::get(format!("/workflows/{name}")) }).await
    }

    /// A page of the revisions of a stored workflow, newest first.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn revisions(&self, name: &str, cursor: Option<&str>, limit: u32) -> ClientResult<Page<Revision>> {
        self.call(Ask { query: paged(cursor, limit), ..Ask::get(format!("/workflows/{name}/revisions")) }).await
    }

    /// Deletes a stored workflow.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn delete_workflow(&self, name: &str) -> ClientResult<DeletedWorkflow> {
        self.call(Ask { method: Method::DELETE, ..Ask::get(format!("/workflows/{name}")) }).await
    }

    /// A page of schedules, by the names of their workflows.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn schedules(&self, cursor: Option<&str>, limit: u32) -> ClientResult<Page<ScheduleSummary>> {
        self.call(Ask { query: paged(cursor, limit), ..Ask::get("/schedules") }).await
    }

    /// The schedule of a stored workflow, with its next times.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn schedule(&self, name: &str) -> ClientResult<Schedule> {
        self.call(Ask::get(format!("/schedules/{name}"))).await
    }

    /// Asks for `enable` or `disable` of a schedule.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn ask_schedule(&self, name: &str, wish: &str) -> ClientResult<ScheduleAsked> {
        self.call(Ask::post(format!("/schedules/{name}/{wish}"))).await
    }
}

pub(crate) fn paged(cursor: Option<&str>, limit: u32) -> Vec<(&'static str, String)> {
    let mut query = vec![("limit", limit.to_string())];
    query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
    query
}

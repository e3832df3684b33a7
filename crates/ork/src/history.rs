//! The history of runs, wherever it is: in a database that this process opens, or behind a server that it asks.
//!
//! Commands ask for rows and show them, and cannot tell where they came from. So what they say is the same in both cases.

mod artifacts;
mod gates;
mod local;
mod means;
mod remote;
mod rows;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use ork_api::{
    AppendEvents, AppendedEvents, AppliedWorkflow, Queue, Reason, Retry, Revision, RunWhy, Schedule, ScheduleAsked,
    ScheduleSummary, VerifiedEvents, Worker, WorkflowSummary,
};
use ork_client::Address;
use ork_core::clock::{Clock, Timestamp};
use ork_core::event::EventRow;
use ork_core::graph::RevisionRef;
use ork_core::id::{RunId, TaskRef};
use ork_core::limits::PAGE_MAX;
use ork_core::plan::Plan;
use ork_core::seal::Link;
use ork_core::store::{AttemptRow, GroupRow, RunRow, TaskFilter, TaskRow};
use ork_engine::DatabaseClock;
use ork_filter::Filter;
use ork_graph::Graph;
use ork_logs::{LinesPage, Pieces, Whose};
use ork_server::logs::Wish;
use ork_server::resolve::Target;
use ork_workflow::{Bound, Workflow};
use serde_json::Value;

use self::artifacts::Artifacts;
pub use self::artifacts::{NewFile, WantedArtifacts};
use self::gates::Gates;
pub use self::gates::WantedGates;
use self::means::Means;
use self::remote::Remote;
pub use self::remote::client;
use crate::config::Config;
use crate::database::Database;
use crate::exit_code::Refusal;
use crate::names::Names;
use crate::output::Output;
use crate::workflow_file::WorkflowFile;
use crate::world::World;

/// Which runs are wanted: the newest first.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub filter: Filter,
    /// Only runs before this one in the list.
    pub before: Option<RunId>,
    /// At most so many.
    pub limit: u32,
    /// Whether each must have its result.
    pub results: bool,
}

impl Wanted {
    /// The newest, whatever they are.
    pub fn newest(limit: u32) -> Self {
        Self { limit, ..Self::default() }
    }
}

/// A run to be created from a file.
pub struct Submission<'a> {
    pub file: &'a WorkflowFile,
    pub bound: Bound,
    /// Whether any host may take it. A server knows no folder of ours: its runs are always anybody's.
    pub anywhere: bool,
    /// The stored workflow whose text it is.
    pub stored: Option<RevisionRef>,
}

/// What a run was made of.
pub struct Made {
    pub plan: Plan,
    pub input: Value,
}

/// Whether tasks are wanted with their outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outputs {
    With,
    Without,
}

/// Says when to look at a run again.
#[async_trait]
pub trait Bell: Send {
    /// Ends when something may have happened. Whoever waits no longer misses nothing.
    async fn ring(&mut self);
}

/// What commands ask of a history. `None` is for what does not exist; the wishes say whether they changed something.
#[async_trait]
pub trait Backend: Artifacts + Gates + Means + Send + Sync {
    /// What a name stands for.
    async fn resolve(&self, name: &str) -> Result<Target>;
    async fn runs(&self, wanted: &Wanted) -> Result<Vec<RunRow>>;
    async fn run(&self, id: RunId) -> Result<Option<RunRow>>;
    async fn made(&self, id: RunId) -> Result<Made>;
    /// A page of tasks by number: fewer than asked for are the last.
    async fn tasks(&self, run: RunId, filter: &TaskFilter, outputs: Outputs) -> Result<Vec<TaskRow>>;
    async fn task(&self, task: TaskRef) -> Result<Option<TaskRow>>;
    async fn groups(&self, run: RunId) -> Result<Vec<GroupRow>>;
    async fn attempts(&self, task: TaskRef) -> Result<Vec<AttemptRow>>;
    /// What happened after an event, at most a page.
    async fn events(&self, run: RunId, after: u64) -> Result<Vec<EventRow>>;
    /// Writes events into a run.
    async fn append_events(&self, run: RunId, new: &AppendEvents) -> Result<AppendedEvents>;
    /// Whether a run's events are as they were sealed; `None` when it is not there.
    async fn verify_events(&self, run: RunId, kept: Option<Link>) -> Result<Option<VerifiedEvents>>;
    /// Seals the events of a run that are not yet, where this process can.
    async fn seal_events(&self, run: RunId) -> Result<()>;
    /// Rings for a run.
    fn bell(&self, run: RunId) -> Box<dyn Bell>;
    /// Lines of a log, at most a page.
    async fn log_lines(&self, whose: Whose, wish: &Wish) -> Result<LinesPage>;
    /// Bytes of a log behind so many, at most a page.
    async fn log_bytes(&self, whose: Whose, from: u64) -> Result<Pieces>;
    async fn why_task(&self, task: TaskRef) -> Result<Option<Reason>>;
    async fn why_run(&self, run: RunId) -> Result<Option<RunWhy>>;
    async fn graph(&self, run: RunId) -> Result<Option<Graph>>;
    async fn queues(&self) -> Result<Vec<Queue>>;
    async fn workers(&self) -> Result<Vec<Worker>>;
    async fn submit(&self, new: Submission<'_>) -> Result<RunId>;
    async fn retry_run(&self, id: RunId, wish: &Retry) -> Result<RunId>;
    async fn acknowledge_run(&self, id: RunId) -> Result<bool>;
    async fn pause_queue(&self, queue: &str) -> Result<bool>;
    async fn resume_queue(&self, queue: &str) -> Result<bool>;
    async fn apply_workflow(&self, workflow: &Workflow, source: &str) -> Result<AppliedWorkflow>;
    async fn workflows(&self) -> Result<Vec<WorkflowSummary>>;
    /// A stored workflow with the text of its newest revision, or of this one.
    async fn workflow(&self, name: &str, revision: Option<u32>) -> Result<Option<ork_api::Workflow>>;
    /// The revisions of a stored workflow, newest first.
    async fn revisions(&self, name: &str) -> Result<Option<Vec<Revision>>>;
    async fn delete_workflow(&self, name: &str) -> Result<bool>;
    async fn schedules(&self) -> Result<Vec<ScheduleSummary>>;
    async fn schedule(&self, name: &str) -> Result<Option<Schedule>>;
    /// Enables or disables a schedule.
    async fn set_schedule(&self, name: &str, enabled: bool) -> Result<Option<ScheduleAsked>>;
    async fn cancel_run(&self, id: RunId) -> Result<bool>;
    async fn pause_run(&self, id: RunId) -> Result<bool>;
    async fn resume_run(&self, id: RunId) -> Result<bool>;
    async fn cancel_task(&self, task: TaskRef) -> Result<bool>;
    async fn retry_task(&self, task: TaskRef) -> Result<bool>;
}

/// Where a history is.
#[derive(Debug, Clone)]
pub enum Where {
    Database(Database),
    Server(Address),
}

impl Where {
    /// What it is, as JSON names it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Database(_) => "database",
            Self::Server(_) => "server",
        }
    }

    /// For people: an SQLite database is its file.
    pub fn place(&self) -> String {
        match self {
            Self::Database(database) => database.place(),
            Self::Server(address) => address.to_string(),
        }
    }
}

/// As a URL.
impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(database) => database.fmt(f),
            Self::Server(address) => address.fmt(f),
        }
    }
}

/// A history that was found.
#[derive(Clone)]
pub struct History {
    pub out: Output,
    pub at: Where,
    /// What another command line must be told to find it.
    flags: String,
    clock: Arc<DatabaseClock>,
    backend: Arc<dyn Backend>,
    /// The database, if this process has it open.
    here: Option<Arc<World>>,
}

impl Deref for History {
    type Target = dyn Backend;

    fn deref(&self) -> &Self::Target {
        self.backend.as_ref()
    }
}

impl History {
    /// That of an open database.
    pub fn of(world: &World) -> Self {
        let world = Arc::new(world.clone());
        Self {
            out: world.out,
            at: Where::Database(world.database.clone()),
            flags: world.flags(),
            clock: Arc::clone(&world.clock),
            backend: Arc::clone(&world) as _,
            here: Some(world),
        }
    }

    /// The server that is meant; `None` when it is a database.
    fn behind_server(out: Output, config: &Config) -> Result<Option<Self>> {
        let Some(server) = config.server()? else { return Ok(None) };
        let remote = Remote::new(&server)?;
        Ok(Some(Self {
            out,
            at: Where::Server(server.address),
            flags: config.server_flags(),
            clock: Arc::new(DatabaseClock::local()),
            backend: Arc::new(remote),
            here: None,
        }))
    }

    /// For a command that writes into it: a database that does not exist is made.
    pub async fn open(out: Output, config: &Config) -> Result<Self> {
        match Self::behind_server(out, config)? {
            Some(history) => Ok(history),
            None => Ok(Self::of(&World::open(out, config).await?)),
        }
    }

    /// `None` when nothing was ever written to the database.
    pub async fn open_existing(out: Output, config: &Config) -> Result<Option<Self>> {
        match Self::behind_server(out, config)? {
            Some(history) => Ok(Some(history)),
            None => Ok(World::open_existing(out, config).await?.as_ref().map(Self::of)),
        }
    }

    /// One that must be there.
    pub async fn find(out: Output, config: &Config) -> Result<Self> {
        match Self::behind_server(out, config)? {
            Some(history) => Ok(history),
            None => Ok(Self::of(&World::find(out, config).await?)),
        }
    }

    /// For a quick look: nothing is made, brought up to date or waited for.
    pub async fn peek(out: Output, config: &Config) -> Result<Option<Self>> {
        match Self::behind_server(out, config)? {
            Some(history) => Ok(Some(history)),
            None => Ok(World::peek(out, config).await?.as_ref().map(Self::of)),
        }
    }

    /// The database, if this process has it open.
    pub fn here(&self) -> Option<&World> {
        self.here.as_deref()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The rest of a command line that would find the same history again.
    pub fn flags(&self) -> &str {
        &self.flags
    }

    /// A run that must be there.
    pub async fn row(&self, run: RunId) -> Result<RunRow> {
        let row = self.run(run).await?;
        row.ok_or_else(|| Refusal::no_match(format!("`{run}` does not exist any more")).into())
    }

    /// A task that must be there.
    pub async fn task_row(&self, task: TaskRef) -> Result<TaskRow> {
        let found = self.task(task).await?;
        found.ok_or_else(|| Refusal::no_match(format!("nothing matches `{}`", task.id())).into())
    }

    pub async fn names(&self, run: RunId) -> Result<Names> {
        Ok(Names::of(self.groups(run).await?))
    }

    /// All tasks of a run, by number.
    pub async fn all_tasks(&self, run: RunId, outputs: Outputs) -> Result<Vec<TaskRow>> {
        let mut tasks = Vec::new();
        let mut filter = TaskFilter { limit: PAGE_MAX, ..TaskFilter::default() };
        loop {
            let page = self.tasks(run, &filter, outputs).await?;
            filter.after = page.last().map(|task| task.task.n);
            let is_last = page.len() < PAGE_MAX as usize;
            tasks.extend(page);
            if is_last {
                return Ok(tasks);
            }
        }
    }
}

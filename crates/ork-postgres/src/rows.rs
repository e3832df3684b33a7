//! Between rows and the domain's types. A stored word that this version does not know is corrupt data, named by place.

use ork_core::access::{Role, Settings};
use ork_core::attempt::{Failure, Usage};
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{Actor, ActorKind, EventRow, EventType, TaskSet};
use ork_core::executor::{Progress, Stream};
use ork_core::graph::{Group, GroupSpec, Head, Lease, LeaseId, OpenAs, Phase, ProcessEnd, RevisionRef};
use ork_core::id::{
    ArtifactId, BulkId, DeliveryId, EndpointId, GateId, RevisionId, RunId, TaskRef, TokenId, WorkerId, WorkflowId,
    WorkspaceId,
};
use ork_core::json::Json;
use ork_core::plan::{Concurrency, OnFailure, RunIf};
use ork_core::retry::RetryPolicy;
use ork_core::state::{Reason, RunStatus, TaskStatus};
use ork_core::step::{Allowance, OnExpiry, StepPhase, StepStatus, StepType};
use ork_core::store::{
    AttemptRow, BudgetPeriod, BulkAction, BulkStatus, CatchUp, DeliveryStatus, DeliveryTry, GateKind, GateStatus,
    GroupRow, OutputRow, Overlap, PromptVariable, RunRow, Scope, TaskRow, WorkerRow,
};
use ork_core::webhook::{Format, Occasion, Wanted};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

/// A workspace to filter by; `NULL` filters nothing.
pub fn filter(scope: Scope) -> Option<Uuid> {
    match scope {
        Scope::One(workspace) => Some(workspace.uuid()),
        Scope::All => None,
    }
}

/// A number as PostgreSQL has it. Every number of the domain that is stored in 32 bits is at most a few hundred thousand.
pub fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A count as PostgreSQL has it.
pub fn big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// JSON text of a value that is Ork's own.
pub fn encode(value: &impl serde::Serialize) -> StoreResult<String> {
    serde_json::to_string(value).map_err(|e| StoreError::Conflict(format!("failed to encode: {e}")))
}

/// The text of a `text` or a `json` column.
pub struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// It.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

impl<'a> FromSql<'a> for Text<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(std::str::from_utf8(raw)?))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSON || <&str as FromSql>::accepts(ty)
    }
}

/// A type of the domain, read from a column's type.
pub trait Decode: Sized {
    /// The column's type.
    type Stored<'a>: FromSql<'a>;
    /// The value, or what is wrong with it.
    fn decode(stored: Self::Stored<'_>) -> Result<Self, String>;
}

macro_rules! decode {
    ($($type:ty = $stored:ty, |$value:ident| $body:expr;)*) => {
        $(impl Decode for $type {
            type Stored<'a> = $stored;
            fn decode($value: Self::Stored<'_>) -> Result<Self, String> { $body }
        })*
    };
}

fn word<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, String> {
    read(text).ok_or_else(|| format!("unknown word `{text}`"))
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

decode! {
    bool = bool, |v| Ok(v);
    String = Text<'a>, |v| Ok(v.0.to_owned());
    i32 = i32, |v| Ok(v);
    i64 = i64, |v| Ok(v);
    Uuid = Uuid, |v| Ok(v);
    Vec<u8> = Vec<u8>, |v| Ok(v);
    Vec<String> = Vec<String>, |v| Ok(v);
    u8 = i16, |v| u8::try_from(v).map_err(|e| e.to_string());
    u32 = i32, |v| u32::try_from(v).map_err(|e| e.to_string());
    u64 = i64, |v| u64::try_from(v).map_err(|e| e.to_string());
    Vec<u32> = Vec<i32>, |v| v.into_iter().map(|n| u32::try_from(n).map_err(|e| e.to_string())).collect();
    RunId = Uuid, |v| Ok(Self::from_uuid(v));
    WorkspaceId = Uuid, |v| Ok(Self::from_uuid(v));
    WorkerId = Uuid, |v| Ok(Self::from_uuid(v));
    WorkflowId = Uuid, |v| Ok(Self::from_uuid(v));
    BulkId = Uuid, |v| Ok(Self::from_uuid(v));
    BulkAction = Text<'a>, |v| word(v.0, Self::from_word);
    CatchUp = Text<'a>, |v| word(v.0, Self::from_word);
    Overlap = Text<'a>, |v| word(v.0, Self::from_word);
    BulkStatus = Text<'a>, |v| word(v.0, Self::from_word);
    RevisionId = Uuid, |v| Ok(Self::from_uuid(v));
    TokenId = Uuid, |v| Ok(Self::from_uuid(v));
    Role = Text<'a>, |v| word(v.0, Self::from_word);
    Settings = Text<'a>, |v| parsed(v.0);
    Timestamp = i64, |v| Ok(Self::from_micros(v));
    LeaseId = i64, |v| Ok(Self(v));
    EndpointId = Uuid, |v| Ok(Self::from_uuid(v));
    DeliveryId = Uuid, |v| Ok(Self::from_uuid(v));
    Wanted = Text<'a>, |v| word(v.0, Self::from_stored);
    Format = Text<'a>, |v| word(v.0, Self::from_word);
    Occasion = Text<'a>, |v| word(v.0, Self::from_word);
    DeliveryStatus = Text<'a>, |v| word(v.0, Self::from_word);
    Vec<DeliveryTry> = Text<'a>, |v| parsed(v.0);
    OpenAs = Text<'a>, |v| word(v.0, Self::from_word);
    GateId = Uuid, |v| Ok(Self::from_uuid(v));
    ArtifactId = Uuid, |v| Ok(Self::from_uuid(v));
    GateKind = Text<'a>, |v| word(v.0, Self::from_word);
    GateStatus = Text<'a>, |v| word(v.0, Self::from_word);
    OnExpiry = Text<'a>, |v| word(v.0, Self::from_word);
    StepPhase = Text<'a>, |v| word(v.0, Self::from_word);
    StepType = Text<'a>, |v| word(v.0, Self::from_word);
    StepStatus = Text<'a>, |v| word(v.0, Self::from_word);
    BudgetPeriod = Text<'a>, |v| word(v.0, Self::from_word);
    Allowance = Text<'a>, |v| parsed(v.0);
    Vec<PromptVariable> = Text<'a>, |v| parsed(v.0);
    TaskStatus = Text<'a>, |v| word(v.0, Self::from_word);
    RunStatus = Text<'a>, |v| word(v.0, Self::from_word);
    Reason = Text<'a>, |v| word(v.0, Self::from_word);
    Phase = Text<'a>, |v| word(v.0, Self::from_word);
    EventType = Text<'a>, |v| word(v.0, Self::from_word);
    ActorKind = Text<'a>, |v| word(v.0, Self::from_word);
    Stream = Text<'a>, |v| word(v.0, Self::from_word);
    TaskSet = Text<'a>, |v| word(v.0, Self::parse);
    OnFailure = Text<'a>, |v| word(v.0, |w| [Self::Stop, Self::Continue].into_iter().find(|o| on_failure_word(*o) == w));
    RunIf = Text<'a>, |v| word(v.0, |w| [Self::Always, Self::Failed].into_iter().find(|r| run_if_word(*r) == w));
    Json = Text<'a>, |v| Ok(Self::from_stored(v.0));
    Failure = Text<'a>, |v| parsed(v.0);
    RetryPolicy = Text<'a>, |v| parsed(v.0);
}

/// The stored word.
pub const fn on_failure_word(on_failure: OnFailure) -> &'static str {
    match on_failure {
        OnFailure::Stop => "stop",
        OnFailure::Continue => "continue",
    }
}

/// The stored word.
pub const fn run_if_word(run_if: RunIf) -> &'static str {
    match run_if {
        RunIf::Always => "always",
        RunIf::Failed => "failed",
    }
}

/// Reads a row's columns from left to right: by place, which costs nothing, and with their names, which is what an error
/// says and a debug build compares.
pub struct Columns<'r> {
    row: &'r Row,
    table: &'static str,
    at: usize,
}

impl<'r> Columns<'r> {
    /// Begins at the first column. `table` is what an error names.
    pub const fn of(row: &'r Row, table: &'static str) -> Self {
        Self { row, table, at: 0 }
    }

    /// The next column, which may be NULL.
    pub fn option<T: Decode>(&mut self, name: &'static str) -> StoreResult<Option<T>> {
        let at = self.at;
        self.at += 1;
        debug_assert!(
            self.row.columns().get(at).is_some_and(|c| c.name() == name || c.name() == "?column?"),
            "column {at} of `{}` is not `{name}`",
            self.table
        );
        self.row
            .try_get::<_, Option<T::Stored<'r>>>(at)
            .map_err(|e| crate::fault::describe(&e))
            .and_then(|stored| stored.map(T::decode).transpose())
            .map_err(|problem| self.corrupt(name, problem))
    }

    /// The next column.
    pub fn next<T: Decode>(&mut self, name: &'static str) -> StoreResult<T> {
        self.option(name)?.ok_or_else(|| self.corrupt(name, "it is NULL".into()))
    }

    /// Leaves columns out.
    pub const fn skip(&mut self, columns: usize) {
        self.at += columns;
    }

    fn corrupt(&self, column: &'static str, problem: String) -> StoreError {
        let key = |at: usize| {
            let uuid = self.row.try_get::<_, Uuid>(at).map(|v| v.to_string());
            let int = |_| self.row.try_get::<_, i32>(at).map(|v| v.to_string());
            uuid.or_else(int).or_else(|_| self.row.try_get::<_, i64>(at).map(|v| v.to_string())).unwrap_or_default()
        };
        StoreError::Corrupt { table: self.table, column, row: format!("{} {}", key(0), key(1)), problem }
    }
}

/// Reads the columns of `heads/*.sql`.
pub fn head(row: &Row) -> StoreResult<Head> {
    let mut c = Columns::of(row, "run_heads");
    Ok(Head {
        run: c.next("run_id")?,
        workspace: c.next("workspace_id")?,
        status: c.next("status")?,
        paused: c.next("paused")?,
        held: c.next("held")?,
        stopping: c.next("stopping")?,
        cancelling: c.option("cancelling")?,
        on_failure: c.next("on_failure")?,
        has_result: c.next("has_result")?,
        seq: c.next("seq")?,
        tasks_total: c.next("tasks_total")?,
        tasks_left: c.next("tasks_left")?,
        tasks_bad: c.next("tasks_bad")?,
        told: told(&mut c)?,
    })
}

/// The column `told`.
pub fn told(c: &mut Columns<'_>) -> StoreResult<Wanted> {
    Ok(Wanted::from_bits(u8::try_from(c.next::<u32>("told")?).unwrap_or_default()))
}

/// Reads the columns of `groups/lock.sql` and its kin.
pub fn group(row: &Row) -> StoreResult<(RunId, Group)> {
    let mut c = Columns::of(row, "groups");
    let run = c.next("run_id")?;
    let g = c.next("g")?;
    let spec = GroupSpec {
        key: c.next("key")?,
        children: c.next("children")?,
        parents: c.next("parents")?,
        run_if: c.option("run_if")?,
        deep: c.next("deep")?,
        evaluated: c.next("evaluated")?,
        lane: c.next("lane")?,
        priority: c.next("priority")?,
        concurrency: {
            let key: Option<String> = c.option("concurrency_key")?;
            let limit: Option<i64> = c.option("concurrency_limit")?;
            key.zip(limit).map(|(key, limit)| Concurrency { key, limit: u32::try_from(limit).unwrap_or(u32::MAX) })
        },
        retry: c.next("retry")?,
        at_most_once: c.next("at_most_once")?,
    };
    let group = Group {
        g,
        spec,
        phase: c.next("phase")?,
        first: c.next("first")?,
        rest: c.next("rest")?,
        size: c.option("size")?,
        items: c.option("items")?,
        tasks_left: c.next("tasks_left")?,
        tasks_bad: c.next("tasks_bad")?,
        tasks_unmet: c.next("tasks_unmet")?,
        parents_left: c.next("parents_left")?,
        parents_bad: c.next("parents_bad")?,
        parents_unmet: c.next("parents_unmet")?,
        ended: c.next("ended")?,
    };
    Ok((run, group))
}

/// Reads the columns of `groups/list.sql`.
pub fn group_row(row: &Row) -> StoreResult<GroupRow> {
    let mut c = Columns::of(row, "groups");
    Ok(GroupRow {
        g: c.next("g")?,
        key: c.next("key")?,
        phase: c.next("phase")?,
        size: c.option("size")?,
        items: c.option("items")?,
        tasks_left: c.next("tasks_left")?,
        tasks_bad: c.next("tasks_bad")?,
        tasks_unmet: c.next("tasks_unmet")?,
        parents_left: c.next("parents_left")?,
        first: c.next("first")?,
        rest: c.next("rest")?,
    })
}

/// How many columns [`lease`] reads.
pub const LEASE_COLUMNS: usize = 9;

/// Reads the first columns of `leases/*.sql`.
pub fn lease(row: &Row) -> StoreResult<Lease> {
    let mut c = Columns::of(row, "leases");
    Ok(Lease {
        task: TaskRef { run: c.next("run_id")?, n: c.next("n")? },
        g: c.next("g")?,
        attempt: c.next("attempt")?,
        id: c.next("lease")?,
        worker: c.next("worker_id")?,
        dispatched_at: c.next("dispatched_at")?,
        started_at: c.option("started_at")?,
        execution_name: c.option("execution_name")?,
    })
}

fn end(c: &mut Columns<'_>) -> StoreResult<ProcessEnd> {
    Ok(ProcessEnd {
        exit_code: c.option("exit_code")?,
        signal: c.option("signal")?,
        usage: Usage {
            cpu_ms: c.option("cpu_ms")?.unwrap_or(0),
            memory_bytes_max: c.option("memory_bytes_max")?.unwrap_or(0),
        },
    })
}

/// Reads a row of `v_tasks`.
pub fn task_row(row: &Row) -> StoreResult<TaskRow> {
    let mut c = Columns::of(row, "tasks");
    let task = TaskRef { run: c.next("run_id")?, n: c.next("n")? };
    c.skip(1);
    let g = c.next("g")?;
    let key = c.next("key")?;
    let task_index = c.next("task_index")?;
    let status = c.next("status")?;
    let reason = c.option("reason")?;
    let attempt = c.next("attempt")?;
    let failures = c.next("failures")?;
    let lost = c.next("lost")?;
    let max_attempts = c.next("max_attempts")?;
    let lane = c.next("lane")?;
    let concurrency_key = c.option("concurrency_key")?;
    let held = c.next("held")?;
    let available_at = c.option("available_at")?;
    let output = c.option("output")?;
    let error = c.option("error")?;
    let percent: Option<u8> = c.option("progress")?;
    let (stage, message) = (c.option("stage")?, c.option("message")?);
    let worker = c.option("worker_id")?;
    let execution_name = c.option("execution_name")?;
    let end = end(&mut c)?;
    let (from, from_n): (Option<RunId>, Option<u32>) = (c.option("reused_run_id")?, c.option("reused_n")?);
    Ok(TaskRow {
        task,
        g,
        key,
        task_index,
        status,
        reason,
        attempt,
        failures,
        lost,
        max_attempts,
        lane,
        concurrency_key,
        held,
        available_at,
        output,
        error,
        progress: percent.map(|percent| Progress { percent, stage, message }),
        worker,
        execution_name,
        end,
        reused_from: from.zip(from_n).map(|(run, n)| TaskRef { run, n }),
        dispatched_at: c.option("dispatched_at")?,
        started_at: c.option("started_at")?,
        finished_at: c.option("finished_at")?,
        cancel_requested_at: c.option("cancel_requested_at")?,
    })
}

/// Reads a row of `v_runs`; the labels are read apart.
pub fn run_row(row: &Row) -> StoreResult<RunRow> {
    let mut c = Columns::of(row, "runs");
    let id = c.next("id")?;
    let workspace = c.next("workspace_id")?;
    Ok(RunRow {
        id,
        workspace,
        external_id: c.option("external_id")?,
        owner: c.option("owner_id")?,
        name: c.next("name")?,
        status: c.next("status")?,
        cancelling: c.option("cancelling")?,
        held: c.next("held")?,
        priority: c.next("priority")?,
        labels: std::collections::BTreeMap::new(),
        result: c.option("result")?,
        error: c.option("error")?,
        triggered_by: c.next("triggered_by")?,
        retry_of: c.option("retry_of")?,
        host: c.option("host")?,
        in_process: c.next("in_process")?,
        project: c.option("project")?,
        concurrency_key: c.option("concurrency_key")?,
        tasks_total: c.next("tasks_total")?,
        tasks_left: c.next("tasks_left")?,
        tasks_bad: c.next("tasks_bad")?,
        progress: c.next("progress")?,
        seq: c.next("seq")?,
        deadline_at: c.option("deadline_at")?,
        cancel_requested_at: c.option("cancel_requested_at")?,
        cancel_requested_by: c.option("cancel_requested_by")?,
        created_at: c.next("created_at")?,
        started_at: c.option("started_at")?,
        finished_at: c.option("finished_at")?,
        revision: {
            let (workflow, revision) = (c.option("workflow_id")?, c.option("revision_id")?);
            workflow.zip(revision).map(|(workflow, revision)| RevisionRef { workflow, revision })
        },
        acknowledged_at: c.option("acknowledged_at")?,
        acknowledged_by: c.option("acknowledged_by")?,
    })
}

/// Reads the columns of `attempts/of_task.sql`, after those that `c` has read.
pub fn attempt_row(mut c: Columns<'_>) -> StoreResult<AttemptRow> {
    Ok(AttemptRow {
        attempt: c.next("attempt")?,
        lease: c.next("lease")?,
        worker: c.next("worker_id")?,
        execution_name: c.option("execution_name")?,
        outcome: c.option("outcome")?,
        error: c.option("error")?,
        end: end(&mut c)?,
        dispatched_at: c.next("dispatched_at")?,
        started_at: c.option("started_at")?,
        finished_at: c.option("finished_at")?,
    })
}

/// Reads the columns of `tasks/outputs.sql`.
pub fn output_row(row: &Row) -> StoreResult<OutputRow> {
    let mut c = Columns::of(row, "tasks");
    Ok(OutputRow {
        g: c.next("g")?,
        task_index: c.next("task_index")?,
        status: c.next("status")?,
        output: c.option("output")?,
    })
}

/// Reads the columns of `events/list.sql`, after those that `c` has read.
pub fn event_row(run: RunId, mut c: Columns<'_>) -> StoreResult<EventRow> {
    Ok(EventRow {
        run,
        seq: c.next("seq")?,
        seq_last: c.next("seq_last")?,
        event_type: c.next("type")?,
        tasks: c.next("tasks")?,
        actor: Actor { kind: c.next("actor_kind")?, id: c.next("actor_id")? },
        payload: c.option("payload")?,
        created_at: c.next("created_at")?,
    })
}

/// Reads the columns of `workers/list.sql`.
pub fn worker_row(row: &Row) -> StoreResult<WorkerRow> {
    let mut c = Columns::of(row, "workers");
    Ok(WorkerRow {
        id: c.next("id")?,
        name: c.next("name")?,
        host: c.next("host")?,
        lanes: c.next("lanes")?,
        capacity: c.next("capacity")?,
        version: c.next("version")?,
        started_at: c.next("started_at")?,
        heartbeat_at: c.next("heartbeat_at")?,
        ended_at: c.option("ended_at")?,
    })
}

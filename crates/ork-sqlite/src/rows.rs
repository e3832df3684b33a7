//! Between rows and the domain's types. A stored word that this version does not know is corrupt data, named by place.

use ork_core::access::{Role, Settings};
use ork_core::attempt::{Failure, Usage};
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{ActorKind, TaskSet};
use ork_core::executor::Progress;
use ork_core::graph::{Group, GroupSpec, Head, Lease, LeaseId, OpenAs, Phase, ProcessEnd, RevisionRef};
use ork_core::id::{
    ArtifactId, BulkId, DeliveryId, EndpointId, GateId, RevisionId, RunId, TaskRef, TokenId, WorkerId, WorkflowId,
    WorkspaceId,
};
use ork_core::json::Json;
use ork_core::plan::{Concurrency, OnFailure, RunIf};
use ork_core::state::{Reason, RunStatus, TaskStatus};
use ork_core::step::{OnExpiry, StepPhase, StepStatus, StepType};
use ork_core::store::{
    AttemptRow, BudgetPeriod, BulkAction, BulkStatus, CatchUp, DeliveryStatus, DeliveryTry, GateKind, GateStatus,
    GroupRow, Overlap, PromptVariable, RunRow, Scope, TaskRow,
};
use ork_core::webhook::{Format, Occasion, Wanted};
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, Type, ValueRef};
use uuid::Uuid;

/// A workspace to filter by; `NULL` filters nothing.
pub fn filter(scope: Scope) -> Option<[u8; 16]> {
    match scope {
        Scope::One(workspace) => Some(*workspace.uuid().as_bytes()),
        Scope::All => None,
    }
}

pub fn run_key(run: RunId) -> [u8; 16] {
    *run.uuid().as_bytes()
}

pub fn workspace_key(workspace: WorkspaceId) -> [u8; 16] {
    *workspace.uuid().as_bytes()
}

pub fn worker_key(worker: WorkerId) -> [u8; 16] {
    *worker.uuid().as_bytes()
}

/// Reads a column with any conversion that its type has.
pub struct Cell<T>(pub T);

macro_rules! cell {
    ($type:ty, |$value:ident| $body:expr) => {
        impl FromSql for Cell<$type> {
            fn column_result($value: ValueRef<'_>) -> FromSqlResult<Self> {
                $body.map(Cell)
            }
        }
    };
}

fn uuid(value: ValueRef<'_>) -> FromSqlResult<Uuid> {
    Uuid::from_slice(value.as_blob()?).map_err(|e| FromSqlError::Other(Box::new(e)))
}

fn word<T>(value: ValueRef<'_>, read: impl Fn(&str) -> Option<T>) -> FromSqlResult<T> {
    let text = value.as_str()?;
    read(text).ok_or_else(|| FromSqlError::Other(format!("unknown word `{text}`").into()))
}

fn decoded<T: serde::de::DeserializeOwned>(value: ValueRef<'_>) -> FromSqlResult<T> {
    serde_json::from_str(value.as_str()?).map_err(|e| FromSqlError::Other(Box::new(e)))
}

cell!(RunId, |v| uuid(v).map(RunId::from_uuid));
cell!(WorkspaceId, |v| uuid(v).map(WorkspaceId::from_uuid));
cell!(WorkerId, |v| uuid(v).map(WorkerId::from_uuid));
cell!(WorkflowId, |v| uuid(v).map(WorkflowId::from_uuid));
cell!(BulkId, |v| uuid(v).map(BulkId::from_uuid));
cell!(ActorKind, |v| word(v, ActorKind::from_word));
cell!(BulkAction, |v| word(v, BulkAction::from_word));
cell!(CatchUp, |v| word(v, CatchUp::from_word));
cell!(Overlap, |v| word(v, Overlap::from_word));
cell!(BulkStatus, |v| word(v, BulkStatus::from_word));
cell!(RevisionId, |v| uuid(v).map(RevisionId::from_uuid));
cell!(TokenId, |v| uuid(v).map(TokenId::from_uuid));
cell!(Role, |v| word(v, Role::from_word));
cell!(Settings, |v| decoded(v));
cell!(Timestamp, |v| v.as_i64().map(Timestamp::from_micros));
cell!(LeaseId, |v| v.as_i64().map(LeaseId));
cell!(TaskStatus, |v| word(v, TaskStatus::from_word));
cell!(RunStatus, |v| word(v, RunStatus::from_word));
cell!(Reason, |v| word(v, Reason::from_word));
cell!(Phase, |v| word(v, Phase::from_word));
cell!(OnFailure, |v| word(v, |w| match w {
    "stop" => Some(OnFailure::Stop),
    "continue" => Some(OnFailure::Continue),
    _ => None,
}));
cell!(RunIf, |v| word(v, |w| match w {
    "always" => Some(RunIf::Always),
    "failed" => Some(RunIf::Failed),
    _ => None,
}));
cell!(Json, |v| v.as_str().map(Json::from_stored));
cell!(Failure, |v| decoded(v));
cell!(ork_core::retry::RetryPolicy, |v| decoded(v));
cell!(TaskSet, |v| word(v, TaskSet::parse));
cell!(Vec<u32>, |v| decoded(v));
cell!(Vec<String>, |v| decoded(v));
cell!(EndpointId, |v| uuid(v).map(EndpointId::from_uuid));
cell!(DeliveryId, |v| uuid(v).map(DeliveryId::from_uuid));
cell!(Wanted, |v| word(v, Wanted::from_stored));
cell!(Format, |v| word(v, Format::from_word));
cell!(Occasion, |v| word(v, Occasion::from_word));
cell!(DeliveryStatus, |v| word(v, DeliveryStatus::from_word));
cell!(Vec<DeliveryTry>, |v| decoded(v));
cell!(OpenAs, |v| word(v, OpenAs::from_word));
cell!(GateId, |v| uuid(v).map(GateId::from_uuid));
cell!(ArtifactId, |v| uuid(v).map(ArtifactId::from_uuid));
cell!(GateKind, |v| word(v, GateKind::from_word));
cell!(GateStatus, |v| word(v, GateStatus::from_word));
cell!(OnExpiry, |v| word(v, OnExpiry::from_word));
cell!(StepPhase, |v| word(v, StepPhase::from_word));
cell!(StepType, |v| word(v, StepType::from_word));
cell!(StepStatus, |v| word(v, StepStatus::from_word));
cell!(BudgetPeriod, |v| word(v, BudgetPeriod::from_word));
cell!(Vec<PromptVariable>, |v| decoded(v));

pub fn get<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<T>
where
    Cell<T>: FromSql,
{
    row.get::<_, Cell<T>>(column).map(|cell| cell.0)
}

pub fn get_option<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>>
where
    Cell<T>: FromSql,
{
    row.get::<_, Option<Cell<T>>>(column).map(|cell| cell.map(|c| c.0))
}

pub const fn on_failure_word(on_failure: OnFailure) -> &'static str {
    match on_failure {
        OnFailure::Stop => "stop",
        OnFailure::Continue => "continue",
    }
}

pub const fn run_if_word(run_if: RunIf) -> &'static str {
    match run_if {
        RunIf::Always => "always",
        RunIf::Failed => "failed",
    }
}

pub fn encode(value: &impl serde::Serialize) -> StoreResult<String> {
    serde_json::to_string(value).map_err(|e| StoreError::Conflict(format!("failed to encode: {e}")))
}

/// Reads the columns in the order of `heads/get.sql`: by position, because this is read for each change of a run.
pub fn head(row: &Row<'_>) -> rusqlite::Result<Head> {
    Ok(Head {
        run: row.get::<_, Cell<_>>(0)?.0,
        workspace: row.get::<_, Cell<_>>(1)?.0,
        status: row.get::<_, Cell<_>>(2)?.0,
        paused: row.get(3)?,
        held: row.get(4)?,
        stopping: row.get(5)?,
        cancelling: row.get::<_, Option<Cell<Reason>>>(6)?.map(|c| c.0),
        on_failure: row.get::<_, Cell<_>>(7)?.0,
        has_result: row.get(8)?,
        seq: u64::try_from(row.get::<_, i64>(9)?).unwrap_or(0),
        tasks_total: row.get(10)?,
        tasks_left: row.get(11)?,
        tasks_bad: row.get(12)?,
        told: Wanted::from_bits(row.get(13)?),
    })
}

/// Reads the columns in the order of `groups/get.sql`: by position, because this is read for each settled task.
pub fn group(row: &Row<'_>) -> rusqlite::Result<Group> {
    let key: Option<String> = row.get(9)?;
    let limit: Option<u32> = row.get(10)?;
    Ok(Group {
        g: row.get(0)?,
        spec: GroupSpec {
            key: row.get(1)?,
            children: numbers(row, 2)?,
            parents: row.get(3)?,
            run_if: row.get::<_, Option<Cell<RunIf>>>(4)?.map(|c| c.0),
            deep: row.get(5)?,
            evaluated: row.get(6)?,
            lane: row.get(7)?,
            priority: row.get(8)?,
            concurrency: key.zip(limit).map(|(key, limit)| Concurrency { key, limit }),
            retry: row.get::<_, Cell<_>>(11)?.0,
            at_most_once: row.get(12)?,
        },
        phase: row.get::<_, Cell<_>>(13)?.0,
        first: row.get(14)?,
        rest: row.get(15)?,
        size: row.get(16)?,
        items: row.get::<_, Option<Cell<Json>>>(17)?.map(|c| c.0),
        ended: row.get::<_, Cell<TaskSet>>(24)?.0,
        tasks_left: row.get(18)?,
        tasks_bad: row.get(19)?,
        tasks_unmet: row.get(20)?,
        parents_left: row.get(21)?,
        parents_bad: row.get(22)?,
        parents_unmet: row.get(23)?,
    })
}

/// A JSON list of numbers; most groups have none or one, and those need no parser.
fn numbers(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<u32>> {
    let text = row.get_ref(column)?;
    let bare = text.as_str()?.trim_matches(['[', ']']);
    bare.split(',')
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.trim().parse().map_err(|e: std::num::ParseIntError| {
                rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(e))
            })
        })
        .collect()
}

pub fn group_row(row: &Row<'_>) -> rusqlite::Result<GroupRow> {
    Ok(GroupRow {
        g: row.get("g")?,
        key: row.get("key")?,
        phase: get(row, "phase")?,
        size: row.get("size")?,
        items: get_option(row, "items")?,
        tasks_left: row.get("tasks_left")?,
        tasks_bad: row.get("tasks_bad")?,
        tasks_unmet: row.get("tasks_unmet")?,
        parents_left: row.get("parents_left")?,
        first: row.get("first")?,
        rest: row.get("rest")?,
    })
}

pub fn lease(row: &Row<'_>) -> rusqlite::Result<Lease> {
    Ok(Lease {
        task: TaskRef { run: get(row, "run_id")?, n: row.get("n")? },
        g: row.get("g")?,
        attempt: row.get("attempt")?,
        id: get(row, "lease")?,
        worker: get(row, "worker_id")?,
        dispatched_at: get(row, "dispatched_at")?,
        started_at: get_option(row, "started_at")?,
        execution_name: row.get("execution_name")?,
    })
}

pub fn end(row: &Row<'_>) -> rusqlite::Result<ProcessEnd> {
    Ok(ProcessEnd {
        exit_code: row.get("exit_code")?,
        signal: row.get("signal")?,
        usage: Usage {
            cpu_ms: row.get::<_, Option<i64>>("cpu_ms")?.map_or(0, i64::unsigned_abs),
            memory_bytes_max: row.get::<_, Option<i64>>("memory_bytes_max")?.map_or(0, i64::unsigned_abs),
        },
    })
}

pub fn task_row(row: &Row<'_>) -> rusqlite::Result<TaskRow> {
    let task = TaskRef { run: get(row, "run_id")?, n: row.get("n")? };
    let percent: Option<u8> = row.get("progress")?;
    let from: Option<RunId> = get_option(row, "reused_run_id")?;
    let from_n: Option<u32> = row.get("reused_n")?;
    let (stage, message) = (row.get("stage")?, row.get("message")?);
    Ok(TaskRow {
        task,
        g: row.get("g")?,
        key: row.get("key")?,
        task_index: row.get("task_index")?,
        status: get(row, "status")?,
        reason: get_option(row, "reason")?,
        attempt: row.get("attempt")?,
        failures: row.get("failures")?,
        lost: row.get("lost")?,
        max_attempts: row.get("max_attempts")?,
        lane: row.get("lane")?,
        concurrency_key: row.get("concurrency_key")?,
        held: row.get("held")?,
        available_at: get_option(row, "available_at")?,
        output: get_option(row, "output")?,
        error: get_option(row, "error")?,
        progress: percent.map(|percent| Progress { percent, stage, message }),
        worker: get_option(row, "worker_id")?,
        execution_name: row.get("execution_name")?,
        end: end(row)?,
        reused_from: from.zip(from_n).map(|(run, n)| TaskRef { run, n }),
        dispatched_at: get_option(row, "dispatched_at")?,
        started_at: get_option(row, "started_at")?,
        finished_at: get_option(row, "finished_at")?,
        cancel_requested_at: get_option(row, "cancel_requested_at")?,
    })
}

pub fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        id: get(row, "id")?,
        workspace: get(row, "workspace_id")?,
        external_id: row.get("external_id")?,
        owner: row.get("owner_id")?,
        name: row.get("name")?,
        status: get(row, "status")?,
        cancelling: get_option(row, "cancelling")?,
        held: row.get("held")?,
        priority: row.get("priority")?,
        labels: std::collections::BTreeMap::new(),
        result: get_option(row, "result")?,
        error: get_option(row, "error")?,
        triggered_by: row.get("triggered_by")?,
        retry_of: get_option(row, "retry_of")?,
        host: row.get("host")?,
        in_process: row.get("in_process")?,
        project: row.get("project")?,
        concurrency_key: row.get("concurrency_key")?,
        tasks_total: row.get("tasks_total")?,
        tasks_left: row.get("tasks_left")?,
        tasks_bad: row.get("tasks_bad")?,
        progress: row.get("progress")?,
        seq: u64::try_from(row.get::<_, i64>("seq")?).unwrap_or(0),
        deadline_at: get_option(row, "deadline_at")?,
        cancel_requested_at: get_option(row, "cancel_requested_at")?,
        cancel_requested_by: row.get("cancel_requested_by")?,
        created_at: get(row, "created_at")?,
        started_at: get_option(row, "started_at")?,
        finished_at: get_option(row, "finished_at")?,
        revision: {
            let workflow: Option<WorkflowId> = get_option(row, "workflow_id")?;
            let revision: Option<RevisionId> = get_option(row, "revision_id")?;
            workflow.zip(revision).map(|(workflow, revision)| RevisionRef { workflow, revision })
        },
        acknowledged_at: get_option(row, "acknowledged_at")?,
        acknowledged_by: row.get("acknowledged_by")?,
    })
}

pub fn attempt_row(row: &Row<'_>) -> rusqlite::Result<AttemptRow> {
    Ok(AttemptRow {
        attempt: row.get("attempt")?,
        lease: get(row, "lease")?,
        worker: get(row, "worker_id")?,
        execution_name: row.get("execution_name")?,
        outcome: row.get("outcome")?,
        error: get_option(row, "error")?,
        end: end(row)?,
        dispatched_at: get(row, "dispatched_at")?,
        started_at: get_option(row, "started_at")?,
        finished_at: get_option(row, "finished_at")?,
    })
}

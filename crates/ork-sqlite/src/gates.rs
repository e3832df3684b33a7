//! Decisions that attempts wait for.

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::graph::{GateEnd, Reach, RunGraph};
use ork_core::id::{GateId, TaskRef, WorkspaceId};
use ork_core::ledger::Ledger;
use ork_core::planted::{self, Bug};
use ork_core::store::{Decided, Decision, GateFilter, GateKind, GateRow, GateStatus, NewGate, ROWS_MAX, Scope};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::change::{self, execute};
use crate::connection::failed;
use crate::rows::{Cell, filter, get, get_option, run_key, workspace_key};
use crate::{budgets, sql, steps};

fn key(id: GateId) -> [u8; 16] {
    *id.uuid().as_bytes()
}

pub fn insert(
    db: &Connection,
    task: TaskRef,
    workspace: WorkspaceId,
    gate: &NewGate,
    now: Timestamp,
) -> StoreResult<()> {
    let step = gate.step;
    let values = params![
        key(gate.id),
        workspace_key(workspace),
        run_key(task.run),
        task.n,
        step.attempt,
        step.round,
        step.position,
        step.tried,
        gate.step_name,
        gate.kind().word(),
        gate.role.word(),
        gate.allow_self,
        gate.message,
        now.micros(),
        gate.expires_at.map(Timestamp::micros),
        gate.on_expiry.word(),
    ];
    execute(db, sql::gates::INSERT, values)?;
    Ok(())
}

fn row(row: &Row<'_>) -> rusqlite::Result<GateRow> {
    let by: Option<String> = row.get("decided_by")?;
    let decided_by = match (get_option(row, "decided_by_kind")?, by) {
        (Some(kind), Some(id)) => Some(Actor { kind, id }),
        _ => None,
    };
    Ok(GateRow {
        id: get(row, "id")?,
        workspace: get(row, "workspace_id")?,
        task: TaskRef { run: get(row, "run_id")?, n: row.get("n")? },
        task_key: row.get("task_key")?,
        task_index: row.get("task_index")?,
        run_name: row.get("run_name")?,
        owner: row.get("owner_id")?,
        started_by: row.get("started_by")?,
        step: steps::key(row)?,
        step_name: row.get("step_name")?,
        kind: get(row, "kind")?,
        status: get(row, "status")?,
        role: get(row, "role")?,
        allow_self: row.get("allow_self")?,
        message: row.get("message")?,
        opened_at: get(row, "opened_at")?,
        expires_at: get_option(row, "expires_at")?,
        on_expiry: get(row, "on_expiry")?,
        decided_by,
        comment: row.get("comment")?,
        decided_at: get_option(row, "decided_at")?,
    })
}

pub fn rows(db: &Connection, statement: &str, values: impl Params) -> StoreResult<Vec<GateRow>> {
    let mut statement = db.prepare_cached(statement).map_err(failed)?;
    let found = statement.query_map(values, row).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn gate(db: &Connection, scope: Scope, id: GateId) -> StoreResult<Option<GateRow>> {
    Ok(rows(db, sql::gates::GET, params![key(id), filter(scope)])?.pop())
}

pub fn list(db: &Connection, scope: Scope, wanted: &GateFilter) -> StoreResult<Vec<GateRow>> {
    let (before, limit) = (wanted.before.map_or([u8::MAX; 16], key), wanted.limit.min(ROWS_MAX));
    if let Some(run) = wanted.run {
        let values = params![filter(scope), wanted.owner, before, limit, run_key(run), wanted.open];
        return rows(db, sql::gates::LIST_OF_RUN, values);
    }
    let statement = if wanted.open { sql::gates::LIST_OPEN } else { sql::gates::LIST };
    rows(db, statement, params![filter(scope), wanted.owner, before, limit])
}

pub fn decide(db: &Connection, scope: Scope, decision: &Decision) -> StoreResult<Decided> {
    let no_gate = || StoreError::NotFound(format!("gate `{}`", decision.gate));
    let found = gate(db, scope, decision.gate)?.ok_or_else(no_gate)?;
    if found.status != GateStatus::Open {
        let is_told = decision.repeats(&found) || planted::is(Bug::GateDecidedTwice);
        return Ok(if is_told { Decided::Done(found) } else { Decided::Before(found) });
    }
    close(db, &found, decision, GateStatus::Rejected)?;
    Ok(Decided::Done(gate(db, scope, decision.gate)?.ok_or_else(no_gate)?))
}

pub fn expire(db: &Connection, scope: Scope, id: GateId, now: Timestamp) -> StoreResult<bool> {
    let Some(found) = gate(db, scope, id)? else { return Ok(false) };
    let Some(decision) = found.expiry(now) else { return Ok(false) };
    close(db, &found, &decision, GateStatus::Expired)?;
    Ok(true)
}

/// Ends an open gate, the step that waits for it and, if nothing else is waited for, the wait of its task.
fn close(db: &Connection, gate: &GateRow, decision: &Decision, rejected: GateStatus) -> StoreResult<()> {
    let (run, now) = (gate.task.run, decision.now);
    let status = if decision.approve { GateStatus::Approved } else { rejected };
    let by = (decision.actor.kind.word(), decision.actor.id.as_str());
    execute(db, sql::gates::CLOSE, params![key(gate.id), status.word(), by.0, by.1, decision.comment, now.micros()])?;
    let mut raised = None;
    if decision.approve && gate.kind == GateKind::Budget {
        raised = budgets::grant(db, run, decision.grant)?;
    } else {
        let mut ledger = Ledger::new(gate.task, steps::step(db, gate.task, gate.step)?, now);
        ledger.decide(gate.step, decision.failure(gate.kind, status));
        steps::store(db, gate.workspace, &ledger)?;
    }
    let head = change::head_or_not_found(db, Scope::All, run)?;
    let waiting = steps::open_tasks(db, run, Some(gate.task.n), false)?.pop().filter(|task| task.is_waiting);
    let groups = change::load_groups(db, run, &waiting.iter().map(|task| task.g).collect(), |_| Reach::Children)?;
    let others = open(db, gate.task)?;
    let mut graph = RunGraph::new(head, groups, decision.actor.clone(), now);
    graph.end_gates(&[gate.end(status, decision.comment.clone())]);
    if let Some(allowance) = raised {
        graph.raise_budget(gate.task.n, gate.id, allowance);
    }
    if !decision.approve {
        cancel(db, &mut graph, gate.task.n, now)?;
    }
    if let Some(task) = waiting.filter(|_| others.is_empty() || !decision.approve) {
        execute(db, sql::tasks::WAIT_OVER, params![run_key(run), task.n])?;
        graph.go_on(task);
    }
    change::close(db, graph, None, now)?;
    Ok(())
}

/// Cancels the gates of a task that nobody has decided.
pub fn cancel(db: &Connection, graph: &mut RunGraph, n: u32, now: Timestamp) -> StoreResult<()> {
    let ends = open(db, TaskRef { run: graph.head.run, n })?;
    for end in &ends {
        let nobody = None::<String>;
        let values = params![key(end.gate), end.status.word(), nobody, nobody, nobody, now.micros()];
        execute(db, sql::gates::CLOSE, values)?;
    }
    graph.end_gates(&ends);
    Ok(())
}

/// The gates of a task that nobody has decided, as they are cancelled.
fn open(db: &Connection, task: TaskRef) -> StoreResult<Vec<GateEnd>> {
    let mut statement = db.prepare_cached(sql::gates::OPEN).map_err(failed)?;
    let found = statement
        .query_map(params![run_key(task.run), task.n], |row| {
            Ok(GateEnd {
                n: task.n,
                gate: get(row, "id")?,
                kind: get(row, "kind")?,
                status: GateStatus::Cancelled,
                step: steps::key(row)?,
                step_name: row.get("step_name")?,
                comment: None,
            })
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn expired(db: &Connection, scope: Scope, now: Timestamp, limit: u32) -> StoreResult<Vec<GateId>> {
    let mut statement = db.prepare_cached(sql::gates::EXPIRED).map_err(failed)?;
    let values = params![now.micros(), filter(scope), limit.min(ROWS_MAX)];
    let found = statement.query_map(values, |row| row.get::<_, Cell<GateId>>(0)).map_err(failed)?;
    found.map(|row| row.map(|cell| cell.0).map_err(failed)).collect()
}

pub fn next_expiry(db: &Connection, scope: Scope) -> StoreResult<Option<Timestamp>> {
    let mut statement = db.prepare_cached(sql::gates::NEXT_EXPIRY).map_err(failed)?;
    let found = statement.query_row(params![filter(scope)], |row| row.get::<_, Cell<Timestamp>>(0));
    Ok(found.optional().map_err(failed)?.map(|cell| cell.0))
}

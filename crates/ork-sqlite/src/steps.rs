//! The steps of attempts: written under their lease, and closed when their attempt is over without them.

use ork_core::attempt::Failure;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::graph::{LeaseId, OpenAs, OpenTask, OpenedGate, RunGraph};
use ork_core::id::{RunId, TaskRef, WorkspaceId};
use ork_core::json::Json;
use ork_core::ledger::{Ledger, Refusal, Shortfall};
use ork_core::step::{Cost, StepKey, StepRow, Tokens};
use ork_core::store::{NewGate, ROWS_MAX, Scope, Standing, StepChange, StepWrite, StepsWritten};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::budgets::{self, big, count};
use crate::change::{self, execute};
use crate::connection::failed;
use crate::rows::{Cell, encode, filter, get, get_option, run_key, workspace_key};
use crate::settle::no_task;
use crate::{gates, sql, works};

pub fn step_row(row: &Row<'_>) -> rusqlite::Result<StepRow> {
    Ok(StepRow {
        task: TaskRef { run: get(row, "run_id")?, n: row.get("n")? },
        key: key(row)?,
        name: row.get("name")?,
        phase: get(row, "phase")?,
        step_type: get(row, "type")?,
        status: get(row, "status")?,
        lease: get(row, "lease")?,
        output: get_option(row, "output")?,
        error: get_option(row, "error")?,
        exit_code: row.get("exit_code")?,
        model: row.get("model")?,
        prompt: row.get("prompt")?,
        tokens: Tokens {
            input: count(row, "input_tokens")?,
            output: count(row, "output_tokens")?,
            cached: count(row, "cached_tokens")?,
        },
        cost_tokens: count(row, "cost_tokens")?,
        cost_micros: count(row, "cost_micros")?,
        reserved: Cost { tokens: count(row, "reserved_tokens")?, micros: count(row, "reserved_micros")? },
        started_at: get(row, "started_at")?,
        finished_at: get_option(row, "finished_at")?,
    })
}

/// Which try of which step a row names.
pub fn key(row: &Row<'_>) -> rusqlite::Result<StepKey> {
    Ok(StepKey {
        attempt: row.get("attempt")?,
        round: row.get("round")?,
        position: row.get("position")?,
        tried: row.get("try")?,
    })
}

pub fn rows(db: &Connection, statement: &str, values: impl Params) -> StoreResult<Vec<StepRow>> {
    let mut statement = db.prepare_cached(statement).map_err(failed)?;
    let found = statement.query_map(values, step_row).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

/// One try of one step.
pub fn step(db: &Connection, task: TaskRef, key: StepKey) -> StoreResult<Option<StepRow>> {
    let values = params![run_key(task.run), task.n, key.attempt, key.round, key.position, key.tried];
    Ok(rows(db, sql::steps::GET, values)?.pop())
}

pub fn list(
    db: &Connection,
    scope: Scope,
    task: TaskRef,
    after: Option<StepKey>,
    limit: u32,
) -> StoreResult<Vec<StepRow>> {
    let from = after.unwrap_or(StepKey { attempt: 0, round: 0, position: 0, tried: 0 });
    let values = params![
        run_key(task.run),
        task.n,
        from.attempt,
        from.round,
        from.position,
        from.tried,
        filter(scope),
        limit.min(ROWS_MAX),
    ];
    rows(db, sql::steps::LIST, values)
}

pub fn standing(db: &Connection, scope: Scope, task: TaskRef, attempt: u32) -> StoreResult<Standing> {
    let mut statement = db.prepare_cached(sql::tasks::STANDING).map_err(failed)?;
    let found = statement
        .query_row(params![run_key(task.run), task.n, filter(scope)], |row| {
            Ok((get_option::<OpenAs>(row, "open_as")?, get_option::<Failure>(row, "error")?))
        })
        .optional()
        .map_err(failed)?;
    let (open_as, error) = found.ok_or_else(|| no_task(task))?;
    let of = params![run_key(task.run), task.n, attempt];
    Ok(Standing {
        open_as,
        steps: rows(db, sql::steps::OF_ATTEMPT, of)?,
        gates: gates::rows(db, sql::gates::OF_ATTEMPT, of)?,
        saved: works::get(db, task, attempt)?,
        error,
    })
}

/// The workspace of a lease, if it is the present one.
pub fn leased(
    db: &Connection,
    scope: Scope,
    task: TaskRef,
    attempt: u32,
    lease: LeaseId,
) -> StoreResult<Option<WorkspaceId>> {
    let mut statement = db.prepare_cached(sql::leases::WORKSPACE).map_err(failed)?;
    let values = params![run_key(task.run), task.n, attempt, lease.0, filter(scope)];
    let found = statement.query_row(values, |row| row.get::<_, Cell<WorkspaceId>>(0)).optional().map_err(failed)?;
    Ok(found.map(|cell| cell.0))
}

pub fn write(db: &Connection, scope: Scope, write: &StepWrite, by: (&Actor, Timestamp)) -> StoreResult<StepsWritten> {
    let task = write.task;
    let Some(workspace) = leased(db, scope, task, write.attempt, write.lease)? else {
        return Ok(StepsWritten::Stale);
    };
    let mut ledger = load(db, write, workspace, by.1)?;
    match ledger.write(write) {
        Err(Refusal::Illegal(error)) => Err(error),
        Err(Refusal::Short(short)) => over_budget(db, task, short, by),
        Ok(()) => {
            let head = change::head_or_not_found(db, Scope::All, task.run)?;
            let mut graph = RunGraph::new(head, Vec::new(), by.0.clone(), by.1);
            ledger.note(&mut graph);
            store(db, workspace, &ledger)?;
            change::close(db, graph, None, by.1)?;
            Ok(StepsWritten::Done)
        }
    }
}

fn load(db: &Connection, write: &StepWrite, workspace: WorkspaceId, now: Timestamp) -> StoreResult<Ledger> {
    let mut found = Vec::new();
    for change in &write.changes {
        found.extend(step(db, write.task, change.key())?);
    }
    let mut ledger = Ledger::new(write.task, found, now);
    if !ledger.counts(write) {
        return Ok(ledger);
    }
    let mut taken = db.prepare_cached(sql::steps::TAKEN).map_err(failed)?;
    for change in &write.changes {
        let StepChange::Begin(begin) = change else { continue };
        if begin.allowance.is_some() {
            let position = begin.key.position;
            let sum = taken.query_row(params![run_key(write.task.run), write.task.n, position], |row| {
                Ok(Cost { tokens: row.get::<_, i64>(0)?.unsigned_abs(), micros: row.get::<_, i64>(1)?.unsigned_abs() })
            });
            ledger.add_taken(position, sum.map_err(failed)?);
        }
    }
    ledger.add_budgets(budgets::counted(db, workspace, write.task.run)?);
    Ok(ledger)
}

/// Says once for each try of a step that its call did not fit.
fn over_budget(db: &Connection, task: TaskRef, short: Shortfall, by: (&Actor, Timestamp)) -> StoreResult<StepsWritten> {
    let mut said = db.prepare_cached(sql::events::SHORTAGE).map_err(failed)?;
    if !said.exists(params![run_key(task.run), task.n.to_string(), short.mark()]).map_err(failed)? {
        let head = change::head_or_not_found(db, Scope::All, task.run)?;
        let mut graph = RunGraph::new(head, Vec::new(), by.0.clone(), by.1);
        graph.note_shortage(task.n, short.payload());
        change::close(db, graph, None, by.1)?;
    }
    Ok(StepsWritten::OverBudget(short.shortage))
}

/// Stores what a ledger changed.
pub fn store(db: &Connection, workspace: WorkspaceId, ledger: &Ledger) -> StoreResult<()> {
    for row in ledger.changed() {
        put(db, workspace, row)?;
    }
    budgets::store(db, ledger.budgets())
}

fn put(db: &Connection, workspace: WorkspaceId, row: &StepRow) -> StoreResult<()> {
    let StepRow { task, key, tokens, reserved, .. } = row;
    let error = row.error.as_ref().map(encode).transpose()?;
    let values = params![
        run_key(task.run),
        task.n,
        key.attempt,
        key.round,
        key.position,
        key.tried,
        workspace_key(workspace),
        row.name,
        row.phase.word(),
        row.step_type.word(),
        row.status.word(),
        row.lease.0,
        row.output.as_ref().map(Json::as_str),
        error,
        row.exit_code,
        row.model,
        row.prompt,
        big(tokens.input),
        big(tokens.output),
        big(tokens.cached),
        big(row.cost_tokens),
        big(row.cost_micros),
        big(reserved.tokens),
        big(reserved.micros),
        row.started_at.micros(),
        row.finished_at.map(Timestamp::micros),
    ];
    execute(db, sql::steps::PUT, values)?;
    Ok(())
}

/// Closes the steps of attempts that are over by this change although their steps are not.
pub fn close_lost(db: &Connection, graph: &mut RunGraph, now: Timestamp) -> StoreResult<()> {
    let (run, workspace) = (graph.head.run, graph.head.workspace);
    for (n, attempt) in graph.attempts_over() {
        let open = rows(db, sql::steps::OPEN, params![run_key(run), n, attempt])?;
        if open.is_empty() {
            continue;
        }
        let mut ledger = Ledger::new(TaskRef { run, n }, open, now);
        ledger.add_budgets(budgets::counted(db, workspace, run)?);
        ledger.lose();
        ledger.note(graph);
        store(db, workspace, &ledger)?;
    }
    Ok(())
}

/// Opens gates, and lets their steps wait.
pub fn open_gates(
    db: &Connection,
    (run, workspace): (RunId, WorkspaceId),
    opened: &[OpenedGate],
    now: Timestamp,
) -> StoreResult<()> {
    for OpenedGate { n, gate } in opened {
        gates::insert(db, TaskRef { run, n: *n }, workspace, gate, now)?;
        let NewGate { step, step_name, is_budget, .. } = gate;
        let at = params![
            run_key(run),
            n,
            step.attempt,
            step.round,
            step.position,
            step.tried,
            step_name,
            is_budget,
            now.micros()
        ];
        execute(db, sql::steps::WAIT, at)?;
    }
    Ok(())
}

/// Tasks without a lease whose attempt is not over: of a sweep, or one.
pub fn open_tasks(db: &Connection, run: RunId, n: Option<u32>, spare_run_if: bool) -> StoreResult<Vec<OpenTask>> {
    let mut statement = db.prepare_cached(sql::tasks::OPEN).map_err(failed)?;
    let found = statement
        .query_map(params![run_key(run), n, spare_run_if], |row| {
            Ok(OpenTask { g: row.get(0)?, n: row.get(1)?, attempt: row.get(2)?, is_waiting: row.get(3)? })
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

/// Has the steps of cancelled attempts put away that hold no lease, and have been taken out of the queue.
pub fn wind_up(db: &Connection, graph: &mut RunGraph, tasks: &[OpenTask], now: Timestamp) -> StoreResult<()> {
    let run = graph.head.run;
    for task in tasks {
        gates::cancel(db, graph, task.n, now)?;
        execute(db, sql::tasks::WIND_UP, params![run_key(run), task.n])?;
    }
    graph.wind_up(tasks);
    Ok(())
}

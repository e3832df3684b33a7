//! Runs: created, read, and told what people want of them.

use ork_core::access::Settings;
use ork_core::attempt::Failure;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::graph::{Birth, NewRun, Pin, RunGraph, birth};
use ork_core::id::{RunId, WorkspaceId};
use ork_core::json::Json;
use ork_core::planted::{self, Bug};
use ork_core::state::Reason;
use ork_core::store::{ROWS_MAX, RunFilter, RunRow, Scope, StoredPlan, Submitted};
use ork_core::webhook::{RunWebhook, SigningSecret, Wanted};
use ork_core::workspace::Load;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::change::{self, execute};
use crate::connection::failed;
use crate::rows::{self, Cell, encode, filter, get, run_key, workspace_key};
use crate::{budgets, retention, sql};

pub fn submit(db: &Connection, new: &NewRun) -> StoreResult<Submitted> {
    if let Some(existing) = run(db, Scope::All, new.id)? {
        if existing.workspace != new.workspace {
            return Err(StoreError::Conflict("the run's id is taken".into()));
        }
        return Ok(Submitted::Existing);
    }
    // The id of a run that is not kept any more is taken, too.
    if retention::tombstone(db, Scope::All, new.id)?.is_some() {
        return Ok(Submitted::Existing);
    }
    let (settings, told) = settings(db, new.workspace)?;
    let born = birth(new, told);
    check_quotas(db, new, &settings, &born)?;
    insert_run(db, new)?;
    budgets::create(db, new.id, new.workspace, &new.plan)?;
    insert_graph(db, new, &born)?;
    let reused = born.reused_from.clone();
    write_birth(db, new, born)?;
    for (n, from) in reused {
        execute(db, sql::tasks::NOTE_REUSE, params![run_key(new.id), n, run_key(from.run), from.n])?;
    }
    Ok(Submitted::Created)
}

/// What a workspace has decided, and what its endpoints want to be told of.
fn settings(db: &Connection, workspace: WorkspaceId) -> StoreResult<(Settings, Wanted)> {
    let mut settings = db.prepare_cached(sql::workspaces::SETTINGS).map_err(failed)?;
    let found = settings.query_row(params![workspace_key(workspace)], |row| {
        Ok((get::<Settings>(row, "settings")?, Wanted::from_bits(row.get("told")?)))
    });
    Ok(found.optional().map_err(failed)?.unwrap_or_default())
}

/// There is one writer, so nothing comes between this count and the commit.
fn check_quotas(db: &Connection, new: &NewRun, settings: &Settings, born: &Birth) -> StoreResult<()> {
    let workspace = workspace_key(new.workspace);
    if !settings.limits_runs() {
        return Ok(());
    }
    let mut load = db.prepare_cached(sql::runs::LOAD).map_err(failed)?;
    let (runs, tasks): (i64, i64) =
        load.query_row(params![workspace], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
    settings.admit(Load { live_runs: runs.unsigned_abs(), live_tasks: tasks.unsigned_abs() }, &born.head)
}

fn insert_run(db: &Connection, new: &NewRun) -> StoreResult<()> {
    let run = run_key(new.id);
    let host = match &new.pin {
        Pin::Host(host) => Some(host.as_str()),
        Pin::Anywhere | Pin::Process => None,
    };
    let deadline = new.plan.timeout_ms.map(|ms| new.now.plus_ms(ms).micros());
    let inserted = execute(
        db,
        sql::runs::INSERT,
        params![
            run,
            workspace_key(new.workspace),
            new.external_id,
            new.plan.name,
            new.priority.unwrap_or(new.plan.priority),
            new.plan_source,
            encode(&new.plan)?,
            new.input.as_str(),
            new.triggered_by.word(),
            new.retry_of.map(run_key),
            host,
            new.pin == Pin::Process,
            new.project,
            new.plan.concurrency.as_ref().map(|c| c.key.as_str()),
            deadline,
            new.now.micros(),
            new.owner,
            new.revision.map(|of| *of.workflow.uuid().as_bytes()),
            new.revision.map(|of| *of.revision.uuid().as_bytes()),
            new.webhook.as_ref().map(|webhook| &webhook.url),
            new.webhook.as_ref().and_then(RunWebhook::sealed),
            new.webhook.as_ref().and_then(RunWebhook::named),
            new.webhook.as_ref().map(|webhook| webhook.events.stored()),
            new.webhook.as_ref().map(|webhook| webhook.format.word()),
        ],
    )
    .map_err(|error| taken(error, new))?;
    debug_assert_eq!(inserted, 1, "the id was looked up in this transaction");
    for (key, value) in &new.plan.labels {
        execute(db, sql::runs::INSERT_LABELS, params![run, key, value, workspace_key(new.workspace)])?;
    }
    if let Some(concurrency) = &new.plan.concurrency {
        let priority = new.priority.unwrap_or(new.plan.priority);
        execute(
            db,
            sql::slots::INSERT_RUN,
            params![run, workspace_key(new.workspace), concurrency.key, concurrency.limit, priority],
        )?;
    }
    Ok(())
}

/// Whom a run tells of itself.
fn webhook(row: &Row<'_>) -> rusqlite::Result<Option<RunWebhook>> {
    let Some(url) = row.get("webhook_url")? else { return Ok(None) };
    let sealed = row.get::<_, Option<Vec<u8>>>("webhook_secret")?.map(SigningSecret::Sealed);
    let named = row.get::<_, Option<String>>("webhook_secret_name")?.map(SigningSecret::Named);
    let (events, format) = (get(row, "webhook_events")?, get(row, "webhook_format")?);
    Ok(Some(RunWebhook { url, secret: sealed.or(named), events, format }))
}

fn taken(error: StoreError, new: &NewRun) -> StoreError {
    match (&error, &new.external_id) {
        (StoreError::Conflict(text), Some(external_id)) if text.contains("external_id") => {
            StoreError::Conflict(format!("a run with the external id `{external_id}` exists"))
        }
        _ => error,
    }
}

fn insert_graph(db: &Connection, new: &NewRun, born: &Birth) -> StoreResult<()> {
    let head = &born.head;
    execute(
        db,
        sql::heads::INSERT,
        params![
            run_key(head.run),
            workspace_key(head.workspace),
            head.status.word(),
            head.paused,
            head.held,
            head.stopping,
            head.cancelling.map(|reason| reason.word()),
            rows::on_failure_word(head.on_failure),
            head.has_result,
            head.seq.cast_signed(),
            head.tasks_total,
            head.tasks_left,
            head.tasks_bad,
            new.told().bits(),
        ],
    )?;
    for group in born.groups.values() {
        let spec = &group.spec;
        execute(
            db,
            sql::groups::INSERT,
            params![
                run_key(new.id),
                group.g,
                workspace_key(new.workspace),
                spec.key,
                encode(&spec.children)?,
                spec.parents,
                spec.run_if.map(rows::run_if_word),
                spec.deep,
                spec.evaluated,
                spec.lane,
                spec.priority,
                spec.concurrency.as_ref().map(|c| c.key.as_str()),
                spec.concurrency.as_ref().map(|c| c.limit),
                encode(&spec.retry)?,
                spec.at_most_once,
                group.phase.word(),
                group.first,
                group.rest,
                group.size,
                group.items.as_ref().map(Json::as_str),
                group.tasks_left,
                group.tasks_bad,
                group.tasks_unmet,
                group.parents_left,
                group.parents_bad,
                group.parents_unmet,
                group.ended.to_string(),
            ],
        )?;
        change::insert_tasks(db, new.id, new.workspace, group, 0)?;
    }
    Ok(())
}

fn write_birth(db: &Connection, new: &NewRun, born: Birth) -> StoreResult<()> {
    change::write(db, (born.head, born.groups, born.changes), None, new.now)?;
    Ok(())
}

pub fn run(db: &Connection, scope: Scope, id: RunId) -> StoreResult<Option<RunRow>> {
    let mut statement = db.prepare_cached(sql::runs::GET).map_err(failed)?;
    let found = statement.query_row(params![run_key(id), filter(scope)], rows::run_row).optional().map_err(failed)?;
    found.map(|row| with_labels(db, row)).transpose()
}

pub fn runs(db: &Connection, scope: Scope, wanted: &RunFilter) -> StoreResult<Vec<RunRow>> {
    let statuses: Vec<&str> = wanted.statuses.iter().map(|status| status.word()).collect();
    let micros = |at: Option<Timestamp>| at.map(Timestamp::micros);
    let statement = if wanted.is_unacknowledged { sql::runs::LIST_UNACKNOWLEDGED } else { sql::runs::LIST };
    let mut statement = db.prepare_cached(statement).map_err(failed)?;
    let found = statement
        .query_map(
            params![
                filter(scope),
                wanted.before.map_or([u8::MAX; 16], run_key),
                wanted.name,
                if statuses.is_empty() { None } else { Some(encode(&statuses)?) },
                if wanted.labels.is_empty() { None } else { Some(encode(&wanted.labels)?) },
                wanted.is_held,
                wanted.is_retrying,
                micros(wanted.created.from),
                micros(wanted.created.until),
                micros(wanted.started.from),
                micros(wanted.started.until),
                micros(wanted.finished.from),
                micros(wanted.finished.until),
                wanted.limit.min(ROWS_MAX),
                wanted.owner,
            ],
            rows::run_row,
        )
        .map_err(failed)?;
    found.map(|row| with_labels(db, row.map_err(failed)?)).collect()
}

fn with_labels(db: &Connection, mut row: RunRow) -> StoreResult<RunRow> {
    let mut statement = db.prepare_cached(sql::runs::LABELS).map_err(failed)?;
    let labels = statement.query_map(params![run_key(row.id)], |r| Ok((r.get(0)?, r.get(1)?))).map_err(failed)?;
    row.labels = labels.collect::<Result<_, _>>().map_err(failed)?;
    Ok(row)
}

pub fn runs_by_prefix(db: &Connection, scope: Scope, hex: &str) -> StoreResult<Vec<RunId>> {
    let digits: String = hex.chars().filter(|c| *c != '-').collect();
    if digits.is_empty() || digits.len() > 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(Vec::new());
    }
    let bound = |fill: &str| -> u128 {
        let padded = format!("{digits}{}", fill.repeat(32 - digits.len()));
        u128::from_str_radix(&padded, 16).unwrap_or(0)
    };
    let (low, high) = (bound("0").to_be_bytes(), bound("f").to_be_bytes());
    let mut statement = db.prepare_cached(sql::runs::BETWEEN).map_err(failed)?;
    let found =
        statement.query_map(params![low, high, filter(scope)], |row| row.get::<_, Cell<RunId>>(0)).map_err(failed)?;
    found.map(|row| row.map(|cell| cell.0).map_err(failed)).collect()
}

pub fn run_by_external_id(db: &Connection, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<RunId>> {
    let mut statement = db.prepare_cached(sql::runs::BY_EXTERNAL_ID).map_err(failed)?;
    let found = statement.query_row(params![workspace_key(workspace), external_id], |row| row.get::<_, Cell<RunId>>(0));
    Ok(found.optional().map_err(failed)?.map(|cell| cell.0))
}

pub fn plans(db: &Connection, scope: Scope, ids: &[RunId]) -> StoreResult<Vec<StoredPlan>> {
    let mut statement = db.prepare_cached(sql::runs::PLANS).map_err(failed)?;
    let mut plans = Vec::with_capacity(ids.len());
    for id in ids {
        let plan = statement
            .query_row(params![run_key(*id), filter(scope)], |row| {
                Ok(StoredPlan {
                    run: *id,
                    workspace: get(row, "workspace_id")?,
                    plan: get(row, "plan")?,
                    input: get(row, "input")?,
                    project: row.get("project")?,
                    host: row.get("host")?,
                    webhook: webhook(row)?,
                })
            })
            .optional()
            .map_err(failed)?;
        plans.extend(plan);
    }
    Ok(plans)
}

pub fn source(db: &Connection, scope: Scope, id: RunId) -> StoreResult<Option<String>> {
    let mut statement = db.prepare_cached(sql::runs::SOURCE).map_err(failed)?;
    let found =
        statement.query_row(params![run_key(id), filter(scope)], |row| row.get(0)).optional().map_err(failed)?;
    Ok(found.flatten())
}

pub fn acknowledge(db: &Connection, scope: Scope, id: RunId, by: (&Actor, Timestamp)) -> StoreResult<bool> {
    let params = params![run_key(id), by.1.micros(), by.0.id, filter(scope)];
    if execute(db, sql::runs::ACKNOWLEDGE, params)? > 0 {
        change::say(db, change::head_or_not_found(db, scope, id)?, by, RunGraph::acknowledge)?;
        return Ok(true);
    }
    let row = run(db, scope, id)?.ok_or_else(|| StoreError::NotFound(format!("run `{id}`")))?;
    row.acknowledged().map(|_| false)
}

/// Loads a whole run, lets `change` change it, and writes that if it says that something changed.
pub fn control(
    db: &Connection,
    (scope, id): (Scope, RunId),
    by: (&Actor, Timestamp),
    result: Option<&Json>,
    change: impl FnOnce(&mut RunGraph) -> bool,
) -> StoreResult<bool> {
    let head = change::head_or_not_found(db, scope, id)?;
    let mut graph = change::open_whole(db, head, by)?;
    if !change(&mut graph) {
        return Ok(false);
    }
    change::close(db, graph, result, by.1)?;
    Ok(true)
}

pub fn cancel(db: &Connection, scope: Scope, id: RunId, reason: Reason, by: (&Actor, Timestamp)) -> StoreResult<bool> {
    let done = control(db, (scope, id), by, None, |graph| graph.cancel(reason))?;
    if done {
        execute(db, sql::runs::REQUEST_CANCEL, params![run_key(id), by.1.micros(), by.0.id])?;
    }
    Ok(done)
}

pub fn pause(db: &Connection, scope: Scope, id: RunId, by: (&Actor, Timestamp)) -> StoreResult<bool> {
    let head = change::head_or_not_found(db, scope, id)?;
    let mut graph = change::open_whole(db, head, by)?;
    if !graph.pause() {
        return Ok(false);
    }
    // What a run that is being cancelled has in the queue is to be put away all the same.
    if !planted::is(Bug::ClaimPastPause) && graph.head.cancelling.is_none() {
        change::drop_queued(db, &graph, false)?;
    }
    change::close(db, graph, None, by.1)?;
    Ok(true)
}

pub fn resume(db: &Connection, scope: Scope, id: RunId, by: (&Actor, Timestamp)) -> StoreResult<bool> {
    control(db, (scope, id), by, None, RunGraph::resume)
}

pub fn conclude(
    db: &Connection,
    scope: Scope,
    id: RunId,
    result: &Result<Json, Failure>,
    now: Timestamp,
) -> StoreResult<bool> {
    let actor = Actor::system("scheduler");
    let (value, failure) = (result.as_ref().ok(), result.as_ref().err());
    control(db, (scope, id), (&actor, now), value, |graph| graph.conclude(failure))
}

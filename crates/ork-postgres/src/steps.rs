//! The steps of attempts: written under their lease, and closed when their attempt is over without them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::graph::{LeaseId, OpenTask};
use ork_core::id::{GateId, RunId, TaskRef, WorkspaceId};
use ork_core::json::Json;
use ork_core::ledger::{Ledger, Refusal, Shortfall};
use ork_core::step::{Cost, StepKey, StepRow, Tokens};
use ork_core::store::{
    Decided, Decision, GateFilter, GateRow, ROWS_MAX, SavedWork, Scope, Standing, StepChange, StepWrite, Steps,
    StepsWritten, WorkPart,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::budgets::Locked;
use crate::change::{Also, Open, close};
use crate::conn::{Batch, Conn, one};
use crate::fault::Work;
use crate::rows::{self, Columns, big, encode, filter, int};
use crate::sql::Sql;
use crate::store::{PgStore, Transition};
use crate::{gates, works};

#[async_trait]
impl Steps for PgStore {
    async fn standing(&self, scope: Scope, task: TaskRef, attempt: u32) -> StoreResult<Standing> {
        self.read(scope, Stand { scope, task, attempt }).await
    }

    async fn write_steps(
        &self,
        scope: Scope,
        write: &StepWrite,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<StepsWritten> {
        self.write(scope, WriteSteps { scope, write: write.clone(), actor: actor.clone(), now }).await
    }

    async fn steps(
        &self,
        scope: Scope,
        task: TaskRef,
        after: Option<StepKey>,
        limit: u32,
    ) -> StoreResult<Vec<StepRow>> {
        let StepKey { attempt, round, position, tried } =
            after.unwrap_or(StepKey { attempt: 0, round: 0, position: 0, tried: 0 });
        let values: [&(dyn ToSql + Sync); 8] = [
            &task.run.uuid(),
            &int(task.n),
            &int(attempt),
            &int(round),
            &int(position),
            &int(tried),
            &filter(scope),
            &i64::from(limit.min(ROWS_MAX)),
        ];
        self.select(scope, Sql::StepsList, &values).await?.iter().map(row).collect()
    }

    async fn gate(&self, scope: Scope, gate: GateId) -> StoreResult<Option<GateRow>> {
        let rows = self.select(scope, Sql::GatesGet, &[&gate.uuid(), &filter(scope)]).await?;
        rows.first().map(gates::row).transpose()
    }

    async fn gates(&self, scope: Scope, wanted: &GateFilter) -> StoreResult<Vec<GateRow>> {
        let values: [&(dyn ToSql + Sync); 6] = [
            &filter(scope),
            &wanted.owner,
            &wanted.before.map(GateId::uuid),
            &wanted.run.map(RunId::uuid),
            &wanted.open,
            &i64::from(wanted.limit.min(ROWS_MAX)),
        ];
        self.select(scope, Sql::GatesList, &values).await?.iter().map(gates::row).collect()
    }

    async fn decide(&self, scope: Scope, decision: &Decision) -> StoreResult<Decided> {
        self.write(scope, gates::Decide { scope, decision: decision.clone() }).await
    }

    async fn expired_gates(&self, scope: Scope, now: Timestamp, limit: u32) -> StoreResult<Vec<GateId>> {
        let values: [&(dyn ToSql + Sync); 3] = [&now.micros(), &filter(scope), &i64::from(limit.min(ROWS_MAX))];
        let rows = self.select(scope, Sql::GatesExpired, &values).await?;
        rows.iter().map(|row| Columns::of(row, "gates").next("id")).collect()
    }

    async fn next_expiry(&self, scope: Scope) -> StoreResult<Option<Timestamp>> {
        let rows = self.select(scope, Sql::GatesNextExpiry, &[&filter(scope)]).await?;
        rows.first().map(|row| Columns::of(row, "gates").next("expires_at")).transpose()
    }

    async fn expire_gate(&self, scope: Scope, gate: GateId, now: Timestamp) -> StoreResult<bool> {
        self.write(scope, gates::Expire { scope, gate, now }).await
    }

    async fn save_part(&self, scope: Scope, part: &WorkPart) -> StoreResult<bool> {
        self.write(scope, works::SavePart { scope, part: part.clone() }).await
    }

    async fn keep_work(&self, scope: Scope, at: (TaskRef, u32, LeaseId), saved: &SavedWork) -> StoreResult<bool> {
        self.write(scope, works::Keep { scope, at, saved: saved.clone() }).await
    }

    async fn work_part(
        &self,
        scope: Scope,
        (task, attempt): (TaskRef, u32),
        number: u32,
        part: u32,
    ) -> StoreResult<Option<Vec<u8>>> {
        let values: [&(dyn ToSql + Sync); 6] =
            [&task.run.uuid(), &int(task.n), &int(attempt), &int(number), &int(part), &filter(scope)];
        let rows = self.select(scope, Sql::WorksReadPart, &values).await?;
        rows.first().map(|row| Columns::of(row, "work_parts").next("bytes")).transpose()
    }

    async fn drop_work(&self, scope: Scope, at: (TaskRef, u32, LeaseId)) -> StoreResult<bool> {
        self.write(scope, works::Drop { scope, at }).await
    }
}

/// Reads the columns of `steps/of_run.sql` and its kin.
pub fn row(row: &Row) -> StoreResult<StepRow> {
    let mut c = Columns::of(row, "steps");
    let task = TaskRef { run: c.next("run_id")?, n: c.next("n")? };
    let key = key(&mut c)?;
    c.skip(1);
    Ok(StepRow {
        task,
        key,
        name: c.next("name")?,
        phase: c.next("phase")?,
        step_type: c.next("type")?,
        status: c.next("status")?,
        lease: c.next("lease")?,
        output: c.option("output")?,
        error: c.option("error")?,
        exit_code: c.option("exit_code")?,
        model: c.option("model")?,
        prompt: c.option("prompt")?,
        tokens: Tokens {
            input: c.next("input_tokens")?,
            output: c.next("output_tokens")?,
            cached: c.next("cached_tokens")?,
        },
        cost_tokens: c.next("cost_tokens")?,
        cost_micros: c.next("cost_micros")?,
        reserved: Cost { tokens: c.next("reserved_tokens")?, micros: c.next("reserved_micros")? },
        started_at: c.next("started_at")?,
        finished_at: c.option("finished_at")?,
    })
}

/// Reads which try of which step a row names.
pub fn key(c: &mut Columns<'_>) -> StoreResult<StepKey> {
    Ok(StepKey {
        attempt: c.next("attempt")?,
        round: c.next("round")?,
        position: c.next("position")?,
        tried: c.next("try")?,
    })
}

fn key_params<'a>(keys: &[StepKey]) -> [crate::conn::Param<'a>; 4] {
    let all = |value: fn(&StepKey) -> u32| one(keys.iter().map(|key| int(value(key))).collect::<Vec<_>>());
    [all(|k| k.attempt), all(|k| k.round), all(|k| k.position), all(|k| k.tried)]
}

/// Tries of steps of one task, those that are there.
pub async fn get(db: &Conn, task: TaskRef, keys: &[StepKey]) -> Work<Vec<StepRow>> {
    let mut batch = Batch::default();
    batch.add(Sql::StepsGet, get_params(task, keys));
    let answers = db.send(&batch).await?;
    Ok(answers[0].rows.iter().map(row).collect::<StoreResult<_>>()?)
}

fn get_params<'a>(task: TaskRef, keys: &[StepKey]) -> Vec<crate::conn::Param<'a>> {
    let mut params = vec![one(task.run.uuid()), one(int(task.n))];
    params.extend(key_params(keys));
    params
}

/// What a ledger has changed of steps.
pub fn changed(workspace: WorkspaceId, ledger: &Ledger) -> Vec<(WorkspaceId, StepRow)> {
    ledger.changed().map(|step| (workspace, step.clone())).collect()
}

/// Writes steps as they are now.
pub fn put(batch: &mut Batch<'_>, steps: &[(WorkspaceId, StepRow)]) -> StoreResult<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let workspaces: Vec<uuid::Uuid> = steps.iter().map(|(workspace, _)| workspace.uuid()).collect();
    let steps: Vec<&StepRow> = steps.iter().map(|(_, step)| step).collect();
    let errors = steps.iter().map(|step| step.error.as_ref().map(encode).transpose());
    let errors = errors.collect::<StoreResult<Vec<_>>>()?;
    let text = |value: fn(&StepRow) -> String| one(steps.iter().map(|step| value(step)).collect::<Vec<_>>());
    let some = |value: fn(&StepRow) -> Option<String>| one(steps.iter().map(|step| value(step)).collect::<Vec<_>>());
    let number = |value: fn(&StepRow) -> u64| one(steps.iter().map(|step| big(value(step))).collect::<Vec<_>>());
    let keys: Vec<StepKey> = steps.iter().map(|step| step.key).collect();
    let mut params = vec![
        one(steps.iter().map(|step| step.task.run.uuid()).collect::<Vec<_>>()),
        one(steps.iter().map(|step| int(step.task.n)).collect::<Vec<_>>()),
    ];
    params.extend(key_params(&keys));
    params.extend([
        one(workspaces),
        text(|step| step.name.clone()),
        text(|step| step.phase.word().into()),
        text(|step| step.step_type.word().into()),
        text(|step| step.status.word().into()),
        one(steps.iter().map(|step| step.lease.0).collect::<Vec<_>>()),
        some(|step| step.output.as_ref().map(|output| Json::as_str(output).into())),
        one(errors),
        one(steps.iter().map(|step| step.exit_code).collect::<Vec<_>>()),
        some(|step| step.model.clone()),
        some(|step| step.prompt.clone()),
        number(|step| step.tokens.input),
        number(|step| step.tokens.output),
        number(|step| step.tokens.cached),
        number(|step| step.cost_tokens),
        number(|step| step.cost_micros),
        number(|step| step.reserved.tokens),
        number(|step| step.reserved.micros),
        one(steps.iter().map(|step| step.started_at.micros()).collect::<Vec<_>>()),
        one(steps.iter().map(|step| step.finished_at.map(Timestamp::micros)).collect::<Vec<_>>()),
    ]);
    batch.add(Sql::StepsPut, params);
    Ok(())
}

struct WriteSteps {
    scope: Scope,
    write: StepWrite,
    actor: Actor,
    now: Timestamp,
}

impl Transition for WriteSteps {
    type Output = StepsWritten;

    async fn apply(&self, db: &Conn) -> Work<StepsWritten> {
        let StepWrite { task, attempt, lease, changes } = &self.write;
        let keys: Vec<StepKey> = changes.iter().map(StepChange::key).collect();
        let mut batch = Batch::default();
        batch.add(
            Sql::LeasesLock,
            vec![
                one(vec![task.run.uuid()]),
                one(vec![int(task.n)]),
                one(vec![int(*attempt)]),
                one(vec![lease.0]),
                one(filter(self.scope)),
            ],
        );
        batch.add(Sql::HeadsLock, vec![one(vec![task.run.uuid()]), one(filter(self.scope))]);
        batch.add(Sql::StepsGet, get_params(*task, &keys));
        let answers = db.begin_send(&batch).await?;
        let (Some(_), Some(head)) = (answers[0].rows.first(), answers[1].rows.first()) else {
            return Ok(StepsWritten::Stale);
        };
        let mut open = Open::new(rows::head(head)?, Vec::new(), &self.actor, self.now);
        let workspace = open.graph.head.workspace;
        let found = answers[2].rows.iter().map(row).collect::<StoreResult<Vec<_>>>()?;
        let mut ledger = Ledger::new(*task, found, self.now);
        let mut locked = Locked::default();
        if ledger.counts(&self.write) {
            self.add_taken(db, &mut ledger).await?;
            locked = Locked::take(db, &[(task.run, workspace)]).await?;
            ledger.add_budgets(locked.of(task.run, workspace));
        }
        let mut also = Also::default();
        let written = match ledger.write(&self.write) {
            Err(Refusal::Illegal(error)) => return Err(error.into()),
            Err(Refusal::Short(short)) => return self.over_budget(db, open, short).await,
            Ok(()) => StepsWritten::Done,
        };
        ledger.note(&mut open.graph);
        put(&mut also.first, &changed(workspace, &ledger))?;
        locked.put(ledger.budgets().iter().cloned());
        locked.store(&mut also.first);
        close(db, vec![open], self.now, also).await?;
        Ok(written)
    }
}

impl WriteSteps {
    /// What the steps that have an allowance of their own have used or reserved.
    async fn add_taken(&self, db: &Conn, ledger: &mut Ledger) -> Work<()> {
        let task = self.write.task;
        let limited = |change: &StepChange| match change {
            StepChange::Begin(begin) => begin.allowance.map(|_| int(begin.key.position)),
            StepChange::End(_) => None,
        };
        let positions: Vec<i32> = self.write.changes.iter().filter_map(limited).collect();
        if positions.is_empty() {
            return Ok(());
        }
        for row in db.rows(Sql::StepsTaken, &[&task.run.uuid(), &int(task.n), &positions]).await? {
            let mut c = Columns::of(&row, "steps");
            ledger.add_taken(c.next("position")?, Cost { tokens: c.next("tokens")?, micros: c.next("micros")? });
        }
        Ok(())
    }

    /// Says once for each try of a step that its call did not fit.
    async fn over_budget(&self, db: &Conn, mut open: Open, short: Shortfall) -> Work<StepsWritten> {
        let task = self.write.task;
        let values: [&(dyn ToSql + Sync); 3] = [&task.run.uuid(), &task.n.to_string(), &short.mark()];
        if db.row(Sql::EventsShortage, &values).await?.is_none() {
            open.graph.note_shortage(task.n, short.payload());
            close(db, vec![open], self.now, Also::default()).await?;
        }
        Ok(StepsWritten::OverBudget(short.shortage))
    }
}

struct Stand {
    scope: Scope,
    task: TaskRef,
    attempt: u32,
}

impl Transition for Stand {
    type Output = Standing;

    async fn apply(&self, db: &Conn) -> Work<Standing> {
        db.begin_snapshot().await?;
        let (run, n, attempt) = (self.task.run.uuid(), int(self.task.n), int(self.attempt));
        let Some(found) = db.row(Sql::TasksStanding, &[&run, &n, &filter(self.scope)]).await? else {
            return Err(StoreError::NotFound(format!("task `{}`", self.task.id())).into());
        };
        let mut batch = Batch::default();
        for sql in [Sql::StepsOfAttempt, Sql::GatesOfAttempt, Sql::WorksGet] {
            batch.add(sql, vec![one(run), one(n), one(attempt)]);
        }
        let answers = db.send(&batch).await?;
        db.commit().await?;
        let mut c = Columns::of(&found, "tasks");
        Ok(Standing {
            open_as: c.option("open_as")?,
            error: c.option("error")?,
            steps: answers[0].rows.iter().map(row).collect::<StoreResult<_>>()?,
            gates: answers[1].rows.iter().map(gates::row).collect::<StoreResult<_>>()?,
            saved: answers[2].rows.first().map(works::read).transpose()?,
        })
    }
}

/// Steps that were closed, and what they count for.
#[derive(Default)]
pub struct Closed {
    steps: Vec<(WorkspaceId, StepRow)>,
    budgets: Locked,
}

impl Closed {
    /// Writes all that.
    pub fn store(self, batch: &mut Batch<'_>) -> StoreResult<()> {
        put(batch, &self.steps)?;
        self.budgets.store(batch);
        Ok(())
    }
}

/// Closes the steps of attempts that are over by this change although their steps are not.
pub async fn close_lost(db: &Conn, opened: &mut [Open], now: Timestamp) -> Work<Closed> {
    let over: Vec<(RunId, u32, u32)> = (opened.iter())
        .flat_map(|open| open.graph.attempts_over().into_iter().map(|(n, attempt)| (open.graph.head.run, n, attempt)))
        .collect();
    if over.is_empty() {
        return Ok(Closed::default());
    }
    let mut wanted = Batch::default();
    wanted.add(
        Sql::StepsOpen,
        vec![
            one(over.iter().map(|(run, ..)| run.uuid()).collect::<Vec<_>>()),
            one(over.iter().map(|(_, n, _)| int(*n)).collect::<Vec<_>>()),
            one(over.iter().map(|(.., attempt)| int(*attempt)).collect::<Vec<_>>()),
        ],
    );
    let found = db.send(&wanted).await?[0].rows.iter().map(row).collect::<StoreResult<Vec<StepRow>>>()?;
    if found.is_empty() {
        return Ok(Closed::default());
    }
    let runs: BTreeSet<RunId> = found.iter().map(|step| step.task.run).collect();
    let of = opened.iter().map(|open| (open.graph.head.run, open.graph.head.workspace));
    let budgets = Locked::take(db, &of.filter(|(run, _)| runs.contains(run)).collect::<Vec<_>>()).await?;
    let mut closed = Closed { steps: Vec::with_capacity(found.len()), budgets };
    for open in opened {
        let (run, workspace) = (open.graph.head.run, open.graph.head.workspace);
        let tasks: BTreeSet<TaskRef> = found.iter().map(|step| step.task).filter(|task| task.run == run).collect();
        for task in tasks {
            let mut ledger = Ledger::new(task, found.iter().filter(|step| step.task == task).cloned(), now);
            ledger.add_budgets(closed.budgets.of(run, workspace));
            ledger.lose();
            ledger.note(&mut open.graph);
            closed.steps.extend(changed(workspace, &ledger));
            closed.budgets.put(ledger.budgets().iter().cloned());
        }
    }
    Ok(closed)
}

/// Tasks without a lease whose attempt is not over: of these runs, without those that run in spite of a stop where that is so
/// said, or one.
pub async fn open_tasks(db: &Conn, runs: &[(RunId, bool)], n: Option<u32>) -> Work<Vec<(RunId, OpenTask)>> {
    let ids: Vec<uuid::Uuid> = runs.iter().map(|(run, _)| run.uuid()).collect();
    let spare: Vec<bool> = runs.iter().map(|(_, spare)| *spare).collect();
    let rows = db.rows(Sql::TasksOpen, &[&ids, &spare, &n.map(int)]).await?;
    let open = |row: &Row| {
        let mut c = Columns::of(row, "tasks");
        let run = c.next("run_id")?;
        let (g, n, attempt) = (c.next("g")?, c.next("n")?, c.next("attempt")?);
        Ok((run, OpenTask { g, n, attempt, is_waiting: c.next("is_waiting")? }))
    };
    Ok(rows.iter().map(open).collect::<StoreResult<_>>()?)
}

/// Has the steps of cancelled attempts put away that hold no lease, and have been taken out of the queue.
pub async fn wind_up(db: &Conn, opened: &mut [Open], tasks: &[(RunId, OpenTask)], now: Timestamp) -> Work<()> {
    if tasks.is_empty() {
        return Ok(());
    }
    let names: Vec<(RunId, u32)> = tasks.iter().map(|(run, task)| (*run, task.n)).collect();
    let mut graphs: Vec<_> = opened.iter_mut().map(|open| &mut open.graph).collect();
    gates::cancel(db, &mut graphs, &names, now).await?;
    let runs: Vec<uuid::Uuid> = names.iter().map(|(run, _)| run.uuid()).collect();
    let numbers: Vec<i32> = names.iter().map(|(_, n)| int(*n)).collect();
    db.run(Sql::TasksWindUp, &[&runs, &numbers]).await?;
    for graph in graphs {
        let own: Vec<OpenTask> =
            tasks.iter().filter(|(run, _)| *run == graph.head.run).map(|(_, task)| *task).collect();
        graph.wind_up(&own);
    }
    Ok(())
}

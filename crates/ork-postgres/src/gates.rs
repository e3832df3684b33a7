//! Decisions that attempts wait for.

use std::collections::BTreeMap;

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{Actor, ActorKind};
use ork_core::graph::{GateEnd, OpenedGate, RunGraph};
use ork_core::id::{GateId, RunId, TaskRef, WorkspaceId};
use ork_core::ledger::Ledger;
use ork_core::store::{Decided, Decision, GateKind, GateRow, GateStatus, Scope};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::budgets;
use crate::change::{Also, Open, Reach, close, open};
use crate::conn::{Batch, Conn, one};
use crate::fault::Work;
use crate::rows::{Columns, filter, int};
use crate::sql::Sql;
use crate::steps;
use crate::store::Transition;
use crate::tasks::place;

/// Reads a row of `v_gates`.
pub fn row(row: &Row) -> StoreResult<GateRow> {
    let mut c = Columns::of(row, "gates");
    let (id, workspace) = (c.next("id")?, c.next("workspace_id")?);
    let task = TaskRef { run: c.next("run_id")?, n: c.next("n")? };
    let (task_key, task_index) = (c.next("task_key")?, c.next("task_index")?);
    let (run_name, owner, started_by) = (c.next("run_name")?, c.option("owner_id")?, c.next("started_by")?);
    let (step, step_name) = (steps::key(&mut c)?, c.next("step_name")?);
    let (kind, status, role) = (c.next("kind")?, c.next("status")?, c.next("role")?);
    let (allow_self, message) = (c.next("allow_self")?, c.option("message")?);
    let (opened_at, expires_at, on_expiry) = (c.next("opened_at")?, c.option("expires_at")?, c.next("on_expiry")?);
    let by: (Option<ActorKind>, Option<String>) = (c.option("decided_by_kind")?, c.option("decided_by")?);
    let decided_by = by.0.zip(by.1).map(|(kind, id)| Actor { kind, id });
    let (comment, decided_at) = (c.option("comment")?, c.option("decided_at")?);
    Ok(GateRow {
        id,
        workspace,
        task,
        task_key,
        task_index,
        run_name,
        owner,
        started_by,
        step,
        step_name,
        kind,
        status,
        role,
        allow_self,
        message,
        opened_at,
        expires_at,
        on_expiry,
        decided_by,
        comment,
        decided_at,
    })
}

async fn gate(db: &Conn, scope: Scope, id: GateId) -> Work<Option<GateRow>> {
    let found = db.row(Sql::GatesGet, &[&id.uuid(), &filter(scope)]).await?;
    Ok(found.as_ref().map(row).transpose()?)
}

/// A gate and its run, locked: nobody else decides meanwhile, and nobody cancels.
struct Locked {
    open: Open,
    gate: GateRow,
}

impl Locked {
    async fn take(db: &Conn, scope: Scope, id: GateId, by: (&Actor, Timestamp)) -> Work<Option<Self>> {
        let Some(seen) = gate(db, scope, id).await? else { return Ok(None) };
        let at = place(db, scope, seen.task).await?;
        let open = open(db, scope, seen.task.run, Reach::Group(at.g), by).await?;
        // What was read before the lock may have changed.
        Ok(gate(db, scope, id).await?.map(|gate| Self { open, gate }))
    }

    /// Ends an open gate, the step that waits for it and, if nothing else is waited for, the wait of its task.
    async fn end(self, db: &Conn, decision: &Decision, rejected: GateStatus) -> Work<GateRow> {
        let Self { mut open, gate } = self;
        let (run, n, now) = (gate.task.run, int(gate.task.n), decision.now);
        let status = if decision.approve { GateStatus::Approved } else { rejected };
        let (kind, by) = (decision.actor.kind.word(), &decision.actor.id);
        let values: [&(dyn ToSql + Sync); 6] =
            [&gate.id.uuid(), &status.word(), &kind, by, &decision.comment, &now.micros()];
        db.run(Sql::GatesClose, &values).await?;
        let mut also = Also::default();
        let mut raised = None;
        if decision.approve && gate.kind == GateKind::Budget {
            raised = budgets::grant(db, (run, gate.workspace), decision.grant, &mut also.first).await?;
        } else {
            let mut ledger = Ledger::new(gate.task, steps::get(db, gate.task, &[gate.step]).await?, now);
            ledger.decide(gate.step, decision.failure(gate.kind, status));
            steps::put(&mut also.first, &steps::changed(gate.workspace, &ledger))?;
        }
        open.graph.end_gates(&[gate.end(status, decision.comment.clone())]);
        if let Some(allowance) = raised {
            open.graph.raise_budget(gate.task.n, gate.id, allowance);
        }
        if !decision.approve {
            cancel(db, &mut [&mut open.graph], &[(run, gate.task.n)], now).await?;
        }
        let others = db.rows(Sql::GatesOpen, &[&run.uuid(), &n]).await?;
        let waiting = steps::open_tasks(db, &[(run, false)], Some(gate.task.n)).await?.pop();
        if let Some((_, task)) = waiting.filter(|(_, task)| task.is_waiting && others.is_empty()) {
            db.run(Sql::TasksWaitOver, &[&run.uuid(), &n]).await?;
            open.graph.go_on(task);
        }
        close(db, vec![open], now, also).await?;
        let decided_by = Some(decision.actor.clone());
        Ok(GateRow { status, decided_by, comment: decision.comment.clone(), decided_at: Some(now), ..gate })
    }
}

pub struct Decide {
    pub scope: Scope,
    pub decision: Decision,
}

impl Transition for Decide {
    type Output = Decided;

    async fn apply(&self, db: &Conn) -> Work<Decided> {
        let Decision { gate, actor, now, .. } = &self.decision;
        let Some(locked) = Locked::take(db, self.scope, *gate, (actor, *now)).await? else {
            return Err(StoreError::NotFound(format!("gate `{gate}`")).into());
        };
        if locked.gate.status != GateStatus::Open {
            let gate = locked.gate;
            return Ok(if self.decision.repeats(&gate) { Decided::Done(gate) } else { Decided::Before(gate) });
        }
        Ok(Decided::Done(locked.end(db, &self.decision, GateStatus::Rejected).await?))
    }
}

pub struct Expire {
    pub scope: Scope,
    pub gate: GateId,
    pub now: Timestamp,
}

impl Transition for Expire {
    type Output = bool;

    async fn apply(&self, db: &Conn) -> Work<bool> {
        let actor = Actor::system("scheduler");
        let Some(locked) = Locked::take(db, self.scope, self.gate, (&actor, self.now)).await? else {
            return Ok(false);
        };
        let Some(decision) = locked.gate.expiry(self.now) else { return Ok(false) };
        locked.end(db, &decision, GateStatus::Expired).await?;
        Ok(true)
    }
}

/// Cancels the gates of these tasks that nobody has decided; the heads of their runs are locked.
pub async fn cancel(db: &Conn, graphs: &mut [&mut RunGraph], tasks: &[(RunId, u32)], now: Timestamp) -> Work<()> {
    let runs: Vec<Uuid> = tasks.iter().map(|(run, _)| run.uuid()).collect();
    let numbers: Vec<i32> = tasks.iter().map(|(_, n)| int(*n)).collect();
    let mut ends: BTreeMap<RunId, Vec<GateEnd>> = BTreeMap::new();
    for row in db.rows(Sql::GatesCancel, &[&runs, &numbers, &now.micros()]).await? {
        let mut c = Columns::of(&row, "gates");
        let (run, n, gate) = (c.next("run_id")?, c.next("n")?, c.next("id")?);
        let (step, step_name, kind) = (steps::key(&mut c)?, c.next("step_name")?, c.next("kind")?);
        let status = GateStatus::Cancelled;
        ends.entry(run).or_default().push(GateEnd { n, gate, kind, status, step, step_name, comment: None });
    }
    for graph in graphs {
        let mut ends = ends.remove(&graph.head.run).unwrap_or_default();
        ends.sort_by_key(|end| (end.n, end.gate));
        graph.end_gates(&ends);
    }
    Ok(())
}

/// Opens gates, and lets their steps wait.
pub fn insert(batch: &mut Batch<'_>, opened: &[(RunId, WorkspaceId, &OpenedGate)], now: Timestamp) {
    if opened.is_empty() {
        return;
    }
    let int_of = |value: fn(&OpenedGate) -> u32| one(opened.iter().map(|o| int(value(o.2))).collect::<Vec<_>>());
    let text_of = |value: fn(&OpenedGate) -> String| one(opened.iter().map(|o| value(o.2)).collect::<Vec<_>>());
    let runs = || one(opened.iter().map(|(run, ..)| run.uuid()).collect::<Vec<_>>());
    let step = || {
        [
            int_of(|o| o.n),
            int_of(|o| o.gate.step.attempt),
            int_of(|o| o.gate.step.round),
            int_of(|o| o.gate.step.position),
            int_of(|o| o.gate.step.tried),
            text_of(|o| o.gate.step_name.clone()),
            text_of(|o| o.gate.kind().word().into()),
        ]
    };
    let mut params = vec![
        one(opened.iter().map(|o| o.2.gate.id.uuid()).collect::<Vec<_>>()),
        one(opened.iter().map(|(_, workspace, _)| workspace.uuid()).collect::<Vec<_>>()),
        runs(),
    ];
    params.extend(step());
    params.extend([
        text_of(|o| o.gate.role.word().into()),
        one(opened.iter().map(|o| o.2.gate.allow_self).collect::<Vec<_>>()),
        one(opened.iter().map(|o| o.2.gate.message.clone()).collect::<Vec<_>>()),
        one(opened.iter().map(|o| o.2.gate.expires_at.map(Timestamp::micros)).collect::<Vec<_>>()),
        text_of(|o| o.gate.on_expiry.word().into()),
        one(now.micros()),
    ]);
    batch.add(Sql::GatesInsert, params);
    let mut params = vec![runs()];
    params.extend(step());
    params.push(one(now.micros()));
    batch.add(Sql::StepsWait, params);
}

//! What may be used, and what is: locked in one order, the runs' before those of workspaces, after the heads of the runs.

use std::collections::BTreeMap;

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::graph::NewRun;
use ork_core::id::{RunId, WorkspaceId};
use ork_core::step::{Allowance, Cost};
use ork_core::store::{Access, BudgetPeriod, BudgetRow, Scope};
use tokio_postgres::Row;

use crate::conn::{Batch, Conn, column, one};
use crate::fault::Work;
use crate::rows::{Columns, big, filter};
use crate::sql::Sql;
use crate::store::PgStore;

/// Reads the columns of `budgets/list.sql`.
fn row(row: &Row) -> StoreResult<BudgetRow> {
    let mut c = Columns::of(row, "budgets");
    Ok(BudgetRow {
        workspace: c.next("workspace_id")?,
        run: c.option("run_id")?,
        period: c.next("period")?,
        since: c.next("since")?,
        allowance: Allowance { tokens: c.option("limit_tokens")?, micros: c.option("limit_micros")? },
        used: Cost { tokens: c.next("used_tokens")?, micros: c.next("used_micros")? },
        reserved: Cost { tokens: c.next("reserved_tokens")?, micros: c.next("reserved_micros")? },
    })
}

/// Budgets of runs and of their workspaces, locked.
#[derive(Default)]
pub struct Locked(BTreeMap<(Option<RunId>, WorkspaceId, BudgetPeriod), BudgetRow>);

impl Locked {
    /// Locks those of these runs and workspaces.
    pub async fn take(db: &Conn, of: &[(RunId, WorkspaceId)]) -> Work<Self> {
        let mut batch = Batch::default();
        batch.add(Sql::RunBudgetsLock, vec![column(of, |(run, _)| run.uuid())]);
        batch.add(Sql::BudgetsLock, vec![column(of, |(_, workspace)| workspace.uuid())]);
        let mut locked = Self::default();
        for answer in db.send(&batch).await? {
            let budgets = answer.rows.iter().map(row).collect::<StoreResult<Vec<_>>>()?;
            locked.put(budgets);
        }
        Ok(locked)
    }

    /// All that a step of a run counts for: the run's first.
    pub fn of(&self, run: RunId, workspace: WorkspaceId) -> Vec<BudgetRow> {
        let own = self.0.values().filter(|budget| budget.run == Some(run));
        let shared = self.0.values().filter(|budget| budget.run.is_none() && budget.workspace == workspace);
        own.chain(shared).cloned().collect()
    }

    /// Takes back what a ledger has changed.
    pub fn put(&mut self, budgets: impl IntoIterator<Item = BudgetRow>) {
        self.0.extend(budgets.into_iter().map(|budget| ((budget.run, budget.workspace, budget.period), budget)));
    }

    /// Writes all of them.
    pub fn store<'a>(self, batch: &mut Batch<'a>) {
        let (runs, others): (Vec<BudgetRow>, Vec<BudgetRow>) =
            self.0.into_values().partition(|budget| budget.run.is_some());
        let counts = |of: &[BudgetRow]| {
            let all = |value: fn(&BudgetRow) -> u64| one(of.iter().map(|b| big(value(b))).collect::<Vec<_>>());
            [all(|b| b.used.tokens), all(|b| b.used.micros), all(|b| b.reserved.tokens), all(|b| b.reserved.micros)]
        };
        if !runs.is_empty() {
            let limit = |value: fn(&BudgetRow) -> Option<u64>| {
                one(runs.iter().map(|b| value(b).map(big)).collect::<Vec<Option<i64>>>())
            };
            let mut params = vec![one(runs.iter().filter_map(|b| b.run.map(RunId::uuid)).collect::<Vec<_>>())];
            params.extend([limit(|b| b.allowance.tokens), limit(|b| b.allowance.micros)]);
            params.extend(counts(&runs));
            batch.add(Sql::RunBudgetsUpdate, params);
        }
        if !others.is_empty() {
            let mut params = vec![
                one(others.iter().map(|b| b.workspace.uuid()).collect::<Vec<_>>()),
                one(others.iter().map(|b| b.period.word()).collect::<Vec<_>>()),
                one(others.iter().map(|b| b.since.micros()).collect::<Vec<_>>()),
            ];
            params.extend(counts(&others));
            batch.add(Sql::BudgetsUpdate, params);
        }
    }
}

/// Lets a run, whose head is locked, use more: so much, or as much again as its plan says. Answers how
/// much it may use now.
pub async fn grant<'a>(
    db: &Conn,
    (run, workspace): (RunId, WorkspaceId),
    more: Option<Allowance>,
    batch: &mut Batch<'a>,
) -> Work<Option<Allowance>> {
    let mut locked = Locked::take(db, &[(run, workspace)]).await?;
    let more = match more {
        Some(more) => more,
        None => match db.row(Sql::RunBudgetsOfPlan, &[&run.uuid()]).await? {
            Some(row) => Columns::of(&row, "runs").option("budget")?.unwrap_or_default(),
            None => Allowance::default(),
        },
    };
    let granted = locked.of(run, workspace).into_iter().filter(|budget| budget.run.is_some()).map(|mut budget| {
        budget.grant(more);
        budget
    });
    let granted: Vec<BudgetRow> = granted.collect();
    let allowance = granted.first().map(|budget| budget.allowance);
    locked.put(granted);
    locked.store(batch);
    Ok(allowance)
}

/// A new run's budget, if its plan has one.
pub fn create(batch: &mut Batch<'_>, new: &NewRun) {
    if let Some(budget) = &new.plan.budget {
        let Allowance { tokens, micros } = budget.allowance;
        let params = vec![one(new.id.uuid()), one(new.workspace.uuid()), one(tokens.map(big)), one(micros.map(big))];
        batch.add(Sql::RunBudgetsInsert, params);
    }
}

impl PgStore {
    pub(crate) async fn require_workspace(&self, workspace: WorkspaceId) -> StoreResult<()> {
        if self.workspaces(Scope::One(workspace), None, 1).await?.is_empty() {
            return Err(StoreError::NotFound(format!("workspace `{workspace}`")));
        }
        Ok(())
    }

    pub(crate) async fn put_budget(
        &self,
        workspace: WorkspaceId,
        period: BudgetPeriod,
        allowance: Option<Allowance>,
        now: Timestamp,
    ) -> StoreResult<()> {
        self.require_workspace(workspace).await?;
        let (scope, id, period, since) =
            (Scope::One(workspace), workspace.uuid(), period.word(), period.start(now).micros());
        match allowance {
            None => self.change(scope, Sql::BudgetsDelete, &[&id, &period]).await?,
            Some(Allowance { tokens, micros }) => {
                let limits = (tokens.map(big), micros.map(big));
                self.change(scope, Sql::BudgetsSet, &[&id, &period, &since, &limits.0, &limits.1]).await?
            }
        };
        Ok(())
    }

    pub(crate) async fn list_budgets(&self, workspace: WorkspaceId, now: Timestamp) -> StoreResult<Vec<BudgetRow>> {
        let rows = self.select(Scope::One(workspace), Sql::BudgetsList, &[&workspace.uuid()]).await?;
        rows.iter().map(|found| row(found).map(|budget| budget.at(now))).collect()
    }

    pub(crate) async fn budget_of_run(&self, scope: Scope, run: RunId) -> StoreResult<Option<BudgetRow>> {
        let rows = self.select(scope, Sql::RunBudgetsGet, &[&run.uuid(), &filter(scope)]).await?;
        rows.first().map(row).transpose()
    }
}

/// Reads the one row of `run_budgets/get.sql`, if there is one.
pub fn read(rows: &[Row]) -> StoreResult<Option<BudgetRow>> {
    rows.first().map(row).transpose()
}

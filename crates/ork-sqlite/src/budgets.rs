//! What models cost, and what may be used.

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::{RunId, WorkspaceId};
use ork_core::limits::PRICES_MAX;
use ork_core::plan::Plan;
use ork_core::step::{Allowance, Cost, Rates};
use ork_core::store::{BudgetPeriod, BudgetRow, PriceRow, Scope};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::access;
use crate::change::execute;
use crate::connection::failed;
use crate::rows::{filter, get, get_option, run_key, workspace_key};
use crate::sql;

/// As SQLite has it.
pub fn big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn limit(number: Option<u64>) -> Option<i64> {
    number.map(big)
}

pub fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}

fn row(row: &Row<'_>) -> rusqlite::Result<BudgetRow> {
    let limit = |column| row.get::<_, Option<i64>>(column).map(|limit| limit.map(i64::unsigned_abs));
    Ok(BudgetRow {
        workspace: get(row, "workspace_id")?,
        run: get_option(row, "run_id")?,
        period: get(row, "period")?,
        since: get(row, "since")?,
        allowance: Allowance { tokens: limit("limit_tokens")?, micros: limit("limit_micros")? },
        used: Cost { tokens: count(row, "used_tokens")?, micros: count(row, "used_micros")? },
        reserved: Cost { tokens: count(row, "reserved_tokens")?, micros: count(row, "reserved_micros")? },
    })
}

pub fn of_run(db: &Connection, scope: Scope, run: RunId) -> StoreResult<Option<BudgetRow>> {
    let mut statement = db.prepare_cached(sql::run_budgets::GET).map_err(failed)?;
    statement.query_row(params![run_key(run), filter(scope)], row).optional().map_err(failed)
}

fn of_workspace(db: &Connection, workspace: WorkspaceId) -> StoreResult<Vec<BudgetRow>> {
    let mut statement = db.prepare_cached(sql::budgets::LIST).map_err(failed)?;
    let found = statement.query_map(params![workspace_key(workspace)], row).map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

/// All that a step of a run counts for: the run's first.
pub fn counted(db: &Connection, workspace: WorkspaceId, run: RunId) -> StoreResult<Vec<BudgetRow>> {
    let own = of_run(db, Scope::All, run)?;
    Ok(own.into_iter().chain(of_workspace(db, workspace)?).collect())
}

pub fn store(db: &Connection, budgets: &[BudgetRow]) -> StoreResult<()> {
    for budget in budgets {
        let BudgetRow { used, reserved, allowance, .. } = budget;
        let counts = [used.tokens, used.micros, reserved.tokens, reserved.micros].map(big);
        if let Some(run) = budget.run {
            let limits = (limit(allowance.tokens), limit(allowance.micros));
            let values = params![run_key(run), limits.0, limits.1, counts[0], counts[1], counts[2], counts[3]];
            execute(db, sql::run_budgets::UPDATE, values)?;
        } else {
            let (key, since) = (workspace_key(budget.workspace), budget.since.micros());
            let values = params![key, budget.period.word(), since, counts[0], counts[1], counts[2], counts[3]];
            execute(db, sql::budgets::UPDATE, values)?;
        }
    }
    Ok(())
}

/// A new run's budget, if its plan has one.
pub fn create(db: &Connection, run: RunId, workspace: WorkspaceId, plan: &Plan) -> StoreResult<()> {
    let Some(budget) = &plan.budget else { return Ok(()) };
    let limits = (limit(budget.allowance.tokens), limit(budget.allowance.micros));
    execute(db, sql::run_budgets::INSERT, params![run_key(run), workspace_key(workspace), limits.0, limits.1])?;
    Ok(())
}

/// Lets a run use more: so much, or as much again as its plan says. Answers how much it may use now.
pub fn grant(db: &Connection, run: RunId, more: Option<Allowance>) -> StoreResult<Option<Allowance>> {
    let Some(mut budget) = of_run(db, Scope::All, run)? else { return Ok(None) };
    let of_plan = || -> StoreResult<Allowance> {
        let mut statement = db.prepare_cached(sql::run_budgets::OF_PLAN).map_err(failed)?;
        let text: Option<String> = statement.query_row(params![run_key(run)], |row| row.get(0)).map_err(failed)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    };
    budget.grant(more.map_or_else(of_plan, Ok)?);
    let allowance = budget.allowance;
    store(db, &[budget])?;
    Ok(Some(allowance))
}

pub fn set(
    db: &Connection,
    workspace: WorkspaceId,
    period: BudgetPeriod,
    allowance: Option<Allowance>,
    now: Timestamp,
) -> StoreResult<()> {
    require_workspace(db, workspace)?;
    let (key, period, since) = (workspace_key(workspace), period.word(), period.start(now).micros());
    match allowance {
        None => execute(db, sql::budgets::DELETE, params![key, period])?,
        Some(Allowance { tokens, micros }) => {
            execute(db, sql::budgets::SET, params![key, period, since, limit(tokens), limit(micros)])?
        }
    };
    Ok(())
}

pub fn list(db: &Connection, workspace: WorkspaceId, now: Timestamp) -> StoreResult<Vec<BudgetRow>> {
    Ok(of_workspace(db, workspace)?.into_iter().map(|budget| budget.at(now)).collect())
}

/// `NotFound` when there is no such workspace.
pub fn require_workspace(db: &Connection, workspace: WorkspaceId) -> StoreResult<()> {
    if access::workspaces(db, Scope::One(workspace), None, 1)?.is_empty() {
        return Err(StoreError::NotFound(format!("workspace `{workspace}`")));
    }
    Ok(())
}

pub fn set_price(db: &Connection, workspace: WorkspaceId, price: &PriceRow) -> StoreResult<()> {
    require_workspace(db, workspace)?;
    let Rates { input, output, cached } = price.rates;
    let values = params![
        workspace_key(workspace),
        price.model,
        big(input),
        big(output),
        big(cached),
        price.updated_by,
        price.updated_at.micros(),
        PRICES_MAX,
    ];
    if execute(db, sql::prices::SET, values)? == 0 {
        return Err(StoreError::Limit(format!("{PRICES_MAX} models have a price, and no more can get one")));
    }
    Ok(())
}

pub fn prices(db: &Connection, workspace: WorkspaceId) -> StoreResult<Vec<PriceRow>> {
    let mut statement = db.prepare_cached(sql::prices::LIST).map_err(failed)?;
    let found = statement
        .query_map(params![workspace_key(workspace), PRICES_MAX], |row| {
            Ok(PriceRow {
                model: row.get("model")?,
                rates: Rates {
                    input: count(row, "input_micros")?,
                    output: count(row, "output_micros")?,
                    cached: count(row, "cached_micros")?,
                },
                updated_by: row.get("updated_by")?,
                updated_at: get(row, "updated_at")?,
            })
        })
        .map_err(failed)?;
    found.collect::<Result<_, _>>().map_err(failed)
}

pub fn delete_price(db: &Connection, workspace: WorkspaceId, model: &str) -> StoreResult<bool> {
    Ok(execute(db, sql::prices::DELETE, params![workspace_key(workspace), model])? > 0)
}

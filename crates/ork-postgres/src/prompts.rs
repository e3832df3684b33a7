//! Prompts in all their versions, what models cost, and what may be used.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::{RunId, WorkspaceId};
use ork_core::limits::{PRICES_MAX, PROMPTS_MAX};
use ork_core::step::{Allowance, Rates};
use ork_core::store::{BudgetPeriod, BudgetRow, NewPrompt, PriceRow, PromptRow, Prompts, ROWS_MAX, Scope};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::conn::Conn;
use crate::fault::Work;
use crate::rows::{Columns, big, encode, int};
use crate::sql::Sql;
use crate::store::{PgStore, Transition};

#[async_trait]
impl Prompts for PgStore {
    async fn put_prompt(&self, new: &NewPrompt) -> StoreResult<PromptRow> {
        self.require_workspace(new.workspace).await?;
        self.write(Scope::One(new.workspace), Put(new.clone())).await
    }

    async fn prompt(&self, workspace: WorkspaceId, id: &str, version: Option<u32>) -> StoreResult<Option<PromptRow>> {
        let values: [&(dyn ToSql + Sync); 3] = [&workspace.uuid(), &id, &version.map(int)];
        let rows = self.select(Scope::One(workspace), Sql::PromptsGet, &values).await?;
        rows.first().map(row).transpose()
    }

    async fn prompts(&self, workspace: WorkspaceId, after: Option<&str>, limit: u32) -> StoreResult<Vec<PromptRow>> {
        let (after, limit) = (after.unwrap_or_default(), i64::from(limit.min(ROWS_MAX)));
        let values: [&(dyn ToSql + Sync); 3] = [&workspace.uuid(), &after, &limit];
        self.select(Scope::One(workspace), Sql::PromptsList, &values).await?.iter().map(row).collect()
    }

    async fn prompt_versions(
        &self,
        workspace: WorkspaceId,
        id: &str,
        before: Option<u32>,
        limit: u32,
    ) -> StoreResult<Vec<PromptRow>> {
        let limit = i64::from(limit.min(ROWS_MAX));
        let values: [&(dyn ToSql + Sync); 4] = [&workspace.uuid(), &id, &before.map(int), &limit];
        self.select(Scope::One(workspace), Sql::PromptsVersions, &values).await?.iter().map(row).collect()
    }

    async fn set_price(&self, workspace: WorkspaceId, price: &PriceRow) -> StoreResult<()> {
        self.require_workspace(workspace).await?;
        let (Rates { input, output, cached }, limit) = (price.rates, i64::from(PRICES_MAX));
        let values: [&(dyn ToSql + Sync); 8] = [
            &workspace.uuid(),
            &price.model,
            &big(input),
            &big(output),
            &big(cached),
            &price.updated_by,
            &price.updated_at.micros(),
            &limit,
        ];
        if self.change(Scope::One(workspace), Sql::PricesSet, &values).await? == 0 {
            return Err(StoreError::Limit(format!("{PRICES_MAX} models have a price, and no more can get one")));
        }
        Ok(())
    }

    async fn prices(&self, workspace: WorkspaceId) -> StoreResult<Vec<PriceRow>> {
        let values: [&(dyn ToSql + Sync); 2] = [&workspace.uuid(), &i64::from(PRICES_MAX)];
        let price = |row| {
            let mut c = Columns::of(row, "prices");
            Ok(PriceRow {
                model: c.next("model")?,
                rates: Rates {
                    input: c.next("input_micros")?,
                    output: c.next("output_micros")?,
                    cached: c.next("cached_micros")?,
                },
                updated_by: c.next("updated_by")?,
                updated_at: c.next("updated_at")?,
            })
        };
        self.select(Scope::One(workspace), Sql::PricesList, &values).await?.iter().map(price).collect()
    }

    async fn delete_price(&self, workspace: WorkspaceId, model: &str) -> StoreResult<bool> {
        Ok(self.change(Scope::One(workspace), Sql::PricesDelete, &[&workspace.uuid(), &model]).await? > 0)
    }

    async fn set_budget(
        &self,
        workspace: WorkspaceId,
        period: BudgetPeriod,
        allowance: Option<Allowance>,
        now: Timestamp,
    ) -> StoreResult<()> {
        self.put_budget(workspace, period, allowance, now).await
    }

    async fn budgets(&self, workspace: WorkspaceId, now: Timestamp) -> StoreResult<Vec<BudgetRow>> {
        self.list_budgets(workspace, now).await
    }

    async fn run_budget(&self, scope: Scope, run: RunId) -> StoreResult<Option<BudgetRow>> {
        self.budget_of_run(scope, run).await
    }
}

struct Put(NewPrompt);

impl Put {
    async fn newest(&self, db: &Conn) -> Work<Option<PromptRow>> {
        let values: [&(dyn ToSql + Sync); 3] = [&self.0.workspace.uuid(), &self.0.id, &None::<i32>];
        let found = db.row(Sql::PromptsGet, &values).await?;
        Ok(found.as_ref().map(row).transpose()?)
    }
}

impl Transition for Put {
    type Output = PromptRow;

    async fn apply(&self, db: &Conn) -> Work<PromptRow> {
        let new = &self.0;
        let (workspace, limit) = (new.workspace.uuid(), i64::from(PROMPTS_MAX));
        db.begin().await?;
        let values: [&(dyn ToSql + Sync); 5] = [&workspace, &new.id, &new.category, &new.context, &limit];
        if db.run(Sql::PromptsPut, &values).await? == 0 {
            let text = format!("the workspace has {PROMPTS_MAX} prompts, and no more can be stored");
            return Err(StoreError::Limit(text).into());
        }
        let present = self.newest(db).await?;
        if !present.as_ref().is_some_and(|row| row.text == new.text && row.variables == new.variables) {
            let version = int(present.map_or(0, |row| row.latest) + 1);
            let (variables, now) = (encode(&new.variables)?, new.now.micros());
            let values: [&(dyn ToSql + Sync); 7] =
                [&workspace, &new.id, &version, &new.text, &variables, &new.actor.id, &now];
            db.run(Sql::PromptsInsertVersion, &values).await?;
            db.run(Sql::PromptsSetVersion, &[&workspace, &new.id, &version]).await?;
        }
        let stored = self.newest(db).await?;
        db.commit().await?;
        Ok(stored.ok_or_else(|| StoreError::NotFound(format!("prompt `{}`", new.id)))?)
    }
}

fn row(row: &Row) -> StoreResult<PromptRow> {
    let mut c = Columns::of(row, "prompts");
    Ok(PromptRow {
        workspace: c.next("workspace_id")?,
        id: c.next("id")?,
        category: c.option("category")?,
        context: c.option("context")?,
        latest: c.next("latest")?,
        version: c.next("version")?,
        text: c.next("prompt_text")?,
        variables: c.next("variables")?,
        created_by: c.next("created_by")?,
        created_at: c.next("created_at")?,
    })
}

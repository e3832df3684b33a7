//! Prompts, prices, budgets.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::{RunId, WorkspaceId};
use ork_core::limits::{PRICES_MAX, PROMPTS_MAX};
use ork_core::step::{Allowance, Cost};
use ork_core::store::{BudgetPeriod, BudgetRow, NewPrompt, PriceRow, PromptRow, Prompts, Scope};

use super::{Model, State};

impl State {
    fn require_workspace(&self, workspace: WorkspaceId) -> StoreResult<()> {
        let known = self.workspaces.contains_key(&workspace);
        known.then_some(()).ok_or_else(|| StoreError::NotFound(format!("workspace `{workspace}`")))
    }

    /// What is reserved for steps of a workspace.
    fn reserved(&self, workspace: WorkspaceId) -> Cost {
        let runs = self.runs.values().filter(|run| run.new.workspace == workspace);
        let steps = runs.flat_map(|run| run.tasks.iter().flat_map(|task| task.steps.values()));
        steps.fold(Cost::default(), |sum, step| sum.plus(step.reserved))
    }
}

#[async_trait]
impl Prompts for Model {
    async fn put_prompt(&self, new: &NewPrompt) -> StoreResult<PromptRow> {
        let mut state = self.state();
        state.require_workspace(new.workspace)?;
        let key = (new.workspace, new.id.clone());
        let others = state.prompts.keys().filter(|(of, id)| *of == key.0 && *id != key.1).count();
        if others >= PROMPTS_MAX as usize {
            return Err(StoreError::Limit("too many prompts".into()));
        }
        let versions = state.prompts.entry(key).or_default();
        if versions.last().is_none_or(|row| row.text != new.text || row.variables != new.variables) {
            versions.push(PromptRow {
                workspace: new.workspace,
                id: new.id.clone(),
                category: None,
                context: None,
                latest: 0,
                version: versions.len() as u32 + 1,
                text: new.text.clone(),
                variables: new.variables.clone(),
                created_by: new.actor.id.clone(),
                created_at: new.now,
            });
        }
        let latest = versions.len() as u32;
        for row in versions.iter_mut() {
            (row.latest, row.category, row.context) = (latest, new.category.clone(), new.context.clone());
        }
        versions.last().cloned().ok_or_else(|| StoreError::NotFound(format!("prompt `{}`", new.id)))
    }

    async fn prompt(&self, workspace: WorkspaceId, id: &str, version: Option<u32>) -> StoreResult<Option<PromptRow>> {
        let state = self.state();
        let Some(versions) = state.prompts.get(&(workspace, id.to_owned())) else { return Ok(None) };
        let wanted = version.unwrap_or(versions.len() as u32);
        Ok(versions.iter().find(|row| row.version == wanted).cloned())
    }

    async fn prompts(&self, workspace: WorkspaceId, after: Option<&str>, limit: u32) -> StoreResult<Vec<PromptRow>> {
        let state = self.state();
        let own = state.prompts.iter().filter(|((of, id), _)| *of == workspace && Some(id.as_str()) > after);
        Ok(own.filter_map(|(_, versions)| versions.last().cloned()).take(limit as usize).collect())
    }

    async fn prompt_versions(
        &self,
        workspace: WorkspaceId,
        id: &str,
        before: Option<u32>,
        limit: u32,
    ) -> StoreResult<Vec<PromptRow>> {
        let state = self.state();
        let own = state.prompts.get(&(workspace, id.to_owned())).map_or(&[][..], Vec::as_slice);
        let older = own.iter().rev().filter(|row| before.is_none_or(|before| row.version < before));
        Ok(older.take(limit as usize).cloned().collect())
    }

    async fn set_price(&self, workspace: WorkspaceId, price: &PriceRow) -> StoreResult<()> {
        let mut state = self.state();
        state.require_workspace(workspace)?;
        let others = state.prices.keys().filter(|(of, model)| *of == workspace && *model != price.model).count();
        if others >= PRICES_MAX as usize {
            return Err(StoreError::Limit("too many prices".into()));
        }
        state.prices.insert((workspace, price.model.clone()), price.clone());
        Ok(())
    }

    async fn prices(&self, workspace: WorkspaceId) -> StoreResult<Vec<PriceRow>> {
        let state = self.state();
        Ok(state.prices.iter().filter(|((of, _), _)| *of == workspace).map(|(_, row)| row.clone()).collect())
    }

    async fn delete_price(&self, workspace: WorkspaceId, model: &str) -> StoreResult<bool> {
        Ok(self.state().prices.remove(&(workspace, model.to_owned())).is_some())
    }

    async fn set_budget(
        &self,
        workspace: WorkspaceId,
        period: BudgetPeriod,
        allowance: Option<Allowance>,
        now: Timestamp,
    ) -> StoreResult<()> {
        let mut state = self.state();
        state.require_workspace(workspace)?;
        let Some(allowance) = allowance else {
            state.budgets.remove(&(workspace, period));
            return Ok(());
        };
        let reserved = state.reserved(workspace);
        let new = || BudgetRow {
            workspace,
            run: None,
            period,
            since: period.start(now),
            allowance,
            used: Cost::default(),
            reserved,
        };
        state.budgets.entry((workspace, period)).or_insert_with(new).allowance = allowance;
        Ok(())
    }

    async fn budgets(&self, workspace: WorkspaceId, now: Timestamp) -> StoreResult<Vec<BudgetRow>> {
        let state = self.state();
        let mut own: Vec<BudgetRow> =
            state.budgets.values().filter(|row| row.workspace == workspace).map(|row| row.clone().at(now)).collect();
        own.sort_by_key(|row| row.period.word());
        Ok(own)
    }

    async fn run_budget(&self, scope: Scope, run: RunId) -> StoreResult<Option<BudgetRow>> {
        Ok(self.state().run(scope, run).and_then(|run| run.budget.clone()))
    }
}

//! Steps, gates and saved folders; prompts, prices and budgets.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::graph::LeaseId;
use ork_core::id::{GateId, RunId, TaskRef, WorkspaceId};
use ork_core::step::{Allowance, StepKey, StepRow};
use ork_core::store::{
    BudgetPeriod, BudgetRow, Decided, Decision, GateFilter, GateRow, NewPrompt, PriceRow, PromptRow, Prompts,
    SavedWork, Scope, Standing, StepWrite, Steps, StepsWritten, WorkPart,
};

use super::SqliteStore;
use crate::{budgets, gates, prompts, steps, works};

#[async_trait]
impl Steps for SqliteStore {
    async fn standing(&self, scope: Scope, task: TaskRef, attempt: u32) -> StoreResult<Standing> {
        self.read(|db| steps::standing(db, scope, task, attempt))
    }

    async fn write_steps(
        &self,
        scope: Scope,
        write: &StepWrite,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<StepsWritten> {
        let (write, actor) = (write.clone(), actor.clone());
        self.write(move |db| steps::write(db, scope, &write, (&actor, now))).await
    }

    async fn steps(
        &self,
        scope: Scope,
        task: TaskRef,
        after: Option<StepKey>,
        limit: u32,
    ) -> StoreResult<Vec<StepRow>> {
        self.read(|db| steps::list(db, scope, task, after, limit))
    }

    async fn gate(&self, scope: Scope, gate: GateId) -> StoreResult<Option<GateRow>> {
        self.read(|db| gates::gate(db, scope, gate))
    }

    async fn gates(&self, scope: Scope, filter: &GateFilter) -> StoreResult<Vec<GateRow>> {
        self.read(|db| gates::list(db, scope, filter))
    }

    async fn decide(&self, scope: Scope, decision: &Decision) -> StoreResult<Decided> {
        let decision = decision.clone();
        self.write_and_wake(move |db| gates::decide(db, scope, &decision)).await
    }

    async fn expired_gates(&self, scope: Scope, now: Timestamp, limit: u32) -> StoreResult<Vec<GateId>> {
        self.read(|db| gates::expired(db, scope, now, limit))
    }

    async fn next_expiry(&self, scope: Scope) -> StoreResult<Option<Timestamp>> {
        self.read(|db| gates::next_expiry(db, scope))
    }

    async fn expire_gate(&self, scope: Scope, gate: GateId, now: Timestamp) -> StoreResult<bool> {
        self.write_and_wake(move |db| gates::expire(db, scope, gate, now)).await
    }

    async fn save_part(&self, scope: Scope, part: &WorkPart) -> StoreResult<bool> {
        let part = part.clone();
        self.write(move |db| works::save_part(db, scope, &part)).await
    }

    async fn keep_work(&self, scope: Scope, at: (TaskRef, u32, LeaseId), saved: &SavedWork) -> StoreResult<bool> {
        let saved = saved.clone();
        self.write(move |db| works::keep(db, scope, at, &saved)).await
    }

    async fn work_part(
        &self,
        scope: Scope,
        at: (TaskRef, u32),
        number: u32,
        part: u32,
    ) -> StoreResult<Option<Vec<u8>>> {
        self.read(|db| works::part(db, scope, at, number, part))
    }

    async fn drop_work(&self, scope: Scope, at: (TaskRef, u32, LeaseId)) -> StoreResult<bool> {
        self.write(move |db| works::drop(db, scope, at)).await
    }
}

#[async_trait]
impl Prompts for SqliteStore {
    async fn put_prompt(&self, new: &NewPrompt) -> StoreResult<PromptRow> {
        let new = new.clone();
        self.write(move |db| prompts::put(db, &new)).await
    }

    async fn prompt(&self, workspace: WorkspaceId, id: &str, version: Option<u32>) -> StoreResult<Option<PromptRow>> {
        self.read(|db| prompts::prompt(db, workspace, id, version))
    }

    async fn prompts(&self, workspace: WorkspaceId, after: Option<&str>, limit: u32) -> StoreResult<Vec<PromptRow>> {
        self.read(|db| prompts::list(db, workspace, after, limit))
    }

    async fn prompt_versions(
        &self,
        workspace: WorkspaceId,
        id: &str,
        before: Option<u32>,
        limit: u32,
    ) -> StoreResult<Vec<PromptRow>> {
        self.read(|db| prompts::versions(db, workspace, id, before, limit))
    }

    async fn set_price(&self, workspace: WorkspaceId, price: &PriceRow) -> StoreResult<()> {
        let price = price.clone();
        self.write(move |db| budgets::set_price(db, workspace, &price)).await
    }

    async fn prices(&self, workspace: WorkspaceId) -> StoreResult<Vec<PriceRow>> {
        self.read(|db| budgets::prices(db, workspace))
    }

    async fn delete_price(&self, workspace: WorkspaceId, model: &str) -> StoreResult<bool> {
        let model = model.to_owned();
        self.write(move |db| budgets::delete_price(db, workspace, &model)).await
    }

    async fn set_budget(
        &self,
        workspace: WorkspaceId,
        period: BudgetPeriod,
        allowance: Option<Allowance>,
        now: Timestamp,
    ) -> StoreResult<()> {
        self.write(move |db| budgets::set(db, workspace, period, allowance, now)).await
    }

    async fn budgets(&self, workspace: WorkspaceId, now: Timestamp) -> StoreResult<Vec<BudgetRow>> {
        self.read(|db| budgets::list(db, workspace, now))
    }

    async fn run_budget(&self, scope: Scope, run: RunId) -> StoreResult<Option<BudgetRow>> {
        self.read(|db| budgets::of_run(db, scope, run))
    }
}

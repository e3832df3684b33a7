//! Steps, gates and folders; prompts, prices and budgets.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::graph::LeaseId;
use ork_core::id::{GateId, RunId, TaskRef, WorkspaceId};
use ork_core::step::{Allowance, StepKey, StepRow};
use ork_core::store::{
    BudgetPeriod, BudgetRow, Decided, Decision, GateFilter, GateKind, GateRow, GateStatus, NewPrompt, PriceRow,
    PromptRow, Prompts, SavedWork, Scope, Standing, StepChange, StepWrite, Steps, StepsWritten, WorkPart,
};

use super::FaultyStore;
use crate::rules::steps::{check_budget, check_fresh};
use crate::world::lock;

#[async_trait]
impl Steps for FaultyStore {
    async fn standing(&self, scope: Scope, task: TaskRef, attempt: u32) -> StoreResult<Standing> {
        self.send("standing", self.world.store.standing(scope, task, attempt)).await
    }

    async fn write_steps(
        &self,
        scope: Scope,
        write: &StepWrite,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<StepsWritten> {
        let request = async {
            let is_fresh = check_fresh(&self.world, write).await;
            let written = self.world.store.write_steps(scope, write, actor, now).await;
            if let Err(error @ StoreError::Conflict(_)) = &written {
                let name = self.world.name(write.task);
                self.world.problem(format!("{name}: what became of its steps contradicts what is stored: {error}"));
            }
            let written = written?;
            self.saw_written(write, &written);
            if is_fresh && written == StepsWritten::Done {
                check_budget(&self.world, write.task.run).await;
            }
            Ok(written)
        };
        self.deadly("write_steps", request).await
    }

    async fn steps(
        &self,
        scope: Scope,
        task: TaskRef,
        after: Option<StepKey>,
        limit: u32,
    ) -> StoreResult<Vec<StepRow>> {
        self.send("steps", self.world.store.steps(scope, task, after, limit)).await
    }

    async fn gate(&self, scope: Scope, gate: GateId) -> StoreResult<Option<GateRow>> {
        self.send("gate", self.world.store.gate(scope, gate)).await
    }

    async fn gates(&self, scope: Scope, filter: &GateFilter) -> StoreResult<Vec<GateRow>> {
        self.send("gates", self.world.store.gates(scope, filter)).await
    }

    async fn decide(&self, scope: Scope, decision: &Decision) -> StoreResult<Decided> {
        let request = async {
            let decided = self.world.store.decide(scope, decision).await?;
            if let Decided::Done(row) = &decided {
                if !decision.repeats(row) {
                    let name = self.world.name(row.task);
                    self.world.problem(format!("{name}: a decision is told to count, and another one does: {row:?}"));
                }
                self.saw_decided(row);
            }
            Ok(decided)
        };
        self.change("decide", request).await
    }

    async fn expired_gates(&self, scope: Scope, now: Timestamp, limit: u32) -> StoreResult<Vec<GateId>> {
        self.send("expired_gates", self.world.store.expired_gates(scope, now, limit)).await
    }

    async fn next_expiry(&self, scope: Scope) -> StoreResult<Option<Timestamp>> {
        self.send("next_expiry", self.world.store.next_expiry(scope)).await
    }

    async fn expire_gate(&self, scope: Scope, gate: GateId, now: Timestamp) -> StoreResult<bool> {
        let request = async {
            let done = self.world.store.expire_gate(scope, gate, now).await?;
            if let (true, Ok(Some(row))) = (done, self.world.store.gate(Scope::All, gate).await) {
                self.saw_decided(&row);
            }
            Ok(done)
        };
        self.change("expire_gate", request).await
    }

    async fn save_part(&self, scope: Scope, part: &WorkPart) -> StoreResult<bool> {
        self.deadly("save_part", self.world.store.save_part(scope, part)).await
    }

    async fn keep_work(&self, scope: Scope, at: (TaskRef, u32, LeaseId), saved: &SavedWork) -> StoreResult<bool> {
        let request = async {
            let kept = self.world.store.keep_work(scope, at, saved).await?;
            if kept {
                lock(&self.world.witness).steps.keep(at, &saved.checksum);
            }
            Ok(kept)
        };
        self.deadly("keep_work", request).await
    }

    async fn work_part(
        &self,
        scope: Scope,
        at: (TaskRef, u32),
        number: u32,
        part: u32,
    ) -> StoreResult<Option<Vec<u8>>> {
        self.send("work_part", self.world.store.work_part(scope, at, number, part)).await
    }

    async fn drop_work(&self, scope: Scope, at: (TaskRef, u32, LeaseId)) -> StoreResult<bool> {
        self.send("drop_work", self.world.store.drop_work(scope, at)).await
    }
}

impl FaultyStore {
    fn saw_written(&self, write: &StepWrite, written: &StepsWritten) {
        let name = self.world.name(write.task);
        for change in &write.changes {
            let (key, what) = match change {
                StepChange::Begin(begin) => (begin.key, begin.status),
                StepChange::End(end) => (end.key, end.status),
            };
            let StepKey { attempt, round, position, tried } = key;
            self.world.note(format_args!("  {name} #{attempt} step {round}.{position}.{tried} {what}"));
        }
        let mark = match written {
            StepsWritten::Done => return,
            StepsWritten::Stale => "steps too late",
            StepsWritten::OverBudget(_) => "over budget",
        };
        self.world.note(format_args!("  {name} {mark}"));
        lock(&self.world.witness).mark(mark);
    }

    fn saw_decided(&self, row: &GateRow) {
        let name = self.world.name(row.task);
        self.world.note(format_args!("  {name} gate of {} {}", row.step_name, row.status.word()));
        let mut witness = lock(&self.world.witness);
        witness.mark(match row.status.word() {
            "approved" => "gate approved",
            "rejected" => "gate rejected",
            _ => "gate expired",
        });
        if row.kind == GateKind::Budget && row.status == GateStatus::Approved {
            witness.mark("budget raised");
        }
        if let Some(before) = witness.steps.decide(row) {
            witness.problems.push(format!("{name}: a gate that was {before:?} is decided again, as {:?}", row.status));
        }
    }
}

#[async_trait]
impl Prompts for FaultyStore {
    async fn put_prompt(&self, new: &NewPrompt) -> StoreResult<PromptRow> {
        self.send("put_prompt", self.world.store.put_prompt(new)).await
    }

    async fn prompt(&self, workspace: WorkspaceId, id: &str, version: Option<u32>) -> StoreResult<Option<PromptRow>> {
        self.send("prompt", self.world.store.prompt(workspace, id, version)).await
    }

    async fn prompts(&self, workspace: WorkspaceId, after: Option<&str>, limit: u32) -> StoreResult<Vec<PromptRow>> {
        self.send("prompts", self.world.store.prompts(workspace, after, limit)).await
    }

    async fn prompt_versions(
        &self,
        workspace: WorkspaceId,
        id: &str,
        before: Option<u32>,
        limit: u32,
    ) -> StoreResult<Vec<PromptRow>> {
        self.send("prompt_versions", self.world.store.prompt_versions(workspace, id, before, limit)).await
    }

    async fn set_price(&self, workspace: WorkspaceId, price: &PriceRow) -> StoreResult<()> {
        self.send("set_price", self.world.store.set_price(workspace, price)).await
    }

    async fn prices(&self, workspace: WorkspaceId) -> StoreResult<Vec<PriceRow>> {
        self.send("prices", self.world.store.prices(workspace)).await
    }

    async fn delete_price(&self, workspace: WorkspaceId, model: &str) -> StoreResult<bool> {
        self.send("delete_price", self.world.store.delete_price(workspace, model)).await
    }

    async fn set_budget(
        &self,
        workspace: WorkspaceId,
        period: BudgetPeriod,
        allowance: Option<Allowance>,
        now: Timestamp,
    ) -> StoreResult<()> {
        self.send("set_budget", self.world.store.set_budget(workspace, period, allowance, now)).await
    }

    async fn budgets(&self, workspace: WorkspaceId, now: Timestamp) -> StoreResult<Vec<BudgetRow>> {
        self.send("budgets", self.world.store.budgets(workspace, now)).await
    }

    async fn run_budget(&self, scope: Scope, run: RunId) -> StoreResult<Option<BudgetRow>> {
        self.send("run_budget", self.world.store.run_budget(scope, run)).await
    }
}

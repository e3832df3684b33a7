//! What loops do: retries, slots, deadlines, evaluations.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::graph::{Expansion, Phase};
use ork_core::id::{RunId, TaskRef, WorkspaceId};
use ork_core::store::{Evaluation, EvaluationTarget, Maintained, Scope, Upkeep};

use super::{Model, Order, Place, Run, State};

impl State {
    fn delayed(&self, scope: Scope) -> Vec<(Timestamp, TaskRef)> {
        let mut found = Vec::new();
        let waits =
            |run: &&Run| scope.admits(run.new.workspace) && !run.paused && !run.held && !run.status.is_terminal();
        for run in self.runs.values().filter(waits) {
            for (n, task) in (0_u32..).zip(&run.tasks) {
                if let Place::Delayed(at) = task.place {
                    found.push((at, TaskRef { run: run.new.id, n }));
                }
            }
        }
        found.sort_unstable();
        found
    }

    fn run_keys(&self, scope: Scope) -> BTreeSet<(WorkspaceId, String)> {
        (self.runs.values())
            .filter(|run| run.held && scope.admits(run.new.workspace))
            .filter_map(|run| Some((run.new.workspace, run.new.plan.concurrency.as_ref()?.key.clone())))
            .collect()
    }

    /// Gives runs their slots, one after the other.
    fn admit_runs(&mut self, (workspace, key): &(WorkspaceId, String), now: Timestamp) -> u32 {
        let mut admitted = 0;
        loop {
            let same = |run: &&Run| {
                run.new.workspace == *workspace
                    && !run.status.is_terminal()
                    && run.new.plan.concurrency.as_ref().is_some_and(|c| c.key == *key)
            };
            let taken = self.runs.values().filter(same).filter(|run| !run.held).count();
            let waiting = self.runs.values().filter(same).filter(|run| run.held && run.cancelling.is_none());
            let Some(next) = waiting.min_by_key(|run| (-i64::from(run.row().priority), run.new.id)) else { break };
            let limit = next.new.plan.concurrency.as_ref().map_or(0, |c| c.limit);
            if taken >= limit as usize {
                break;
            }
            let id = next.new.id;
            if let Some(run) = self.change(Scope::All, id, &Actor::system("scheduler"), now) {
                run.held = false;
                run.skip_what_cannot_run();
            }
            self.rest(id, Order::Groups(&[]));
            admitted += 1;
        }
        admitted
    }

    /// Held tasks by workspace, key, and the order in which they get slots.
    fn held(&self, scope: Scope) -> Vec<(WorkspaceId, String, i64, i64, TaskRef)> {
        let mut found = Vec::new();
        for run in self.runs.values().filter(|run| scope.admits(run.new.workspace)) {
            for (n, task) in (0_u32..).zip(&run.tasks) {
                let spec = &run.groups[task.g as usize].spec;
                if let (Place::Held(number), Some(slots)) = (&task.place, &spec.concurrency) {
                    let task = TaskRef { run: run.new.id, n };
                    found.push((run.new.workspace, slots.key.clone(), -i64::from(spec.priority), *number, task));
                }
            }
        }
        found.sort();
        found
    }

    pub(super) fn slots_taken(&self, workspace: WorkspaceId, key: &str) -> usize {
        (self.runs.values().filter(|run| run.new.workspace == workspace))
            .flat_map(|run| run.tasks.iter().map(move |task| (run, task)))
            .filter(|(run, task)| {
                let own = run.groups[task.g as usize].spec.concurrency.as_ref();
                own.is_some_and(|c| c.key == key) && matches!(task.place, Place::Ready(..) | Place::Leased(..))
            })
            .count()
    }
}

#[async_trait]
impl Upkeep for Model {
    async fn promote(&self, scope: Scope, now: Timestamp, limit: usize) -> StoreResult<Maintained> {
        let mut state = self.state();
        let due: Vec<TaskRef> =
            state.delayed(scope).into_iter().filter(|(at, _)| *at <= now).map(|(_, task)| task).take(limit).collect();
        for task in &due {
            if let Some(run) = state.change(scope, task.run, &Actor::system("scheduler"), now) {
                run.tasks[task.n as usize].place = Place::None;
            }
            state.rest(task.run, Order::Groups(&[]));
        }
        let next_retry = state.delayed(scope).first().map(|(at, _)| *at);
        Ok(Maintained { queued: due.len() as u32, more: due.len() == limit, next_at: next_retry })
    }

    async fn admit(&self, scope: Scope, now: Timestamp) -> StoreResult<Maintained> {
        let mut state = self.state();
        let mut queued = 0;
        for key in state.run_keys(scope) {
            queued += state.admit_runs(&key, now);
        }
        for (workspace, key, _, _, task) in state.held(scope) {
            let taken = state.slots_taken(workspace, &key);
            let number = state.queued + 1;
            let Some(run) = state.runs.get_mut(&task.run) else { continue };
            let g = run.tasks[task.n as usize].g as usize;
            let limit = run.groups[g].spec.concurrency.as_ref().map_or(0, |c| c.limit as usize);
            if taken < limit {
                run.tasks[task.n as usize].place = Place::Ready(number, now);
                state.queued = number;
                queued += 1;
            }
        }
        Ok(Maintained { queued, more: false, next_at: None })
    }

    async fn overdue(&self, scope: Scope, now: Timestamp, limit: usize) -> StoreResult<Vec<RunId>> {
        let state = self.state();
        let late = |run: &&Run| {
            scope.admits(run.new.workspace)
                && !run.status.is_terminal()
                && run.cancelling.is_none()
                && run.row().deadline_at.is_some_and(|at| at <= now)
        };
        Ok(state.runs.values().filter(late).map(|run| run.new.id).take(limit).collect())
    }

    async fn evaluations(&self, scope: Scope, run: Option<RunId>, limit: usize) -> StoreResult<Vec<Evaluation>> {
        let state = self.state();
        let mut found = Vec::new();
        for row in state.runs.values().filter(|row| scope.admits(row.new.workspace)) {
            let groups = row.evaluations().into_iter().map(EvaluationTarget::Group);
            let result = Some(EvaluationTarget::Result).filter(|_| row.awaits_result());
            let all = result.into_iter().chain(groups);
            found.extend(all.map(|target| Evaluation { workspace: row.new.workspace, run: row.new.id, target }));
        }
        found.retain(|evaluation| run.is_none_or(|run| run == evaluation.run));
        found.truncate(limit);
        Ok(found)
    }

    async fn expand(
        &self,
        scope: Scope,
        run: RunId,
        g: u32,
        expansion: &Expansion,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let mut state = self.state();
        let row = state.change_or_not_found(scope, run, &Actor::system("engine"), now)?;
        if g as usize >= row.groups.len() || row.phase(g) != Phase::Evaluating {
            return Ok(false);
        }
        row.expand(g, expansion);
        state.rest(run, Order::Groups(&[]));
        Ok(true)
    }
}

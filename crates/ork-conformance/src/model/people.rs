//! Runs and tasks: created, and told what people want of them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ork_core::attempt::Failure;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{Actor, EventType};
use ork_core::graph::{GroupSpec, Head, NewRun, Phase};
use ork_core::id::{RunId, TaskRef, WorkspaceId};
use ork_core::json::Json;
use ork_core::plan::RunIf;
use ork_core::state::{Reason, RunStatus, TaskStatus};
use ork_core::step::Cost;
use ork_core::store::{
    AttemptRow, BudgetPeriod, BudgetRow, GroupCount, GroupRow, OutputRow, RunFilter, RunRow, Runs, Scope, Span,
    StoredPlan, Submitted, TaskFilter, TaskRow, Tasks,
};
use ork_core::workspace::Load;
use serde_json::json;

use super::rules::reason;
use super::{Group, Model, Order, Place, Run, State, Task};

fn spec(new: &NewRun, g: u32) -> GroupSpec {
    let nodes = &new.plan.nodes;
    let node = &nodes[g as usize];
    let children: Vec<u32> =
        (0_u32..).zip(nodes).filter(|(_, other)| other.depends_on.contains(&g)).map(|(child, _)| child).collect();
    GroupSpec {
        key: node.key.clone(),
        deep: children.iter().any(|child| nodes[*child as usize].run_if == Some(RunIf::Failed)),
        children,
        parents: node.depends_on.len() as u32,
        run_if: node.run_if,
        evaluated: node.needs_evaluation() || node.fan.size() == Some(0),
        lane: new.pin.lane(&node.queue, new.id),
        priority: node.priority.or(new.priority).unwrap_or(new.plan.priority),
        concurrency: node.concurrency.clone(),
        retry: node.retry.clone(),
        at_most_once: node.at_most_once,
    }
}

fn born(new: &NewRun) -> Run {
    let mut run = Run {
        groups: Vec::new(),
        tasks: Vec::new(),
        status: RunStatus::Pending,
        paused: false,
        held: new.plan.concurrency.is_some(),
        stopping: false,
        cancelling: None,
        cancel_requested: None,
        acknowledged: None,
        result: None,
        error: None,
        started_at: None,
        finished_at: None,
        events: Vec::new(),
        seals: Vec::new(),
        requests: BTreeMap::new(),
        budget: new.plan.budget.map(|budget| BudgetRow {
            workspace: new.workspace,
            run: Some(new.id),
            period: BudgetPeriod::Total,
            since: Timestamp::default(),
            allowance: budget.allowance,
            used: Cost::default(),
            reserved: Cost::default(),
        }),
        away: Vec::new(),
        lost_steps: Vec::new(),
        noted: 0,
        by: (new.actor.clone(), new.now),
        new: new.clone(),
    };
    for (g, node) in (0_u32..).zip(&new.plan.nodes) {
        let reuse = new.reuse.iter().find(|reuse| reuse.g == g && reuse.size > 0);
        let declared = node.fan.size().filter(|size| *size > 0);
        let size = declared.or(reuse.map(|reuse| reuse.size));
        let first = run.tasks.len() as u32;
        let items = reuse.filter(|_| declared.is_none()).and_then(|reuse| reuse.items.clone());
        let tasks: Vec<u32> = (first..).take(size.unwrap_or(1) as usize).collect();
        run.tasks.extend((0_u32..).zip(&tasks).map(|(index, _)| Task::new(g, index)));
        let parents = node.depends_on.clone();
        run.groups.push(Group { spec: spec(new, g), parents, tasks, size, items, evaluated: false, rest: first + 1 });
    }
    let tasks = run.tasks.len();
    run.event(EventType::RunCreated, &[], Some(Json::from_stored(json!({ "tasks": tasks }).to_string())));
    for reuse in &new.reuse {
        for reused in &reuse.done {
            let Some(n) = run.groups.get(reuse.g as usize).and_then(|group| group.tasks.get(reused.index as usize))
            else {
                continue;
            };
            let n = *n;
            if run.tasks[n as usize].end.is_none() {
                (run.tasks[n as usize].output, run.tasks[n as usize].from) = (reused.output.clone(), Some(reused.from));
                run.end_task(n, TaskStatus::Success, Some(Reason::Reused), reason(Reason::Reused));
            }
        }
    }
    run.skip_what_cannot_run();
    run
}

impl State {
    /// Does something to a run, and brings it to rest.
    fn ask(
        &mut self,
        (scope, id): (Scope, RunId),
        (actor, now): (&Actor, Timestamp),
        order: Order<'_>,
        what: impl FnOnce(&mut Run) -> bool,
    ) -> StoreResult<bool> {
        let took = what(self.change_or_not_found(scope, id, actor, now)?);
        self.rest(id, order);
        Ok(took)
    }
}

#[async_trait]
impl Runs for Model {
    async fn submit(&self, new: &NewRun) -> StoreResult<Submitted> {
        let mut state = self.state();
        if state.runs.contains_key(&new.id) || state.tombstones.contains_key(&new.id) {
            return Ok(Submitted::Existing);
        }
        let same = |run: &Run| run.new.workspace == new.workspace && run.new.external_id == new.external_id;
        if new.external_id.is_some() && state.runs.values().any(same) {
            return Err(StoreError::Conflict("the external id is taken by another run".into()));
        }
        let born = born(new);
        let settings = state.workspaces.get(&new.workspace).map(|row| row.settings.clone()).unwrap_or_default();
        let live = state.runs.values().filter(|run| run.new.workspace == new.workspace && !run.status.is_terminal());
        let heads: Vec<Head> = live.map(Run::head).collect();
        let live_tasks = heads.iter().map(|head| u64::from(head.tasks_left)).sum();
        settings.admit(Load { live_runs: heads.len() as u64, live_tasks }, &born.head())?;
        state.runs.insert(new.id, born);
        state.rest(new.id, Order::Groups(&[]));
        Ok(Submitted::Created)
    }

    async fn run(&self, scope: Scope, id: RunId) -> StoreResult<Option<RunRow>> {
        Ok(self.state().run(scope, id).map(Run::row))
    }

    async fn runs(&self, scope: Scope, filter: &RunFilter) -> StoreResult<Vec<RunRow>> {
        let state = self.state();
        let within = |at: Option<Timestamp>, span: Span| match at {
            Some(at) => span.from.is_none_or(|from| at >= from) && span.until.is_none_or(|until| at < until),
            None => span == Span::default(),
        };
        let wanted = |row: &RunRow| {
            scope.admits(row.workspace)
                && (filter.statuses.is_empty() || filter.statuses.contains(&row.status))
                && filter.name.as_ref().is_none_or(|name| *name == row.name)
                && (filter.owner.is_none() || filter.owner == row.owner)
                && filter.labels.iter().all(|(key, value)| row.labels.get(key) == Some(value))
                && within(Some(row.created_at), filter.created)
                && within(row.started_at, filter.started)
                && within(row.finished_at, filter.finished)
                && (!filter.is_held || row.held)
                && (!filter.is_unacknowledged || (row.finished_at.is_some() && row.acknowledged_at.is_none()))
                && filter.before.is_none_or(|before| row.id < before)
        };
        let delays = |run: &&Run| run.tasks.iter().any(|task| matches!(task.place, Place::Delayed(_)));
        let runs = state.runs.values().rev().filter(|run| !filter.is_retrying || delays(run));
        let limit = filter.limit.min(ork_core::store::ROWS_MAX) as usize;
        Ok(runs.map(Run::row).filter(wanted).take(limit).collect())
    }

    async fn runs_by_prefix(&self, scope: Scope, hex: &str) -> StoreResult<Vec<RunId>> {
        let state = self.state();
        let wanted = |run: &&Run| {
            scope.admits(run.new.workspace) && run.new.id.uuid().simple().to_string().starts_with(&hex.to_lowercase())
        };
        Ok(state.runs.values().filter(wanted).map(|run| run.new.id).take(10).collect())
    }

    async fn run_by_external_id(&self, workspace: WorkspaceId, external_id: &str) -> StoreResult<Option<RunId>> {
        let state = self.state();
        let is_it = |run: &&Run| run.new.workspace == workspace && run.new.external_id.as_deref() == Some(external_id);
        Ok(state.runs.values().find(is_it).map(|run| run.new.id))
    }

    async fn plans(&self, scope: Scope, ids: &[RunId]) -> StoreResult<Vec<StoredPlan>> {
        let state = self.state();
        Ok(ids.iter().filter_map(|id| state.run(scope, *id)).map(Run::stored_plan).collect())
    }

    async fn source(&self, scope: Scope, id: RunId) -> StoreResult<Option<String>> {
        let state = self.state();
        let Some(run) = state.run(scope, id) else { return Ok(None) };
        let revision = run.new.revision.map(|of| of.revision);
        Ok(run.new.plan_source.clone().or_else(|| revision.and_then(|id| state.source(Scope::All, id))))
    }

    async fn acknowledge_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        let mut state = self.state();
        let row = state.run(scope, id).map(Run::row).ok_or_else(|| StoreError::NotFound(format!("run `{id}`")))?;
        let before = row.acknowledged()?;
        if let Some(run) = state.runs.get_mut(&id).filter(|_| before.is_none()) {
            run.acknowledged = Some((now, actor.id.clone()));
            run.by = (actor.clone(), now);
            run.event(EventType::RunAcknowledged, &[], None);
        }
        Ok(before.is_none())
    }

    async fn cancel_run(
        &self,
        scope: Scope,
        id: RunId,
        why: Reason,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<bool> {
        self.state().ask((scope, id), (actor, now), Order::Groups(&[]), |run| {
            if run.status.is_terminal() || run.cancelling.is_some() {
                return false;
            }
            run.cancelling = Some(why);
            run.cancel_requested = Some((now, actor.id.clone()));
            run.event(EventType::RunCancelRequested, &[], reason(why));
            run.sweep(false, why);
            true
        })
    }

    async fn pause_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        self.state().ask((scope, id), (actor, now), Order::Groups(&[]), |run| {
            if run.status.is_terminal() || run.paused {
                return false;
            }
            run.paused = true;
            run.event(EventType::Run(RunStatus::Paused), &[], None);
            let cancelling = run.cancelling.is_some();
            for task in run.tasks.iter_mut().filter(|_| !cancelling) {
                if matches!(task.place, Place::Ready(..) | Place::Held(_)) {
                    task.place = Place::None;
                }
            }
            true
        })
    }

    async fn resume_run(&self, scope: Scope, id: RunId, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        self.state().ask((scope, id), (actor, now), Order::Numbers, |run| {
            let took = run.paused && !run.status.is_terminal();
            if took {
                run.paused = false;
                run.event(EventType::RunResumed, &[], None);
            }
            took
        })
    }

    async fn conclude_run(
        &self,
        scope: Scope,
        id: RunId,
        result: Result<Json, Failure>,
        now: Timestamp,
    ) -> StoreResult<bool> {
        self.state().ask((scope, id), (&Actor::system("engine"), now), Order::Groups(&[]), |run| {
            let took = run.awaits_result();
            match result {
                _ if !took => {}
                Ok(json) => {
                    run.result = Some(json);
                    run.end(RunStatus::Success, None);
                }
                Err(failure) => {
                    run.error.get_or_insert(("result".into(), failure));
                    run.end(RunStatus::Failed, reason(Reason::Template));
                }
            }
            took
        })
    }
}

#[async_trait]
impl Tasks for Model {
    async fn task(&self, scope: Scope, task: TaskRef) -> StoreResult<Option<TaskRow>> {
        Ok(self.state().run(scope, task.run).and_then(|run| run.task_row(task.n)))
    }

    async fn tasks(&self, scope: Scope, run: RunId, filter: &TaskFilter) -> StoreResult<Vec<TaskRow>> {
        let state = self.state();
        let Some(run) = state.run(scope, run) else { return Ok(Vec::new()) };
        let wanted = |row: &TaskRow| {
            filter.g.is_none_or(|g| g == row.g)
                && (filter.statuses.is_empty() || filter.statuses.contains(&row.status))
                && filter.after.is_none_or(|after| row.task.n > after)
        };
        let rows = (0..run.tasks.len() as u32).filter_map(|n| run.task_row(n));
        Ok(rows.filter(wanted).take(filter.limit as usize).collect())
    }

    async fn groups(&self, scope: Scope, run: RunId) -> StoreResult<Vec<GroupRow>> {
        let state = self.state();
        let Some(run) = state.run(scope, run) else { return Ok(Vec::new()) };
        Ok((0..run.groups.len() as u32).map(|g| run.group_row(g)).collect())
    }

    async fn counts(&self, scope: Scope, run: RunId) -> StoreResult<Vec<GroupCount>> {
        let state = self.state();
        let Some(run) = state.run(scope, run) else { return Ok(Vec::new()) };
        let mut counts: BTreeMap<(u32, TaskStatus), u32> = BTreeMap::new();
        for row in (0..run.tasks.len() as u32).filter_map(|n| run.task_row(n)) {
            *counts.entry((row.g, row.status)).or_default() += 1;
        }
        Ok(counts.into_iter().map(|((g, status), count)| GroupCount { g, status, count }).collect())
    }

    async fn outputs(&self, scope: Scope, run: RunId, groups: &[u32]) -> StoreResult<Vec<OutputRow>> {
        let state = self.state();
        let Some(run) = state.run(scope, run) else { return Ok(Vec::new()) };
        let mut rows = BTreeMap::new();
        for task in run.tasks.iter().filter(|task| groups.contains(&task.g)) {
            if let Some((status, _)) = task.end {
                let row = OutputRow { g: task.g, task_index: task.index, status, output: task.output.clone() };
                rows.insert((task.g, task.index), row);
            }
        }
        Ok(rows.into_values().collect())
    }

    async fn attempts(&self, scope: Scope, task: TaskRef) -> StoreResult<Vec<AttemptRow>> {
        let state = self.state();
        let found = state.run(scope, task.run).and_then(|run| run.tasks.get(task.n as usize));
        Ok(found.map(Task::all_attempts).unwrap_or_default())
    }

    async fn cancel_task(&self, scope: Scope, task: TaskRef, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        let mut state = self.state();
        let missing = || StoreError::NotFound(format!("task `{}`", task.id()));
        if state.run(scope, task.run).is_none_or(|run| run.tasks.len() <= task.n as usize) {
            return Err(missing());
        }
        state.ask((scope, task.run), (actor, now), Order::Groups(&[]), |run| {
            let row = &mut run.tasks[task.n as usize];
            if row.end.is_some() || row.cancel_requested_at.is_some() {
                return false;
            }
            row.cancel_requested_at = Some(now);
            let leased = row.lease().is_some();
            run.event(EventType::TaskCancelRequested, &[task.n], None);
            if run.tasks[task.n as usize].open.is_some() && !leased {
                run.put_away(task.n);
            } else if !leased {
                run.end_task(task.n, TaskStatus::Cancelled, Some(Reason::Cancel), reason(Reason::Cancel));
                run.skip_what_cannot_run();
            }
            true
        })
    }

    async fn retry_task_now(&self, scope: Scope, task: TaskRef, actor: &Actor, now: Timestamp) -> StoreResult<bool> {
        let mut state = self.state();
        let missing = || StoreError::NotFound(format!("task `{}`", task.id()));
        let run = state.change(scope, task.run, actor, now).ok_or_else(missing)?;
        let paused = run.paused;
        let row = run.tasks.get_mut(task.n as usize).ok_or_else(missing)?;
        if paused || !matches!(row.place, Place::Delayed(_)) {
            return Ok(false);
        }
        row.place = Place::None;
        debug_assert_eq!(run.phase(run.tasks[task.n as usize].g), Phase::Released);
        run.event(EventType::TaskRetryRequested, &[task.n], None);
        state.rest(task.run, Order::Groups(&[]));
        Ok(true)
    }
}

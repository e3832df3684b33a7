//! The rows that are read.

use ork_core::event::TaskSet;
use ork_core::executor::Progress;
use ork_core::graph::{self, Head, Phase, Pin, ProcessEnd};
use ork_core::id::TaskRef;
use ork_core::json::Json;
use ork_core::state::{RunStatus, TaskStatus};
use ork_core::store::{AttemptRow, GroupRow, RunDump, RunRow, StoredPlan, TaskDump, TaskRow};

use super::{Place, Run, Task};

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    items.count() as u32
}

impl Task {
    pub(super) fn all_attempts(&self) -> Vec<AttemptRow> {
        let present = self.lease().map(|lease| AttemptRow {
            attempt: lease.attempt,
            lease: lease.id,
            worker: lease.worker,
            execution_name: lease.execution_name.clone(),
            outcome: None,
            error: None,
            end: ProcessEnd::default(),
            dispatched_at: lease.dispatched_at,
            started_at: lease.started_at,
            finished_at: None,
        });
        self.attempts.iter().cloned().chain(present).collect()
    }

    fn progress(&self) -> Option<Progress> {
        match &self.place {
            Place::Leased(_, progress) => progress.clone(),
            _ if matches!(self.end, Some((TaskStatus::Success, _))) => {
                Some(Progress { percent: 100, stage: None, message: None })
            }
            _ => None,
        }
    }
}

impl Run {
    fn shown(&self) -> RunStatus {
        let leased = self.tasks.iter().any(|task| task.lease().is_some());
        match self.status {
            status if status.is_terminal() => status,
            _ if self.paused => RunStatus::Paused,
            RunStatus::Pending if leased => RunStatus::Running,
            status => status,
        }
    }

    fn progress(&self) -> u8 {
        let sum: u64 = (self.tasks.iter())
            .map(|task| match &task.place {
                _ if task.end.is_some() => 100,
                Place::Leased(_, Some(progress)) => u64::from(progress.percent),
                _ => 0,
            })
            .sum();
        match self.tasks.len() as u64 {
            // Nothing is left to do.
            0 => 100,
            total => (sum / total) as u8,
        }
    }

    pub(super) fn head(&self) -> Head {
        use TaskStatus::{Cancelled, Failed};
        Head {
            run: self.new.id,
            workspace: self.new.workspace,
            status: self.status,
            paused: self.paused,
            held: self.held,
            stopping: self.stopping,
            cancelling: self.cancelling,
            on_failure: self.new.plan.on_failure,
            has_result: self.new.plan.result.is_some(),
            seq: self.events.len() as u64,
            tasks_total: count(self.tasks.iter()),
            tasks_left: count(self.tasks.iter().filter(|task| task.end.is_none())),
            tasks_bad: count(self.tasks.iter().filter(|task| matches!(task.end, Some((Failed | Cancelled, _))))),
            told: self.new.told(),
        }
    }

    pub(super) fn row(&self) -> RunRow {
        let (new, plan, head) = (&self.new, &self.new.plan, self.head());
        let error = self.error.as_ref().map(|(key, failure)| {
            let mut error = serde_json::to_value(failure).unwrap_or_default();
            error["task"] = key.as_str().into();
            Json::from_stored(error.to_string())
        });
        RunRow {
            id: new.id,
            workspace: new.workspace,
            external_id: new.external_id.clone(),
            owner: new.owner.clone(),
            name: plan.name.clone(),
            status: self.shown(),
            cancelling: self.cancelling,
            held: self.held,
            priority: new.priority.unwrap_or(plan.priority),
            labels: plan.labels.clone(),
            result: self.result.clone(),
            error,
            triggered_by: new.triggered_by.word().into(),
            retry_of: new.retry_of,
            host: if let Pin::Host(host) = &new.pin { Some(host.clone()) } else { None },
            in_process: new.pin == Pin::Process,
            project: new.project.clone(),
            concurrency_key: plan.concurrency.as_ref().map(|c| c.key.clone()),
            tasks_total: head.tasks_total,
            tasks_left: head.tasks_left,
            tasks_bad: head.tasks_bad,
            progress: self.progress(),
            seq: head.seq,
            deadline_at: plan.timeout_ms.map(|ms| new.now.plus_ms(ms)),
            cancel_requested_at: self.cancel_requested.as_ref().map(|(at, _)| *at),
            cancel_requested_by: self.cancel_requested.as_ref().map(|(_, by)| by.clone()),
            created_at: new.now,
            started_at: self.started_at,
            finished_at: self.finished_at,
            revision: new.revision,
            acknowledged_at: self.acknowledged.as_ref().map(|(at, _)| *at),
            acknowledged_by: self.acknowledged.as_ref().map(|(_, by)| by.clone()),
        }
    }

    pub(super) fn stored_plan(&self) -> StoredPlan {
        let plan = serde_json::to_string(&self.new.plan).unwrap_or_default();
        StoredPlan {
            run: self.new.id,
            workspace: self.new.workspace,
            plan: Json::from_stored(plan),
            input: self.new.input.clone(),
            project: self.new.project.clone(),
            host: self.row().host,
            webhook: self.new.webhook.clone(),
        }
    }

    fn status_of(&self, task: &Task) -> TaskStatus {
        match (&task.end, &task.place) {
            (Some((status, _)), _) => *status,
            (None, Place::Leased(lease, _)) if lease.started_at.is_some() => TaskStatus::Running,
            (None, Place::Leased(..)) => TaskStatus::Dispatched,
            _ if task.is_waiting() => TaskStatus::Waiting,
            _ if self.paused && self.cancelling.is_none() => TaskStatus::Paused,
            (None, Place::Ready(..) | Place::Held(_)) => TaskStatus::Queued,
            (None, Place::Delayed(_)) => TaskStatus::Retrying,
            (None, Place::None) => TaskStatus::Pending,
        }
    }

    pub(super) fn task_row(&self, n: u32) -> Option<TaskRow> {
        let task = self.tasks.get(n as usize)?;
        let spec = &self.groups[task.g as usize].spec;
        let lease = task.lease();
        let all = task.all_attempts();
        let last = all.last().filter(|_| lease.is_some() || task.ended_by_attempt);
        Some(TaskRow {
            task: TaskRef { run: self.new.id, n },
            g: task.g,
            key: spec.key.clone(),
            task_index: task.index,
            status: self.status_of(task),
            reason: task.end.and_then(|(_, reason)| reason),
            attempt: task.attempt + u32::from(lease.is_some() || task.open.is_some()),
            failures: task.failures,
            lost: task.lost,
            max_attempts: spec.retry.max_attempts,
            lane: spec.lane.clone(),
            concurrency_key: spec.concurrency.as_ref().map(|c| c.key.clone()),
            held: matches!(task.place, Place::Held(_)),
            available_at: if let Place::Delayed(at) = task.place { Some(at) } else { None },
            output: task.output.clone(),
            error: task.error.clone(),
            progress: task.progress(),
            worker: last.map(|last| last.worker),
            execution_name: last.and_then(|last| last.execution_name.clone()),
            end: last.map(|last| last.end).unwrap_or_default(),
            reused_from: task.from,
            dispatched_at: last.map(|last| last.dispatched_at),
            started_at: last.and_then(|last| last.started_at),
            finished_at: task.finished_at,
            cancel_requested_at: task.cancel_requested_at,
        })
    }

    pub(super) fn group(&self, g: u32) -> graph::Group {
        let group = &self.groups[g as usize];
        let phase = self.phase(g);
        let over: Vec<u32> = group.parents.iter().copied().filter(|parent| self.is_over(*parent)).collect();
        let ended = self.tasks_of(g).filter(|(_, task)| task.end.is_some()).map(|(n, _)| n).collect();
        let early = matches!(phase, Phase::Waiting | Phase::Evaluating);
        graph::Group {
            g,
            spec: group.spec.clone(),
            phase,
            first: group.tasks[0],
            rest: group.rest,
            size: group.size,
            items: group.items.clone(),
            ended: if early { TaskSet::of(ended) } else { TaskSet::default() },
            tasks_left: count(self.tasks_of(g).filter(|(_, task)| task.end.is_none())),
            tasks_bad: count(self.tasks_of(g).filter(|(_, task)| task.is_bad())),
            tasks_unmet: count(self.tasks_of(g).filter(|(_, task)| task.is_unmet())),
            parents_left: count(group.parents.iter()) - count(over.iter()),
            parents_bad: count(over.iter().filter(|parent| self.is_bad(**parent))),
            parents_unmet: count(over.iter().filter(|parent| self.is_unmet(**parent))),
        }
    }

    pub(super) fn group_row(&self, g: u32) -> GroupRow {
        let group = self.group(g);
        GroupRow {
            g,
            key: group.spec.key,
            phase: group.phase,
            size: group.size,
            items: group.items,
            tasks_left: group.tasks_left,
            tasks_bad: group.tasks_bad,
            tasks_unmet: group.tasks_unmet,
            parents_left: group.parents_left,
            first: group.first,
            rest: group.rest,
        }
    }

    pub(super) fn evaluations(&self) -> Vec<u32> {
        (0..self.groups.len() as u32).filter(|g| self.phase(*g) == Phase::Evaluating).collect()
    }

    pub(super) fn dump(&self) -> RunDump {
        let tasks = (0_u32..).zip(&self.tasks).filter_map(|(n, task)| {
            Some(TaskDump {
                row: self.task_row(n)?,
                lease: task.lease().cloned(),
                ready: u32::from(matches!(task.place, Place::Ready(..))),
                held: u32::from(matches!(task.place, Place::Held(_))),
                delayed: u32::from(matches!(task.place, Place::Delayed(_))),
                attempts: task.attempts.clone(),
                open_as: task.open.map(|left| left.open_as).filter(|_| task.lease().is_none()),
                steps: task.steps.values().cloned().collect(),
                gates: task.gates.clone(),
            })
        });
        RunDump {
            row: self.row(),
            head: self.head(),
            groups: (0..self.groups.len() as u32).map(|g| self.group(g)).collect(),
            tasks: tasks.collect(),
            evaluations: self.evaluations(),
            evaluates_result: self.awaits_result(),
            budget: self.budget.clone(),
            artifacts: Vec::new(),
            events: self.events.clone(),
        }
    }
}

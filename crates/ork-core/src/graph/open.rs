//! Attempts that outlive a lease: they wait at gates, go on, or are put away.

use serde_json::json;

use super::settle::one;
use super::{GateEnd, OpenAs, OpenedGate, Requeue, RunGraph};
use crate::artifact::NewArtifact;
use crate::event::EventType;
use crate::id::GateId;
use crate::json::Json;
use crate::state::TaskStatus;
use crate::step::{Allowance, StepKey, StepStatus};
use crate::store::{GateKind, GateStatus, NewGate};

/// A live task without a lease whose attempt is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenTask {
    /// Its group.
    pub g: u32,
    /// Its number.
    pub n: u32,
    /// The attempt that is not over.
    pub attempt: u32,
    /// It is `waiting`; else it is on its way back, and stands in its queue already.
    pub is_waiting: bool,
}

impl RunGraph {
    pub(super) fn open_gates(&mut self, n: u32, gates: Vec<NewGate>) {
        for gate in gates {
            let mut payload = step_payload(gate.step, &gate.step_name);
            self.event(EventType::Step(StepStatus::Waiting), one(n), Some(stored(&payload)));
            payload["gate"] = gate.id.to_string().into();
            payload["role"] = gate.role.word().into();
            self.event(EventType::Gate(GateStatus::Open), one(n), Some(stored(&payload)));
            self.changes.gates.push(OpenedGate { n, gate });
        }
    }

    pub(super) fn queue_open(&mut self, n: u32, attempt: u32, open_as: OpenAs) {
        let why = if open_as == OpenAs::Waiting { "gate" } else { "cleanup" };
        let payload = Json::from_stored(format!("{{\"attempt\":{attempt},\"reason\":\"{why}\"}}"));
        self.event(EventType::Task(TaskStatus::Queued), one(n), Some(payload));
    }

    /// Writes down the end of gates, and of the steps that waited for them, unless those are to be put away.
    pub fn end_gates(&mut self, ends: &[GateEnd]) {
        for end in ends {
            let mut payload = step_payload(end.step, &end.step_name);
            let step = match end.status {
                // A step that has now got its budget is still to be done.
                GateStatus::Approved if end.kind == GateKind::Budget => None,
                GateStatus::Approved => Some(StepStatus::Success),
                GateStatus::Rejected | GateStatus::Expired => Some(StepStatus::Failed),
                GateStatus::Open | GateStatus::Cancelled => None,
            };
            let told = stored(&payload);
            payload["gate"] = end.gate.to_string().into();
            if let Some(comment) = &end.comment {
                payload["comment"] = comment.as_str().into();
            }
            self.event(EventType::Gate(end.status), one(end.n), Some(stored(&payload)));
            if let Some(step) = step {
                self.event(EventType::Step(step), one(end.n), Some(told));
            }
        }
    }

    /// Lets a waiting task go on: nothing is waited for any more. The caller gives its row the status `pending`.
    pub fn go_on(&mut self, task: OpenTask) {
        self.queue_open(task.n, task.attempt, OpenAs::Waiting);
        self.changes.requeued.push(Requeue { n: task.n, g: task.g, attempt: task.attempt });
    }

    /// Has the steps of attempts put away that hold no lease: they were cancelled. The caller gives the rows the status `pending`,
    /// marks the attempts as [`OpenAs::Cancelled`] (but those that are lost), cancels their gates, and has taken them out of the
    /// queue.
    pub fn wind_up(&mut self, tasks: &[OpenTask]) {
        for task in tasks {
            // It may have been queued by this very change.
            self.changes.requeued.retain(|queued| queued.n != task.n);
            self.changes.wound_up.retain(|queued| queued.n != task.n);
            if task.is_waiting {
                self.queue_open(task.n, task.attempt, OpenAs::Cancelled);
            }
            self.changes.wound_up.push(Requeue { n: task.n, g: task.g, attempt: task.attempt });
        }
    }

    /// Writes down what became of a step.
    pub fn note_step(&mut self, n: u32, status: StepStatus, payload: Json) {
        self.event(EventType::Step(status), one(n), Some(payload));
    }

    /// Writes down that the run may use more, as whoever decided about a gate of a task has said: so much from now on.
    pub fn raise_budget(&mut self, n: u32, gate: GateId, allowance: Allowance) {
        let payload = json!({"gate": gate.to_string(), "limit": allowance});
        self.event(EventType::BudgetRaised, one(n), Some(stored(&payload)));
    }

    /// Writes down that a call did not fit into a budget.
    pub fn note_shortage(&mut self, n: u32, payload: Json) {
        self.event(EventType::BudgetExceeded, one(n), Some(payload));
    }

    /// Writes down that there is an artifact more.
    pub fn note_artifact(&mut self, artifact: &NewArtifact) {
        let tasks = artifact.from.n.map(one).unwrap_or_default();
        self.event(EventType::ArtifactCreated, tasks, Some(stored(&artifact.told())));
    }
}

/// What events of a step say.
#[must_use]
pub fn step_payload(key: StepKey, name: &str) -> serde_json::Value {
    json!({"attempt": key.attempt, "round": key.round, "step": name, "try": key.tried})
}

fn stored(payload: &serde_json::Value) -> Json {
    Json::from_stored(payload.to_string())
}

//! What is told of gates: each when a task comes to it, with the command that decides, and when it is decided.

use anyhow::Result;
use ork_core::event::EventRow;
use ork_core::id::TaskId;
use ork_core::json::Json;
use ork_core::limits::PAGE_MAX;
use ork_core::store::GateStatus;

use super::words::name;
use super::{Progress, patient};
use crate::history::WantedGates;
use crate::log_text::clean;
use crate::names::Names;

impl Progress {
    /// Tells the gates that were open before this process looked.
    pub async fn tell_gates(&mut self) -> Result<()> {
        patient(self.tell_open_gates().await)
    }

    async fn tell_open_gates(&mut self) -> Result<()> {
        if self.history.out.json || self.is_silent() {
            return Ok(());
        }
        let wanted = WantedGates { run: Some(self.run), all: false, limit: PAGE_MAX };
        let open = self.history.gates(wanted).await?;
        if open.is_empty() {
            return Ok(());
        }
        let names = self.history.names(self.run).await?;
        for gate in open.iter().rev() {
            let n = gate.task_id.parse::<TaskId>().ok().and_then(TaskId::n);
            self.waits(&names, n, (&gate.step, &gate.required_role, &gate.id));
        }
        Ok(())
    }

    /// Tells what became of a gate.
    pub(super) fn gate(&mut self, row: &EventRow, to: GateStatus, names: &Names) {
        let payload = row.payload.as_ref().map(Json::value).unwrap_or_default();
        let text = |name: &str| payload[name].as_str().unwrap_or_default();
        let n = row.tasks.iter().next();
        if to == GateStatus::Open {
            self.waits(names, n, (text("step"), text("role"), text("gate")));
            return;
        }
        let who = n.map(|n| name(names, n)).unwrap_or_default();
        let by = if to == GateStatus::Cancelled { String::new() } else { format!("by {}", row.actor.id) };
        let comment = clean(text("comment"));
        let words: Vec<&str> = [by.as_str(), &comment].into_iter().filter(|word| !word.is_empty()).collect();
        self.line(to.word(), &format!("{who}: {}", text("step")), &words.join(": "));
    }

    fn waits(&mut self, names: &Names, n: Option<u32>, (step, role, gate): (&str, &str, &str)) {
        let who = n.map(|n| name(names, n)).unwrap_or_default();
        let command = format!("ork gates approve {gate}{}", self.history.flags());
        if let Some(n) = n {
            self.board.wait(n, format!("for a decision: {step} (role {role})"));
        }
        self.line("waiting", &format!("{who}: for a decision: {step} (role {role}): {command}"), "");
    }
}

//! A step that runs a program or a script.

use std::path::PathBuf;

use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::executor::{Assignment, ProcessWork, Program, StepAssignment, StopCause, TokenNote, Work};
use ork_core::json::Json;
use ork_core::step::{Cost, Step, StepKey, StepStatus, Tokens};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::io::StepIo;
use super::ledger::{Ended, Gone};
use super::{Tried, Walk, model, sight};

/// What a step says is to be run.
pub enum Said<'a> {
    Argv(&'a [String]),
    Script(&'a str),
}

impl Walk<'_> {
    pub(super) async fn command(&self, step: &Step, key: StepKey, said: Said<'_>, io: StepIo) -> Result<Tried, Gone> {
        self.ledger.begin(key, step, None);
        let assignment = match self.assignment(step, key, said) {
            Ok(assignment) => assignment,
            Err(failure) => return Ok(self.fail(key, failure)),
        };
        self.ledger.flush().await?;
        let report = self.work.folder().execute(assignment, Arc::new(io.clone())).await;
        let report = self.live.hidden(report);
        let (tokens, cost, model) = match self.spent(&report.tokens).await {
            Ok(spent) => spent,
            Err(failure) => return Ok(self.fail(key, failure)),
        };
        let mut ended = Ended { exit_code: report.exit_code, tokens, cost, model, ..Ended::of(StepStatus::Success) };
        match report.outcome {
            Outcome::Success { output } => ended.output = output,
            Outcome::Failed(failure) => {
                (ended.status, ended.error) = (StepStatus::Failed, Some(failure));
                ended.output = io.tail().and_then(|tail| self.printed(&tail));
            }
            _ => ended.status = StepStatus::Cancelled,
        }
        let failure = ended.error.clone();
        self.ledger.end(key, ended);
        Ok(match failure {
            Some(failure) if self.live.cause().is_none_or(|cause| cause == StopCause::Timeout) => {
                Tried::Failed(failure, 0)
            }
            _ => Tried::Over,
        })
    }

    /// The end of what a failed step printed, to be stored.
    fn printed(&self, tail: &str) -> Option<Json> {
        Json::from_value(&Value::from(self.live.hidden_text(tail))).ok()
    }

    fn assignment(&self, step: &Step, key: StepKey, said: Said<'_>) -> Result<Assignment, Failure> {
        let (ticket, plan) = (&self.live.ticket, &self.live.ticket.plan);
        let (claimed, action) = (&ticket.claimed, &self.node.action);
        let text = |text: &String| self.sight.text(&self.ledger, key.round, text);
        let program = match said {
            Said::Argv(argv) => Program::Argv(argv.iter().map(text).collect::<Result<_, _>>()?),
            Said::Script(script) => Program::Script(script.to_owned()),
        };
        let mut env = BTreeMap::new();
        for (name, value) in action.env.iter().chain(&step.env) {
            env.insert(name.clone(), self.sight.secret_text(&self.ledger, key.round, value)?);
        }
        let workdir = action.workdir.as_ref().map(text).transpose()?.map(PathBuf::from);
        let is_here = plan.host.as_ref().is_none_or(|host| *host == self.live.parts.config.host);
        let StepKey { attempt, round, position, tried } = key;
        Ok(Assignment {
            workspace: claimed.workspace,
            task: claimed.task,
            key: plan.key(claimed.g),
            index: claimed.task_index,
            attempt,
            nonce: format!("{}-{attempt}-{:016x}-{round}-{position}-{tried}", claimed.task.id(), ticket.lease.0),
            work: Work::Process(ProcessWork { program, env, workdir, output: action.output }),
            params: self.sight.value(&self.ledger, round, &action.params)?,
            project: plan.project.clone().filter(|_| is_here),
            step: Some(StepAssignment {
                name: step.name.clone(),
                round,
                feedback: sight::feedback(&self.ledger, round),
                is_work_lost: self.work.is_lost(),
            }),
        })
    }

    /// What a command says that models have used.
    async fn spent(&self, notes: &[TokenNote]) -> Result<(Tokens, Cost, Option<String>), Failure> {
        let (mut tokens, mut cost) = (Tokens::default(), Cost::default());
        let Some(first) = notes.first() else { return Ok((tokens, cost, None)) };
        let prices = model::prices(self.live).await.map_err(|_| stopped())?;
        for note in notes {
            let Tokens { input, output, cached } = note.tokens;
            tokens.input = tokens.input.saturating_add(input);
            tokens.output = tokens.output.saturating_add(output);
            tokens.cached = tokens.cached.saturating_add(cached);
            let price = note.model.as_ref().and_then(|model| prices.get(model));
            let micros = note.cost_micros.or_else(|| price.map(|rates| rates.cost(note.tokens)));
            cost.micros = cost.micros.saturating_add(micros.unwrap_or(0));
        }
        cost.tokens = tokens.total();
        Ok((tokens, cost, first.model.as_deref().map(|model| self.live.hidden_text(model))))
    }
}

fn stopped() -> Failure {
    Failure::new(FailureKind::Ai, "stopped before what the models used was known")
}

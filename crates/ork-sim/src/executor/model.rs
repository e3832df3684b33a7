//! A model that answers as the seed wants it, and keeps books.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ork_core::ai::{Ai, AiAnswer, AiCall, AiError};
use ork_core::executor::{AttemptIo, Stream};
use ork_core::id::{TaskId, TaskRef};
use ork_core::step::{Cost, StepKey, Tokens};
use ork_core::store::{Scope, Steps};
use tokio::time::sleep;

use super::{Execution, crash};
use crate::behaviour::{CallBehaviour, CallEnding, May, call_behaviour};
use crate::plans::steps::{MODEL, RATES};
use crate::rules::steps::STEPS_MAX;
use crate::scenario::Mode;
use crate::witness::End;
use crate::witness::steps::{Call, CallEnd};
use crate::world::{World, lock};

/// Speaks to models, on one node in one of its lives.
pub struct FakeModel {
    /// Where it is.
    pub world: Arc<World>,
    /// Which node, and which of its lives.
    pub place: (usize, u32),
}

/// How long an answer to a call that hangs is waited for: real callers have a limit, too.
const PATIENCE: Duration = Duration::from_secs(10);

impl FakeModel {
    /// Which try of which step asks. The prompt names the step; which try it is, is stored before the call.
    async fn asker(&self, prompt: &str) -> Option<(TaskRef, StepKey)> {
        let mut parts = prompt.split(' ').next_back()?.split('/');
        let id: TaskId = parts.next()?.parse().ok()?;
        let mut number = || parts.next()?.parse::<u32>().ok();
        let (attempt, round, position) = (number()?, number()?, number()?);
        let task = TaskRef { run: id.run(), n: id.n()? };
        let rows = self.world.store.steps(Scope::All, task, None, STEPS_MAX).await.ok()?;
        let is_asker = |key: StepKey| (key.attempt, key.round, key.position) == (attempt, round, position);
        let last = rows.iter().map(|row| row.key).rfind(|key| is_asker(*key))?;
        Some((task, last))
    }

    fn behaviour(&self, task: TaskRef, key: StepKey) -> Option<CallBehaviour> {
        let known = self.world.known(task.run)?;
        let node = self.world.node(task)?;
        let step = node.action.steps.get(key.position as usize)?;
        let hang = step.timeout_ms.is_some() || node.timeout_ms.is_some();
        let may = May { hang, crash: self.world.scenario.mode != Mode::Recovery };
        Some(call_behaviour(self.world.scenario.seed, (known.number, task.n), key, may))
    }

    fn book(&self, asker: (TaskRef, StepKey), end: CallEnd) {
        if let Some(call) = lock(&self.world.witness).steps.calls.get_mut(&asker) {
            call.end = end;
        }
    }
}

/// What a call with these tokens counts for.
fn cost(model: &str, tokens: Tokens) -> Cost {
    Cost { tokens: tokens.total(), micros: if model == MODEL { RATES.cost(tokens) } else { 0 } }
}

#[async_trait]
impl Ai for FakeModel {
    async fn call(&self, call: AiCall, io: &dyn AttemptIo) -> Result<AiAnswer, AiError> {
        let Some(asker) = self.asker(&call.prompt).await else {
            self.world.problem(format!("a model is asked by nobody: {}", call.prompt));
            return Err(AiError::Lost { message: "asked by nobody".into() });
        };
        let (task, key) = asker;
        let most = Tokens { input: call.input_tokens_max(), output: call.max_tokens.into(), cached: 0 };
        let Some(CallBehaviour { work_ms, ending, share }) = self.behaviour(task, key) else {
            return Err(AiError::Lost { message: "the step is not known".into() });
        };
        let mut execution = Execution::begin(&self.world, task, (key.attempt, Some(key)), self.place, false).await;
        let of = |tokens: u64| tokens * share / 100;
        let is_refused = matches!(ending, CallEnding::Refused { .. });
        let tokens = if is_refused {
            Tokens::default()
        } else {
            Tokens { input: of(most.input), output: of(most.output), cached: 0 }
        };
        let booked = Call { used: cost(&call.model, tokens), most: cost(&call.model, most), end: CallEnd::Unknown };
        lock(&self.world.witness).steps.calls.insert(asker, booked);
        let work = async {
            let ms = Duration::from_millis(work_ms);
            sleep(if ending == CallEnding::Hang { PATIENCE } else { ms }).await;
        };
        tokio::select! {
            biased;
            () = work => {}
            _ = io.stopped() => {
                execution.end(End::Stopped);
                return Err(AiError::Stopped);
            }
        }
        let message = "simulated".to_owned();
        match ending {
            CallEnding::Answer => {
                io.log(Stream::Stdout, b"an answer\n");
                execution.end(End::Success);
                self.book(asker, CallEnd::Told);
                Ok(AiAnswer { text: "an answer".into(), value: None, model: call.model, tokens })
            }
            CallEnding::Crash => crash(&self.world, self.place).await,
            ended => {
                execution.end(End::Failure);
                Err(match ended {
                    CallEnding::Refused { is_retryable } => {
                        self.book(asker, CallEnd::Refused);
                        AiError::Refused { message, is_retryable, retry_after_ms: Some(200).filter(|_| is_retryable) }
                    }
                    CallEnding::Unusable { says_tokens: true } => {
                        self.book(asker, CallEnd::Told);
                        AiError::Unusable { message, tokens: Some(tokens) }
                    }
                    CallEnding::Unusable { .. } => AiError::Unusable { message, tokens: None },
                    _ => AiError::Lost { message },
                })
            }
        }
    }
}

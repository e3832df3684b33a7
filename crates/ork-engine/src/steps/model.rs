//! A step that asks a model: what it may cost is reserved before, what it has cost is settled after.

use std::collections::BTreeMap;

use ork_core::ai::{AiAnswer, AiCall, AiError};
use ork_core::attempt::{Failure, FailureKind, storable};
use ork_core::executor::StopCause;
use ork_core::json::Json;
use ork_core::pin;
use ork_core::step::{AiStep, Allowance, Cost, Rates, Step, StepKey, StepStatus, Tokens};
use ork_core::store::Shortage;
use serde_json::Value;

use crate::assignment::{Unprepared, patiently};
use crate::expressions;
use crate::live::Live;
use crate::prompts;

use super::io::StepIo;
use super::ledger::{Asked, Ended, Gone};
use super::{Tried, Walk, sight};

/// What a question is made of.
struct Question {
    call: AiCall,
    prompt: Option<String>,
    rates: Option<Rates>,
    most: Cost,
}

impl Walk<'_> {
    pub(super) async fn model(&self, step: &Step, key: StepKey, ai: &AiStep, io: StepIo) -> Result<Tried, Gone> {
        let question = match self.question(ai, key.round).await {
            Ok(question) => question,
            Err(unprepared) => {
                self.ledger.begin(key, step, None);
                return Ok(match unprepared {
                    Unprepared::Failed(failure) => self.fail(key, failure),
                    Unprepared::Stopped => {
                        self.ledger.end(key, Ended::of(StepStatus::Cancelled));
                        Tried::Over
                    }
                });
            }
        };
        let Some(models) = self.live.parts.executors.models.clone() else {
            self.ledger.begin(key, step, None);
            let name = &self.live.parts.config.worker_name;
            let failure = Failure::new(FailureKind::Ai, format!("worker `{name}` speaks to no models"));
            return Ok(self.fail(key, failure));
        };
        let Question { call, prompt, rates, most } = question;
        let model = call.model.clone();
        let asked = Asked { model, prompt, reserve: most, allowance: ai.budget };
        if let Some(shortage) = self.ledger.reserve(key, step, asked).await? {
            return Ok(Tried::Short(shortage));
        }
        let result = models.call(call, &io).await;
        let (ended, wait_ms) = self.ended(result, rates, most);
        let failure = ended.error.clone();
        self.ledger.end(key, ended);
        // What it has cost is known to others from now on.
        self.ledger.flush().await?;
        Ok(match failure {
            Some(failure) if self.live.cause().is_none_or(|cause| cause == StopCause::Timeout) => {
                Tried::Failed(failure, wait_ms)
            }
            _ => Tried::Over,
        })
    }

    async fn question(&self, ai: &AiStep, round: u32) -> Result<Question, Unprepared> {
        let text = |text: &String| self.sight.text(&self.ledger, round, text);
        let (asked, prompt) = match (&ai.prompt, &ai.text) {
            (Some(named), _) => self.prompt(named, ai, round).await?,
            (None, Some(own)) => (text(own)?, None),
            (None, None) => return Err(expressions::failed("the step has neither a prompt nor a text").into()),
        };
        let [key, base_url] = [(&ai.key, 0), (&ai.base_url, 1)].map(|(own, at)| match own {
            Some(own) => self.sight.secret_text(&self.ledger, round, &Value::from(own.as_str())).map(Some),
            None => Ok(self.sight.secret(sight::usual_secrets(ai.api)[at])),
        });
        let call = AiCall {
            api: ai.api,
            base_url: base_url?,
            key: key?,
            model: storable(text(&ai.model)?),
            system: ai.system.as_ref().map(text).transpose()?,
            prompt: asked,
            max_tokens: ai.max_tokens,
            temperature: ai.temperature,
            schema: ai.schema.clone(),
        };
        let rates = prices(self.live).await?.get(&call.model).copied();
        if rates.is_none() {
            self.refuse_unpriced(ai, &call.model).await?;
        }
        let (input, output) = (call.input_tokens_max(), u64::from(call.max_tokens));
        let micros = rates.unwrap_or_default().at_most(input, output);
        Ok(Question { call, prompt, rates, most: Cost { tokens: input.saturating_add(output), micros } })
    }

    /// The text of a stored prompt with its variables filled in, and what it is called.
    async fn prompt(&self, named: &str, ai: &AiStep, round: u32) -> Result<(String, Option<String>), Unprepared> {
        let (id, version) = pin::split(named).unwrap_or((named, None));
        let row = prompts::get(self.live, id, version).await?;
        let mut vars: BTreeMap<String, Value> = BTreeMap::new();
        for variable in &row.variables {
            let given = ai.vars.get(&variable.name);
            let given = given.map(|value| self.sight.value(&self.ledger, round, value)).transpose()?;
            let value = given.or_else(|| variable.default.clone()).ok_or_else(|| {
                expressions::failed(format!("the prompt `{id}` needs the variable `{}`", variable.name))
            })?;
            vars.insert(variable.name.clone(), value);
        }
        let text = expressions::render_prompt(&row.text, vars)?;
        Ok((text, Some(format!("{}@{}", row.id, row.version))))
    }

    /// A budget in money cannot be kept with a model that has no price.
    async fn refuse_unpriced(&self, ai: &AiStep, model: &str) -> Result<(), Unprepared> {
        let in_money = |allowance: &Allowance| allowance.micros.is_some();
        let own = ai.budget.as_ref().is_some_and(in_money);
        let run = self.live.ticket.plan.plan.budget.is_some_and(|budget| in_money(&budget.allowance));
        let mut applies = own || run;
        if !applies {
            let (parts, workspace) = (&self.live.parts, self.live.ticket.claimed.workspace);
            let rows = patiently(self.live, || parts.store.budgets(workspace, parts.clock.now())).await?;
            applies = rows.iter().any(|row| in_money(&row.allowance));
        }
        if !applies {
            return Ok(());
        }
        let message = format!("a budget in money applies, and the model `{model}` has no price (hint: ork prices set)");
        Err(Failure::new(FailureKind::Budget, message).into())
    }

    fn ended(&self, result: Result<AiAnswer, AiError>, rates: Option<Rates>, most: Cost) -> (Ended, u64) {
        let charged =
            |tokens: Tokens| Cost { tokens: tokens.total(), micros: rates.map_or(0, |rates| rates.cost(tokens)) };
        let failed = |message: String, tokens: Tokens, cost: Cost| {
            let message = self.live.hidden_text(&message);
            Ended { tokens, cost, ..Ended::failed(Failure::new(FailureKind::Ai, message)) }
        };
        match result {
            Ok(answer) => {
                let value = answer.value.unwrap_or(Value::String(answer.text));
                let (tokens, cost) = (answer.tokens, charged(answer.tokens));
                let mut ended = match Json::from_value(&self.live.hidden_value(value)) {
                    Ok(output) => Ended { output: Some(output), ..Ended::of(StepStatus::Success) },
                    Err(error) => Ended::failed(Failure::new(FailureKind::Output, format!("the answer: {error}"))),
                };
                (ended.model, ended.tokens, ended.cost) = (Some(self.live.hidden_text(&answer.model)), tokens, cost);
                (ended, 0)
            }
            Err(AiError::Refused { message, is_retryable, retry_after_ms }) => {
                let mut ended = failed(message, Tokens::default(), Cost::default());
                if !is_retryable && let Some(failure) = &mut ended.error {
                    failure.kind = FailureKind::AiRefused;
                }
                (ended, retry_after_ms.unwrap_or(0))
            }
            Err(AiError::Lost { message }) => (failed(message, Tokens::default(), most), 0),
            Err(AiError::Unusable { message, tokens }) => {
                (failed(message, tokens.unwrap_or_default(), tokens.map_or(most, charged)), 0)
            }
            Err(AiError::Stopped) if self.live.cause().is_none() => {
                let timeout = Failure::new(FailureKind::Timeout, "ran longer than the step's timeout");
                (Ended { cost: most, ..Ended::failed(timeout) }, 0)
            }
            Err(AiError::Stopped) => (Ended { cost: most, ..Ended::of(StepStatus::Cancelled) }, 0),
        }
    }
}

/// What models cost in the attempt's workspace.
pub async fn prices(live: &Live) -> Result<BTreeMap<String, Rates>, Unprepared> {
    let workspace = live.ticket.claimed.workspace;
    let rows = patiently(live, || live.parts.store.prices(workspace)).await?;
    Ok(rows.into_iter().map(|row| (row.model, row.rates)).collect())
}

/// What is said of a call that does not fit into a budget.
pub fn shortage(shortage: &Shortage) -> String {
    let Shortage { budget, limit, taken, wanted } = shortage;
    let over = |limit: Option<u64>, taken: u64, wanted: u64| {
        limit.filter(|limit| taken.saturating_add(wanted) > *limit).map(|limit| limit.saturating_sub(taken))
    };
    let tokens = over(limit.tokens, taken.tokens, wanted.tokens).map(|left| {
        format!("has {left} tokens left of {}, and the call may use {}", limit.tokens.unwrap_or(0), wanted.tokens)
    });
    let money = over(limit.micros, taken.micros, wanted.micros).map(|left| {
        let [left, of, wanted] = [left, limit.micros.unwrap_or(0), wanted.micros].map(usd);
        format!("has {left} USD left of {of}, and the call may cost {wanted}")
    });
    let what: Vec<String> = tokens.into_iter().chain(money).collect();
    let budget = budget.word();
    format!("the {budget}'s budget {}", what.join(" and "))
}

/// Millionths of a dollar as dollars.
fn usd(micros: u64) -> String {
    let (whole, rest) = (micros / 1_000_000, format!("{:06}", micros % 1_000_000));
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() { whole.to_string() } else { format!("{whole}.{rest}") }
}

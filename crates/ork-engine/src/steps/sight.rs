//! What the expressions of steps see.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ork_core::attempt::Failure;
use ork_core::json::Json;
use ork_core::plan::Node;
use ork_core::step::{AiApi, StepWork};
use serde_json::{Value, json};

use crate::assignment::{Context, Unprepared};
use crate::expressions::{self, Scope, Secrets, StepView};
use crate::live::Live;
use crate::parts::lock;
use crate::secrets;

use super::ledger::{Entry, Ledger};

pub struct Sight {
    /// Shared with the task's siblings: what is this attempt's is put in for one expression at a time.
    scope: Arc<Mutex<Scope>>,
    task: Value,
    secrets: Secrets,
    /// The texts of prompts that expressions read.
    prompts: BTreeMap<String, String>,
}

impl Sight {
    pub async fn open(live: &Live, node: &Node) -> Result<Self, Unprepared> {
        let wanted = node.action.steps.iter().flat_map(|step| match &step.work {
            StepWork::Ai(ai) if ai.key.is_none() || ai.base_url.is_none() => usual_secrets(ai.api).to_vec(),
            _ => Vec::new(),
        });
        let Context { scope, task, prompts } = Context::of(live, node).await?;
        let secrets = secrets::unlock(live, node, &wanted.collect::<Vec<_>>()).await?;
        Ok(Self { scope, task, secrets, prompts })
    }

    /// The secret that is used where a step names none.
    pub fn secret(&self, name: &str) -> Option<String> {
        self.secrets.0.get(name).cloned()
    }

    fn with<T>(&self, ledger: &Ledger<'_>, round: u32, reads_secrets: bool, use_it: impl FnOnce(&Scope) -> T) -> T {
        let steps = ledger.entries(round).into_iter().map(view).collect();
        let mut task = self.task.clone();
        task["round"] = round.into();
        task["feedback"] = feedback(ledger, round).unwrap_or(Value::Null);
        let mut scope = lock(&self.scope);
        scope.task = Some(task);
        scope.steps = steps;
        scope.prompts.clone_from(&self.prompts);
        if reads_secrets {
            scope.secrets = self.secrets.clone();
        }
        let used = use_it(&scope);
        // Siblings share the scope, and nobody else is to find secrets in it.
        scope.secrets = Secrets::default();
        scope.steps.clear();
        used
    }

    pub fn condition(&self, ledger: &Ledger<'_>, round: u32, condition: &str) -> Result<bool, Failure> {
        self.with(ledger, round, false, |scope| expressions::condition(condition, scope))
    }

    pub fn text(&self, ledger: &Ledger<'_>, round: u32, text: &str) -> Result<String, Failure> {
        self.with(ledger, round, false, |scope| expressions::render_text(text, scope))
    }

    pub fn value(&self, ledger: &Ledger<'_>, round: u32, value: &Value) -> Result<Value, Failure> {
        self.with(ledger, round, false, |scope| expressions::render(value, scope))
    }

    /// A text that may read secrets.
    pub fn secret_text(&self, ledger: &Ledger<'_>, round: u32, text: &Value) -> Result<String, Failure> {
        let value = self.with(ledger, round, true, |scope| expressions::render(text, scope))?;
        Ok(expressions::as_text(&value))
    }
}

/// The secrets that say where a provider is and who asks, where a step does not.
pub const fn usual_secrets(api: AiApi) -> [&'static str; 2] {
    match api {
        AiApi::Openai => ["OPENAI_API_KEY", "OPENAI_BASE_URL"],
        AiApi::Anthropic => ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"],
    }
}

fn view(entry: Entry) -> (String, StepView) {
    let output = entry.output.as_ref().map_or(Value::Null, Json::value);
    let error = entry.error.map(|failure| failure.message);
    (entry.name, StepView { output, status: entry.status.word().to_owned(), error })
}

/// What the validation of the round before found; nothing in the first round.
pub fn feedback(ledger: &Ledger<'_>, round: u32) -> Option<Value> {
    let before = round.checked_sub(1).filter(|before| *before > 0)?;
    let findings = ledger.findings(before).into_iter().map(|entry| {
        let (name, view) = view(entry);
        json!({"step": name, "output": view.output, "error": view.error})
    });
    Some(findings.collect())
}

//! `ai`: a step that asks a model.

use std::collections::BTreeMap;

use ork_core::limits;
use ork_core::step::{AiApi, AiStep};
use serde_json::Value;

use crate::diagnostic::Report;
use crate::fields::{self, Fields};
use crate::sight::{Eyes, Inside, Sight};
use crate::source::Span;
use crate::tree::Located;
use crate::{budget, codes, keys, prompt, webhook};

/// Reads `ai`.
pub fn read(node: &Located, inside: Inside, eyes: &mut Eyes<'_, '_>, report: &mut Report) -> Option<AiStep> {
    let fields = Fields::open(node, "`ai`", &keys::AI, report)?;
    let mut reader = Reader { fields, inside, eyes, report };
    let mut step = AiStep::default();
    reader.question(&mut step);
    reader.model(&mut step);
    reader.answer(&mut step);
    Some(step)
}

struct Reader<'a, 'w, 's, 't> {
    fields: Fields<'t>,
    inside: Inside,
    eyes: &'a mut Eyes<'w, 's>,
    report: &'a mut Report,
}

impl Reader<'_, '_, '_, '_> {
    /// What the model is asked: a stored prompt with its variables, or a text.
    fn question(&mut self, step: &mut AiStep) {
        let stored = self.fields.get("prompt");
        match (stored, self.fields.entry("text"), self.fields.entry("vars")) {
            (None, None, _) => self.missing("prompt", "name a stored prompt, or write what is asked as `text`"),
            (Some(_), Some((key, _)), _) => {
                let message = "`ai` has both `prompt` and `text`";
                self.report.hinted(codes::KEYS_CONFLICT, key.at, message, "keep one of them");
            }
            (None, Some(_), Some((key, _))) => {
                let hint = "a text reads values directly: text: \"… {{ tasks.NAME.output }} …\"";
                self.report.hinted(codes::KEYS_CONFLICT, key.at, "`vars` are those of a stored `prompt`", hint);
            }
            _ => {}
        }
        step.prompt = stored.and_then(|node| prompt::name(node, self.report));
        let sight = Sight::Task(self.inside.with_prompts());
        step.text = self.text("text", sight, true);
        step.system = self.text("system", sight, false);
        step.vars = self.vars();
    }

    fn vars(&mut self) -> BTreeMap<String, Value> {
        let Some(node) = self.fields.get("vars") else { return BTreeMap::new() };
        let entries = fields::entries(node, "`vars`", self.report).unwrap_or_default();
        if entries.len() > limits::PROMPT_VARIABLES_MAX {
            let message = format!("a prompt has at most {} variables", limits::PROMPT_VARIABLES_MAX);
            self.report.add(codes::OUT_OF_RANGE, node.at, message);
        }
        for (key, _) in entries {
            fields::check_name(&key.name, key.at, "the name of a variable", self.report);
        }
        self.eyes.value(node, Sight::Task(self.inside), self.report);
        match fields::value(node, "`vars`", self.report) {
            Some(Value::Object(vars)) => vars.into_iter().collect(),
            _ => BTreeMap::new(),
        }
    }

    /// Who is asked, and where.
    fn model(&mut self, step: &mut AiStep) {
        if self.fields.get("model").is_none() {
            self.missing("model", "name the model as its provider does");
        }
        step.model = self.text("model", Sight::Task(self.inside), true).unwrap_or_default();
        if let Some(node) = self.fields.get("api")
            && fields::word(node, "`api`", &keys::AI_APIS, self.report) == Some(1)
        {
            step.api = AiApi::Anthropic;
        }
        let sight = Sight::Task(self.inside.with_secrets());
        step.base_url = self.text("base_url", sight, true);
        if let Some(node) = self.fields.get("key") {
            step.key = webhook::secret(node, "key", self.report).map(|name| format!("{{{{ secrets[\"{name}\"] }}}}"));
        }
    }

    /// How it is to answer, and what that may cost.
    fn answer(&mut self, step: &mut AiStep) {
        match self.fields.get("max_tokens") {
            Some(node) => {
                let range = (1, i64::from(limits::AI_TOKENS_MAX));
                let tokens = fields::integer(node, "`max_tokens`", range, self.report);
                step.max_tokens = tokens.and_then(|tokens| u32::try_from(tokens).ok()).unwrap_or_default();
            }
            None => self.missing("max_tokens", "say how long the answer may be: `max_tokens: 1000`"),
        }
        let temperature = self.fields.get("temperature");
        step.temperature = temperature.and_then(|node| fields::number(node, "`temperature`", (0.0, 2.0), self.report));
        if let Some(node) = self.fields.get("schema")
            && fields::entries(node, "`schema`", self.report).is_some()
        {
            step.schema = fields::value(node, "`schema`", self.report);
        }
        step.budget = self.fields.get("budget").and_then(|node| budget::of_step(node, self.report));
    }

    /// A text with templates in it.
    fn text(&mut self, key: &str, sight: Sight, must_say_something: bool) -> Option<String> {
        let node = self.fields.get(key)?;
        self.eyes.value(node, sight, self.report);
        let text = fields::text(node, &format!("`{key}`"), self.report)?;
        if must_say_something && text.trim().is_empty() {
            self.report.add(codes::OUT_OF_RANGE, node.at, format!("`{key}` is empty"));
        }
        if text.len() > limits::PROMPT_BYTES_MAX {
            let message = format!("`{key}` is longer than {} bytes", limits::PROMPT_BYTES_MAX);
            self.report.add(codes::VALUE_LARGE, node.at, message);
        }
        Some(text.to_owned())
    }

    fn missing(&mut self, key: &str, hint: &str) {
        if !self.fields.is_suggested(key) {
            let at = Span::new(self.fields.at.start, self.fields.at.start + 1);
            self.report.hinted(codes::KEY_MISSING, at, format!("`ai` has no `{key}`"), hint);
        }
    }
}

//! `steps`: the work of a task in parts that follow each other.

use std::collections::BTreeMap;

use ork_core::limits;
use ork_core::retry::RetryPolicy;
use ork_core::step::{Step, StepPhase, StepWork};
use serde_json::Value;

use crate::diagnostic::Report;
use crate::fields::{self, Fields};
use crate::sight::{Eyes, Inside, Sight};
use crate::source::Span;
use crate::tree::{Kind, Located};
use crate::{ai, artifact, codes, gate, keys, policy, suggest, work};

/// What a step may do; it does exactly one thing.
const KINDS: [&str; 5] = ["command", "run", "ai", "gate", "artifact"];
/// Tries of a call of a model that says nothing else: providers are busy often, and seldom for long.
const AI_TRIES: u32 = 4;

/// Reads `steps`. A broken step is left out.
pub fn read_all(node: &Located, inside: Inside, eyes: &mut Eyes<'_, '_>, report: &mut Report) -> Vec<Step> {
    if let Kind::Map(_) = node.kind {
        let hint = "write each step as an item with a name: `- {name: fetch, phase: execution, command: [work]}`";
        report.hinted(codes::WRONG_TYPE, node.at, "`steps` must be a list, and this is a mapping", hint);
        return Vec::new();
    }
    let Some(items) = fields::list(node, "`steps`", report) else { return Vec::new() };
    if items.is_empty() || items.len() > limits::STEPS_MAX {
        let message = format!("a task has 1 to {} steps, and this one has {}", limits::STEPS_MAX, items.len());
        report.add(codes::OUT_OF_RANGE, node.at, message);
        return Vec::new();
    }
    let mut order = Order::default();
    let mut steps = Vec::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        let Some(fields) = Fields::open(item, "a step", &keys::STEP, report) else { continue };
        let mut reader = Reader { fields, inside: inside.at_step(position), eyes, report };
        steps.extend(reader.read(&mut order));
    }
    steps
}

/// What the steps before say of the next one.
#[derive(Default)]
struct Order<'t> {
    /// Their names, and where they stand.
    names: BTreeMap<&'t str, Span>,
    /// The last of their phases.
    phase: Option<usize>,
}

struct Reader<'a, 'w, 's, 't> {
    fields: Fields<'t>,
    inside: Inside,
    eyes: &'a mut Eyes<'w, 's>,
    report: &'a mut Report,
}

impl<'t> Reader<'_, '_, '_, 't> {
    fn read(&mut self, order: &mut Order<'t>) -> Option<Step> {
        let name = self.name(order);
        let phase = self.phase(order);
        let kind = self.kind(name);
        self.refuse_unfit(kind, phase);
        let work = kind.and_then(|kind| self.work(kind));
        let when = self
            .fields
            .get("when")
            .and_then(|node| work::condition(node, "when", Sight::Task(self.inside), self.eyes, self.report));
        let timeout = self.fields.get("timeout");
        let timeout_ms = timeout.and_then(|node| fields::duration_positive(node, "`timeout`", self.report));
        let retry = self.retry(kind);
        let continues = self.fields.get("continue_on_error");
        let continues = continues.and_then(|node| fields::boolean(node, "`continue_on_error`", self.report));
        let env = self.env();
        Some(Step {
            name: name?.to_owned(),
            phase: phase?,
            when,
            timeout_ms,
            retry,
            continue_on_error: continues.unwrap_or_default(),
            env,
            work: work?,
        })
    }

    fn name(&mut self, order: &mut Order<'t>) -> Option<&'t str> {
        let Some(node) = self.fields.get("name") else {
            self.missing("name", "others read it as steps.NAME.output: `name: fetch`");
            return None;
        };
        let name = fields::name(node, "the name of a step", self.report)?;
        if order.names.insert(name, node.at).is_some() {
            let message = format!("there is a second step `{name}` in this task");
            self.report.hinted(codes::STEP_REPEATED, node.at, message, "rename one of them");
        }
        Some(name)
    }

    fn phase(&mut self, order: &mut Order<'t>) -> Option<StepPhase> {
        let Some(node) = self.fields.get("phase") else {
            self.missing("phase", &format!("write one of {}", suggest::list(&keys::PHASES)));
            return None;
        };
        let at = fields::word(node, "`phase`", &keys::PHASES, self.report)?;
        match order.phase {
            Some(before) if at < before => {
                let message =
                    format!("a step of `{}` cannot stand after one of `{}`", keys::PHASES[at], keys::PHASES[before]);
                let hint = "phases follow each other: setup, execution, validation, cleanup; move the step up";
                self.report.hinted(codes::PHASE_ORDER, node.at, message, hint);
            }
            _ => order.phase = Some(at),
        }
        StepPhase::from_word(keys::PHASES[at])
    }

    fn missing(&mut self, key: &str, hint: &str) {
        if !self.fields.is_suggested(key) {
            let at = Span::new(self.fields.at.start, self.fields.at.start + 1);
            self.report.hinted(codes::KEY_MISSING, at, format!("this step has no `{key}`"), hint);
        }
    }

    /// What the step does; exactly one thing is allowed.
    fn kind(&mut self, name: Option<&str>) -> Option<&'static str> {
        let step = name.map_or_else(|| "this step".to_owned(), |name| format!("step `{name}`"));
        let present: Vec<&'static str> = KINDS.into_iter().filter(|kind| self.fields.get(kind).is_some()).collect();
        let is_reported = keys::STEP.later.iter().any(|later| self.fields.get(later).is_some())
            || KINDS.iter().any(|kind| self.fields.is_suggested(kind));
        if present.is_empty() && !is_reported {
            let at = Span::new(self.fields.at.start, self.fields.at.start + 1);
            let hint = "give it one of `command` (a program with arguments), `run` (a shell script), `ai` (a model is asked), `gate` (it passes, or not) and `artifact` (files are kept)";
            self.report.hinted(codes::STEP_WORK, at, format!("{step} has nothing to do"), hint);
        }
        if let [_, second, ..] = present.as_slice()
            && let Some((key, _)) = self.fields.entry(second)
        {
            let message = format!("{step} has more than one of {}", suggest::list(&present));
            self.report.hinted(codes::STEP_WORK, key.at, message, "keep one, and make another step of the other");
        }
        present.last().copied()
    }

    fn work(&mut self, kind: &str) -> Option<StepWork> {
        let node = self.fields.get(kind)?;
        match kind {
            "command" => {
                let sight = Sight::Task(self.inside.with_prompts());
                work::command(node, sight, self.eyes, self.report).map(StepWork::Command)
            }
            "run" => work::script(node, self.eyes, self.report).map(StepWork::Run),
            "ai" => ai::read(node, self.inside, self.eyes, self.report).map(Box::new).map(StepWork::Ai),
            "gate" => gate::read(node, self.inside, self.eyes, self.report),
            _ => artifact::read(node, self.inside, self.eyes, self.report).map(Box::new).map(StepWork::Artifact),
        }
    }

    /// Keys that mean nothing for this kind of step.
    fn refuse_unfit(&mut self, kind: Option<&str>, phase: Option<StepPhase>) {
        let (what, unfit): (_, &[(&str, &str)]) = match kind {
            Some("ai") => ("a call of a model", &[("env", "it has no process: remove it")]),
            Some("artifact") => ("an artifact", &[("env", "it has no process: remove it")]),
            Some("gate") => match self.fields.get("gate").and_then(gate::decider) {
                Some("approval") => (
                    "an approval",
                    &[
                        ("env", "it has no process: remove it"),
                        ("timeout", "how long there is time is said by `expires`: `gate: {approval: {expires: 24h}}`"),
                        ("retry", "somebody decides, once: remove it"),
                    ],
                ),
                Some("condition") => (
                    "a condition",
                    &[
                        ("env", "it has no process: remove it"),
                        ("timeout", "it takes no time: remove it"),
                        ("retry", "the same data would give the same answer: remove it"),
                    ],
                ),
                _ => ("", &[]),
            },
            _ => return,
        };
        for (name, hint) in unfit {
            if let Some((key, _)) = self.fields.entry(name) {
                self.report.hinted(codes::KEY_UNFIT, key.at, format!("`{name}` does not fit {what}"), *hint);
            }
        }
        if kind == Some("gate")
            && phase == Some(StepPhase::Cleanup)
            && let Some((key, _)) = self.fields.entry("gate")
        {
            let hint = "cleanup always runs to its end: put the gate into `setup`, `execution` or `validation`";
            self.report.hinted(codes::GATE_IN_CLEANUP, key.at, "a gate cannot stand in `cleanup`", hint);
        }
    }

    fn retry(&mut self, kind: Option<&str>) -> RetryPolicy {
        let mut base = RetryPolicy::default();
        if kind == Some("ai") {
            base.max_attempts = AI_TRIES;
        }
        match self.fields.get("retry") {
            Some(node) => policy::retry(node, &base, limits::TRIES_MAX, self.report),
            None => base,
        }
    }

    fn env(&mut self) -> BTreeMap<String, Value> {
        let sight = Sight::Task(self.inside.with_secrets().with_prompts());
        let node = self.fields.get("env");
        node.map(|node| work::env(node, sight, self.eyes, self.report)).unwrap_or_default()
    }
}

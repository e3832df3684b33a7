//! `gate`: a step that lets the attempt pass, or not.

use ork_core::access::Role;
use ork_core::step::{Approval, OnExpiry, StepWork};

use crate::diagnostic::Report;
use crate::fields::{self, Fields};
use crate::sight::{Eyes, Inside, Sight};
use crate::source::Span;
use crate::tree::{Kind, Located};
use crate::{codes, keys, suggest, work};

/// Who or what decides, if that can be told at all.
pub fn decider(node: &Located) -> Option<&'static str> {
    let Kind::Map(entries) = &node.kind else { return None };
    keys::GATE.keys.iter().copied().find(|name| entries.iter().any(|(key, _)| key.name == *name))
}

/// Reads `gate`; exactly one thing decides.
pub fn read(node: &Located, inside: Inside, eyes: &mut Eyes<'_, '_>, report: &mut Report) -> Option<StepWork> {
    let fields = Fields::open(node, "`gate`", &keys::GATE, report)?;
    let present: Vec<&str> = keys::GATE.keys.iter().copied().filter(|name| fields.get(name).is_some()).collect();
    if let [_, second, ..] = present.as_slice()
        && let Some((key, _)) = fields.entry(second)
    {
        let message = format!("`gate` has more than one of {}", suggest::list(&present));
        report.hinted(codes::STEP_WORK, key.at, message, "keep one, and make another step of the other");
    }
    let Some(&kind) = present.first() else {
        if !keys::GATE.keys.iter().any(|name| fields.is_suggested(name)) {
            let at = Span::new(fields.at.start, fields.at.start + 1);
            let hint = "give it one of `command` or `run` (it passes when that succeeds), `condition` (when it is true) and `approval` (when somebody says so)";
            report.hinted(codes::STEP_WORK, at, "`gate` does not say what decides", hint);
        }
        return None;
    };
    let node = fields.get(kind)?;
    match kind {
        "command" => work::command(node, Sight::Task(inside.with_prompts()), eyes, report).map(StepWork::GateCommand),
        "run" => work::script(node, eyes, report).map(StepWork::GateRun),
        "condition" => {
            work::condition(node, "condition", Sight::Task(inside), eyes, report).map(StepWork::GateCondition)
        }
        _ => approval(node, inside, eyes, report).map(StepWork::Approval),
    }
}

fn approval(node: &Located, inside: Inside, eyes: &mut Eyes<'_, '_>, report: &mut Report) -> Option<Approval> {
    let fields = Fields::open(node, "`approval`", &keys::APPROVAL, report)?;
    let role = match fields.get("role") {
        Some(node) => fields::word(node, "`role`", &keys::DECIDERS, report).map(|at| keys::DECIDERS[at]),
        None => Some(Role::Operator.word()),
    };
    let expires_ms = fields.get("expires").and_then(|node| fields::duration_positive(node, "`expires`", report));
    let mut on_expiry = OnExpiry::default();
    if let Some((key, node)) = fields.entry("on_expiry") {
        if fields.get("expires").is_none() {
            let hint = "say how long there is time: `expires: 24h`; or remove `on_expiry`";
            report.hinted(codes::KEY_MISSING, key.at, "`on_expiry` needs `expires`", hint);
        }
        let word = fields::word(node, "`on_expiry`", &keys::ON_EXPIRY, report);
        on_expiry = word.and_then(|at| OnExpiry::from_word(keys::ON_EXPIRY[at])).unwrap_or_default();
    }
    let allow_self = fields.get("allow_self").map(|node| fields::boolean(node, "`allow_self`", report));
    let message = fields.get("message").and_then(|node| {
        eyes.value(node, Sight::Task(inside), report);
        fields::text(node, "`message`", report).map(str::to_owned)
    });
    Some(Approval {
        role: Role::from_word(role?)?,
        expires_ms,
        on_expiry,
        allow_self: allow_self.flatten().unwrap_or(true),
        message,
    })
}

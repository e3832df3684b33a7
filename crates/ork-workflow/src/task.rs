//! One task of a file to a node of the plan, its templates still in it.

use std::collections::{BTreeMap, BTreeSet};

use ork_core::limits;
use ork_core::plan::{Action, Fan, Node, OutputFrom, RunIf};
use ork_core::retry::RetryPolicy;
use serde_json::Value;

use crate::diagnostic::Report;
use crate::expression::{Part, Template};
use crate::fields::{self, Fields};
use crate::sight::{Eyes, Inside, Sight};
use crate::source::Span;
use crate::tree::{Key, Kind, Located};
use crate::{codes, keys, policy, step, suggest, work};

/// What the top of the file says for all tasks.
#[derive(Debug, Default)]
pub struct Defaults {
    pub retry: RetryPolicy,
    pub env: BTreeMap<String, Value>,
}

/// A task as read.
pub struct Draft {
    pub node: Node,
    /// Where its name stands.
    pub at: Span,
    /// Where its `count` or `each` stands, else its name.
    pub fan_at: Span,
}

/// Reads one task. Even a broken one gives a node, so that the positions of the others stay what they are.
pub fn read(
    (key, node): &(Key, Located),
    position: u32,
    defaults: &Defaults,
    eyes: &mut Eyes<'_, '_>,
    report: &mut Report,
) -> Draft {
    fields::check_name(&key.name, key.at, "the name of a task", report);
    let mut draft = Draft { node: Node::new(&key.name, Action::default()), at: key.at, fan_at: key.at };
    if matches!(node.kind, Kind::Null) {
        let hint = "give it work, indented below its name: `command: [echo, hello]`";
        report.hinted(codes::WORK_NONE, key.at, format!("task `{}` is empty", key.name), hint);
        return draft;
    }
    if keys::TASK.keys.contains(&key.name.as_str()) && !matches!(node.kind, Kind::Map(_) | Kind::Bad) {
        let message = format!("task `{}` must be a mapping, and this is {}", key.name, node.noun());
        let hint = format!("`{}` is a key of a task: indent it below the task's name", key.name);
        report.hinted(codes::WRONG_TYPE, key.at, message, hint);
        return draft;
    }
    let Some(fields) = Fields::open(node, &format!("task `{}`", key.name), &keys::TASK, report) else { return draft };
    let mut task = Task { key, fields, position, eyes, report };
    draft.node.depends_on = task.depends_on();
    draft.node.fan = task.fan(&mut draft.fan_at);
    draft.node.action = task.action(defaults, draft.node.fan.clone());
    draft.node.queue = task.queue(&draft.node.action);
    task.rules(&mut draft.node, defaults);
    draft
}

struct Task<'a, 'w, 's, 't> {
    key: &'t Key,
    fields: Fields<'t>,
    position: u32,
    eyes: &'a mut Eyes<'w, 's>,
    report: &'a mut Report,
}

impl<'t> Task<'_, '_, '_, 't> {
    fn depends_on(&mut self) -> Vec<u32> {
        let Some(node) = self.fields.get("depends_on") else { return Vec::new() };
        let items = match &node.kind {
            Kind::Text(_) => std::slice::from_ref(node),
            Kind::List(items) => items,
            _ => {
                return fields::wrong_type(node, "`depends_on`", "a task's name, or a list of names", self.report)
                    .unwrap_or_default();
            }
        };
        let mut seen = BTreeSet::new();
        for item in items {
            let name = fields::text(item, "a dependency", self.report);
            let Some(position) = name.and_then(|name| self.dependency(name, item.at)) else { continue };
            if !seen.insert(position) {
                let message = format!("task `{}` depends on this twice", self.key.name);
                self.report.hinted(codes::DEPENDENCY_REPEATED, item.at, message, "remove one of them");
            }
        }
        seen.into_iter().collect()
    }

    fn dependency(&mut self, name: &str, at: Span) -> Option<u32> {
        let world = self.eyes.world;
        if let Some(&position) = world.positions.get(name) {
            if position == self.position {
                self.report.hinted(codes::CYCLE, at, format!("task `{name}` depends on itself"), "remove it");
                return None;
            }
            return Some(position);
        }
        let message = format!("task `{}` depends on `{name}`, which does not exist", self.key.name);
        if self.report.is_full() {
            self.report.add(codes::DEPENDENCY_UNKNOWN, at, message);
            return None;
        }
        let others = world.positions.keys().copied().filter(|&other| other != self.key.name);
        match suggest::hint(name, others) {
            Some(hint) => self.report.hinted(codes::DEPENDENCY_UNKNOWN, at, message, hint),
            None => self.report.add(codes::DEPENDENCY_UNKNOWN, at, message),
        }
        None
    }

    fn fan(&mut self, fan_at: &mut Span) -> Fan {
        if let (Some(_), Some((each, _))) = (self.fields.get("count"), self.fields.entry("each")) {
            let message = format!("task `{}` has both `count` and `each`", self.key.name);
            self.report.hinted(
                codes::KEYS_CONFLICT,
                each.at,
                message,
                "keep one: `each` has as many tasks as its list has items",
            );
        }
        if let Some(node) = self.fields.get("count") {
            *fan_at = node.at;
            return self.count(node).unwrap_or_default();
        }
        let Some(node) = self.fields.get("each") else { return Fan::One };
        *fan_at = node.at;
        self.each(node).unwrap_or_default()
    }

    fn count(&mut self, node: &'t Located) -> Option<Fan> {
        if let Kind::Text(text) = &node.kind {
            return self.whole(node, text, "`count`").map(Fan::CountOf);
        }
        let count = fields::integer(node, "`count`", (0, i64::from(limits::TASKS_MAX)), self.report)?;
        Some(Fan::Count(u32::try_from(count).unwrap_or(0)))
    }

    fn each(&mut self, node: &'t Located) -> Option<Fan> {
        match &node.kind {
            Kind::Text(text) => self.whole(node, text, "`each`").map(Fan::EachOf),
            Kind::List(items) => {
                self.eyes.value(node, Sight::Items, self.report);
                Some(Fan::Each(items.iter().map(|item| item.to_json(self.report)).collect()))
            }
            _ => fields::wrong_type(node, "`each`", "a list, or `{{ … }}`", self.report),
        }
    }

    /// The expression of a value that must be one whole `{{ … }}`.
    fn whole(&mut self, node: &'t Located, text: &str, place: &'static str) -> Option<String> {
        let sight = Sight::Before { node: self.position, place };
        if let Ok(template) = Template::cut(text)
            && template.whole().is_none()
        {
            let hint = match template.parts.as_slice() {
                [Part::Text(text)] if text.parse::<u32>().is_ok() => "remove the quotes".to_owned(),
                [Part::Text(text)] => format!("write an expression in braces: \"{{{{ {} }}}}\"", text.trim()),
                _ => "nothing may stand beside the braces".to_owned(),
            };
            self.report.hinted(
                codes::EXPRESSION_WANTED,
                node.at,
                format!("{place} is text, and must be one whole expression"),
                hint,
            );
            return None;
        }
        self.eyes.value(node, sight, self.report);
        Template::cut(text).ok().and_then(|template| template.whole().map(str::to_owned))
    }

    fn action(&mut self, defaults: &Defaults, fan: Fan) -> Action {
        let each = matches!(fan, Fan::Each(_) | Fan::EachOf(_));
        let inside = Inside::of(self.position, each);
        let kind = self.work();
        let params = self.params(Sight::Task(inside.with_secrets().with_prompts()));
        let mut action = Action { executor: self.executor(kind), params, ..Action::default() };
        if let Some(node) = self.fields.get("operation") {
            action.operation = fields::name(node, "the operation", self.report).map(str::to_owned);
        }
        if let Some(node) = self.fields.get("command") {
            action.command = work::command(node, Sight::Task(inside.with_prompts()), self.eyes, self.report);
        }
        if let Some(node) = self.fields.get("run") {
            action.run = work::script(node, self.eyes, self.report);
        }
        if let Some(node) = self.fields.get("steps") {
            action.steps = step::read_all(node, inside, self.eyes, self.report);
        }
        action.rounds = self.rounds(kind);
        if kind == Some("operation") {
            self.refuse_process_keys();
            return action;
        }
        action.env.clone_from(&defaults.env);
        if let Some(node) = self.fields.get("env") {
            let sight = Sight::Task(inside.with_secrets().with_prompts());
            action.env.extend(work::env(node, sight, self.eyes, self.report));
        }
        if let Some(node) = self.fields.get("workdir") {
            self.eyes.value(node, Sight::Task(inside), self.report);
            action.workdir = fields::text(node, "`workdir`", self.report).map(str::to_owned);
        }
        if let Some(node) = self.fields.get("output") {
            action.output = match fields::word(node, "`output`", &keys::OUTPUT, self.report) {
                Some(1) => OutputFrom::Stdout,
                Some(2) => OutputFrom::StdoutJson,
                _ => OutputFrom::File,
            };
        }
        action
    }

    /// Which kind of work the task has; exactly one is allowed.
    fn work(&mut self) -> Option<&'static str> {
        let kinds = ["command", "run", "steps", "operation"];
        let present: Vec<&'static str> = kinds.into_iter().filter(|name| self.fields.get(name).is_some()).collect();
        let is_reported = keys::TASK.later.iter().any(|later| self.fields.get(later).is_some())
            || kinds.iter().any(|name| self.fields.is_suggested(name));
        if present.is_empty() && !is_reported {
            let message = format!("task `{}` has nothing to do", self.key.name);
            let hint = "give it one of `command` (a program with arguments), `run` (a shell script), `steps` (several of them, models and gates) and `operation` (what a worker serves)";
            self.report.hinted(codes::WORK_NONE, self.key.at, message, hint);
        }
        if let [_, second, ..] = present.as_slice()
            && let Some((key, _)) = self.fields.entry(second)
        {
            let message = format!("task `{}` has more than one of {}", self.key.name, suggest::list(&present));
            self.report.hinted(codes::WORK_NONE, key.at, message, "keep one, and make another task of the other");
        }
        // `operation` decides which keys fit, so that it goes before the others where there are several.
        present.last().copied()
    }

    fn executor(&mut self, kind: Option<&'static str>) -> String {
        let implied = if kind == Some("operation") { Action::WORKER } else { Action::PROCESS };
        let Some(node) = self.fields.get("executor") else { return implied.to_owned() };
        let Some(name) = fields::text(node, "`executor`", self.report) else { return implied.to_owned() };
        if keys::EXECUTORS_LATER.contains(&name) {
            let message = format!("the executor `{name}` is not available in this build of Ork");
            self.report.hinted(codes::EXECUTOR, node.at, message, "`process` runs a command, `worker` an operation");
        } else if !keys::EXECUTORS.contains(&name) {
            let hint = suggest::hint(name, keys::EXECUTORS).unwrap_or_default();
            self.report.hinted(codes::EXECUTOR, node.at, format!("there is no executor `{name}`"), hint);
        } else if name != implied && kind.is_some() {
            let work = match kind {
                Some("steps") => "steps",
                Some("operation") => "an operation",
                _ => "a command",
            };
            let message = format!("the executor `{name}` cannot run {work}");
            let hint = if name == Action::WORKER {
                "name what workers serve: `operation: NAME`; or remove `executor`"
            } else {
                "remove `executor`: an operation goes to workers"
            };
            self.report.hinted(codes::EXECUTOR, node.at, message, hint);
        }
        implied.to_owned()
    }

    fn params(&mut self, sight: Sight) -> Value {
        if let (Some(_), Some((with, _))) = (self.fields.get("params"), self.fields.entry("with")) {
            self.report.hinted(codes::KEYS_CONFLICT, with.at, "`with` and `params` mean the same", "keep one of them");
        }
        let Some(node) = self.fields.get("params").or_else(|| self.fields.get("with")) else { return Value::Null };
        self.eyes.value(node, sight, self.report);
        fields::value(node, "`params`", self.report).unwrap_or_default()
    }

    fn rounds(&mut self, kind: Option<&str>) -> u32 {
        let Some((key, node)) = self.fields.entry("rounds") else { return 0 };
        if kind != Some("steps") {
            let hint = "rounds are those of `execution` and `validation` of a task with `steps`";
            self.report.hinted(codes::KEY_UNFIT, key.at, "`rounds` does not fit a task without `steps`", hint);
        }
        let most = i64::from(limits::ROUNDS_MAX);
        let rounds = fields::integer(node, "`rounds`", (1, most), self.report);
        rounds.and_then(|rounds| u32::try_from(rounds).ok()).unwrap_or_default()
    }

    fn refuse_process_keys(&mut self) {
        for name in ["env", "workdir", "output"] {
            if let Some((key, _)) = self.fields.entry(name) {
                let hint = if name == "output" {
                    "remove it: an operation answers with its output"
                } else {
                    "pass it in `params`"
                };
                self.report.hinted(codes::KEY_UNFIT, key.at, format!("`{name}` does not fit an operation"), hint);
            }
        }
    }

    fn queue(&mut self, action: &Action) -> String {
        let named = self.fields.get("queue").and_then(|node| fields::name(node, "the queue", self.report));
        named.map(str::to_owned).or_else(|| action.operation.clone()).unwrap_or_else(|| Node::QUEUE_DEFAULT.to_owned())
    }

    /// When it runs, how often, how long.
    fn rules(&mut self, node: &mut Node, defaults: &Defaults) {
        node.retry = defaults.retry.clone();
        if let Some(found) = self.fields.get("retry") {
            node.retry = policy::retry(found, &defaults.retry, limits::ATTEMPTS_MAX, self.report);
        }
        if let Some(found) = self.fields.get("when") {
            let sight = Sight::Before { node: self.position, place: "`when`" };
            node.when = work::condition(found, "when", sight, self.eyes, self.report);
        }
        if let Some(found) = self.fields.get("run_if") {
            node.run_if = match fields::word(found, "`run_if`", &keys::RUN_IF, self.report) {
                Some(0) => Some(RunIf::Always),
                Some(_) => Some(RunIf::Failed),
                None => None,
            };
        }
        if let Some(found) = self.fields.get("timeout") {
            node.timeout_ms = fields::duration_positive(found, "`timeout`", self.report);
        }
        if let Some(found) = self.fields.get("priority") {
            node.priority = priority(found, self.report);
        }
        if let Some(found) = self.fields.get("concurrency") {
            node.concurrency = policy::concurrency(found, self.eyes, self.report);
        }
        if let Some(found) = self.fields.get("at_most_once") {
            node.at_most_once = fields::boolean(found, "`at_most_once`", self.report).unwrap_or_default();
        }
    }
}

/// Reads a priority.
pub fn priority(node: &Located, report: &mut Report) -> Option<i32> {
    if let Kind::Text(text) = &node.kind
        && text.parse::<i64>().is_err()
    {
        let hint = "a higher number goes first, and 0 is usual: `priority: 10`";
        report.hinted(codes::WRONG_TYPE, node.at, "`priority` must be a whole number, and this is text", hint);
        return None;
    }
    let range = (i64::from(i32::MIN), i64::from(i32::MAX));
    fields::integer(node, "`priority`", range, report).and_then(|value| i32::try_from(value).ok())
}

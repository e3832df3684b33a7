//! Checks before the run that an expression reads only what can exist where it stands.

use std::collections::{BTreeMap, BTreeSet};

use ork_core::limits::is_name;

use crate::diagnostic::{Finding, Report};
use crate::expression::{Flaw, Reference, Step, Template, analyse};
use crate::peers::{self, Peer};
use crate::source::Span;
use crate::tree::{Kind, Located};
use crate::{codes, suggest};

/// What is known of the whole file while expressions are checked.
pub struct World<'t> {
    pub source: &'t str,
    /// Names of the inputs.
    pub inputs: Vec<&'t str>,
    /// Position of each task.
    pub positions: BTreeMap<&'t str, u32>,
    /// Whether the task at a position has `count` or `each`.
    pub fans: Vec<bool>,
    /// The steps of the task at a position.
    pub steps: Vec<Vec<Peer<'t>>>,
}

/// What an expression may read at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Only inputs: it is settled before the run. The word names the place, for messages.
    Inputs(&'static str),
    /// Inputs, the run and the task, of all tasks alike: the `env` of the file.
    Shared,
    /// Inputs, for the items of an `each` that is written out.
    Items,
    /// Inputs, the run and tasks before it: it is decided before the task exists.
    Before { node: u32, place: &'static str },
    /// Inputs, the run, tasks before it, and the task itself.
    Task(Inside),
    /// Inputs, the run and every task: the result of the run.
    Result,
}

/// The task, or the step of it, that an expression belongs to, and what else it may read there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inside {
    pub node: u32,
    /// Whether there is a `task.item`.
    pub each: bool,
    /// The place of the step in its task, from 0; `None` outside of steps.
    pub step: Option<usize>,
    /// Secrets: what is filled in is neither stored nor shown.
    secrets: bool,
    /// The texts of stored prompts.
    prompts: bool,
}

impl Inside {
    pub const fn of(node: u32, each: bool) -> Self {
        Self { node, each, step: None, secrets: false, prompts: false }
    }

    pub const fn at_step(self, position: usize) -> Self {
        Self { step: Some(position), ..self }
    }

    pub const fn with_secrets(self) -> Self {
        Self { secrets: true, ..self }
    }

    pub const fn with_prompts(self) -> Self {
        Self { prompts: true, ..self }
    }
}

/// A task that an expression reads: it must come before the one that reads it.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    /// Who reads; `None` for the result, which may read every task.
    pub by: u32,
    /// What is read.
    pub of: u32,
    pub at: Span,
}

/// Collects what expressions read, and reports what they may not.
pub struct Eyes<'w, 't> {
    pub world: &'w World<'t>,
    pub reads: Vec<Read>,
}

impl<'w, 't> Eyes<'w, 't> {
    pub const fn new(world: &'w World<'t>) -> Self {
        Self { world, reads: Vec::new() }
    }

    /// Checks every template in a value.
    pub fn value(&mut self, node: &Located, sight: Sight, report: &mut Report) {
        match &node.kind {
            Kind::Text(text) => self.template(node, text, sight, report),
            Kind::List(items) => items.iter().for_each(|item| self.value(item, sight, report)),
            Kind::Map(entries) => entries.iter().for_each(|(_, value)| self.value(value, sight, report)),
            _ => {}
        }
    }

    fn template(&mut self, node: &Located, text: &str, sight: Sight, report: &mut Report) {
        if !text.contains('{') {
            return;
        }
        match Template::cut(text) {
            Err(flaw) => self.refuse(node, flaw, report),
            Ok(template) => {
                for (source, start) in template.expressions() {
                    self.expression(node, source, start, sight, report);
                }
            }
        }
    }

    /// Checks one expression, which begins `start` bytes into the text of `node`.
    pub fn expression(&mut self, node: &Located, source: &str, start: usize, sight: Sight, report: &mut Report) {
        // A large file of errors would otherwise be searched for a suggestion for each of them.
        if report.is_full() {
            return;
        }
        match analyse(source) {
            Err(flaw) => self.refuse(node, flaw.shifted(start), report),
            Ok(references) => {
                for (index, reference) in references.iter().enumerate() {
                    if let Err(mut flaw) = self.look(reference, sight, node, start) {
                        let before = index.checked_sub(1).map(|before| &references[before]);
                        flaw.hint = before.and_then(|before| torn(source, before, reference)).or(flaw.hint);
                        // After `tasks.cut-it` with a dash the rest of the name would be reported as well.
                        let is_cut = flaw.hint.as_ref().is_some_and(|hint| hint.ends_with(DASH));
                        self.refuse(node, flaw.shifted(start), report);
                        if is_cut {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Reports a flaw at its own place within a scalar where the scalar stands in the file as it is.
    fn refuse(&self, node: &Located, flaw: Flaw, report: &mut Report) {
        let at = self.place(node, flaw.start, flaw.end);
        report.push(Finding { code: flaw.code, at: Some(at), message: flaw.message, hint: flaw.hint });
    }

    fn place(&self, node: &Located, start: usize, end: usize) -> Span {
        node.place_of(self.world.source, start, end)
    }

    fn look(&mut self, reference: &Reference, sight: Sight, node: &Located, start: usize) -> Result<(), Flaw> {
        match reference.root.as_str() {
            "inputs" => self.look_inputs(reference),
            "tasks" => self.look_tasks(reference, sight, node, start),
            "task" => look_task(reference, sight),
            "run" => look_run(reference, sight),
            "secrets" => look_secrets(reference, sight),
            "steps" => peers::look(reference, sight, self.world),
            "prompts" => look_prompts(reference, sight),
            _ => Err(self.unknown(reference, sight)),
        }
    }

    fn unknown(&self, reference: &Reference, sight: Sight) -> Flaw {
        let name = reference.root.as_str();
        let unknown = flaw(reference, 0, codes::NAME_UNKNOWN, format!("`{name}` is not known in expressions"));
        if self.world.inputs.contains(&name) {
            return unknown.hint(format!("did you mean `inputs.{name}`?"));
        }
        if let Some(&position) = self.world.positions.get(name) {
            return unknown.hint(format!("did you mean `tasks.{name}.{}`?", self.output_of(position)));
        }
        if let Sight::Task(Inside { node, step: Some(_), .. }) = sight
            && self.world.steps.get(node as usize).is_some_and(|peers| peers.iter().any(|peer| peer.name == name))
        {
            return unknown.hint(format!("did you mean `steps.{name}.output`?"));
        }
        match name {
            "item" | "index" | "attempt" | "round" | "feedback" => unknown.hint(format!("did you mean `task.{name}`?")),
            "env" => {
                let name = reference.second().unwrap_or("NAME");
                unknown.hint(format!(
                    "neither expressions nor tasks see Ork's environment: declare an input, and give it: -i {}=\"${name}\"",
                    name.to_ascii_lowercase()
                ))
            }
            "input" => unknown.hint("did you mean `inputs`?"),
            "vars" => unknown.hint("`vars` are known in the texts of stored prompts only"),
            _ => match suggest::nearest(name, ["inputs", "tasks", "task", "run", "steps", "secrets", "prompts"]) {
                Some(near) => unknown.hint(format!("did you mean `{near}`?")),
                None => unknown.hint("known are `inputs`, `tasks`, `task` and `run`; text stands in quotes"),
            },
        }
    }

    fn look_inputs(&self, reference: &Reference) -> Result<(), Flaw> {
        let Some(name) = reference.second() else { return Ok(()) };
        if self.world.inputs.contains(&name) {
            return Ok(());
        }
        let unknown = flaw(reference, 1, codes::INPUT_UNKNOWN, format!("there is no input `{name}`"));
        if let Some(longer) = cut_off(name, self.world.inputs.iter().copied()) {
            return Err(unknown.hint(in_brackets("inputs", longer, "")));
        }
        Err(match suggest::hint(name, self.world.inputs.iter().copied()) {
            Some(hint) => unknown.hint(hint),
            None => unknown.hint(format!("declare it at the top of the file: `inputs: {{{name}: {{type: string}}}}`")),
        })
    }

    fn look_tasks(&mut self, reference: &Reference, sight: Sight, node: &Located, start: usize) -> Result<(), Flaw> {
        match sight {
            Sight::Inputs(place) => return Err(not_here(reference, place)),
            Sight::Shared => {
                let message = "the `env` of the file cannot read tasks";
                return Err(flaw(reference, 0, codes::NAME_NOT_HERE, message)
                    .hint("put the variable into the `env` of the task that needs it"));
            }
            Sight::Items => {
                let message = "the items of a list that is written out cannot read tasks";
                let hint = "write the whole list as one expression: each: \"{{ [tasks.a.output, tasks.b.output] }}\"";
                return Err(flaw(reference, 0, codes::FAN_LIST_TEMPLATE, message).hint(hint));
            }
            _ => {}
        }
        let Some(key) = reference.second() else {
            let message = "`tasks` is read by a task's name";
            return Err(flaw(reference, 0, codes::TASK_UNKNOWN, message)
                .hint("write tasks.NAME.output, or tasks[\"NAME\"].output"));
        };
        let Some(&position) = self.world.positions.get(key) else {
            let unknown = flaw(reference, 1, codes::TASK_UNKNOWN, format!("there is no task `{key}`"));
            if let Some(longer) = cut_off(key, self.world.positions.keys().copied()) {
                let part = format!(".{}", self.output_of(self.world.positions[longer]));
                return Err(unknown.hint(in_brackets("tasks", longer, &part)));
            }
            return Err(match suggest::hint(key, self.world.positions.keys().copied()) {
                Some(hint) => unknown.hint(hint),
                None => unknown,
            });
        };
        self.look_part(reference, key, position)?;
        if let Sight::Task(Inside { node: by, .. }) | Sight::Before { node: by, .. } = sight {
            let (from, to) = reference.spans.get(1).copied().unwrap_or_default();
            let at = self.place(node, start + from, start + to);
            self.reads.push(Read { by, of: position, at });
        }
        Ok(())
    }

    /// `tasks.KEY` must be followed by what a task of its kind has.
    fn look_part(&self, reference: &Reference, key: &str, position: u32) -> Result<(), Flaw> {
        let fan = self.world.fans.get(position as usize).copied().unwrap_or(false);
        let known: [&str; 2] = if fan { ["outputs", "statuses"] } else { ["output", "status"] };
        match reference.steps.get(1) {
            Some(Step::Name(name)) if known.contains(&name.as_str()) => Ok(()),
            Some(Step::Name(name)) => {
                let unlike: [&str; 2] = if fan { ["output", "status"] } else { ["outputs", "statuses"] };
                let wrong = flaw(reference, 2, codes::NAME_NOT_HERE, format!("task `{key}` has no `{name}`"));
                let because = if fan { "has `count` or `each`" } else { "has neither `count` nor `each`" };
                Err(match unlike.iter().position(|other| other == name) {
                    Some(at) => wrong.hint(format!("it {because}: write tasks.{key}.{}", known[at])),
                    None => wrong.hint(format!(
                        "its output is read as tasks.{key}.{}.{name}, its status as tasks.{key}.{}",
                        known[0], known[1]
                    )),
                })
            }
            _ => {
                let bare = flaw(reference, 1, codes::NAME_NOT_HERE, format!("`tasks.{key}` is not a value"));
                Err(bare.hint(format!("write tasks.{key}.{}", known[0])))
            }
        }
    }

    fn output_of(&self, position: u32) -> &'static str {
        if self.world.fans.get(position as usize).copied().unwrap_or(false) { "outputs" } else { "output" }
    }
}

/// Why a name stands in brackets.
pub const DASH: &str = "a dash is a minus sign in an expression";

/// `cut-it` where `cut` stands, which is what the tokenizer left of the name at its dash.
pub fn cut_off<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known.into_iter().find(|known| known.strip_prefix(name).is_some_and(|rest| rest.starts_with(['-', '.'])))
}

/// How to write the name of a secret or a prompt that was torn at its dash: any name may be one of those.
fn torn(source: &str, before: &Reference, after: &Reference) -> Option<String> {
    let ((start, end), (next, _)) = (before.spans.get(1)?, after.spans.first()?);
    let is_torn = matches!(before.root.as_str(), "secrets" | "prompts") && source.get(*end..*next) == Some("-");
    let rest = source.get(*start..)?;
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-'));
    is_torn.then(|| in_brackets(&before.root, &rest[..length.unwrap_or(rest.len())], ""))
}

/// How a name with a dash in it is read.
pub fn in_brackets(root: &str, name: &str, part: &str) -> String {
    format!("write {root}[\"{name}\"]{part}: {DASH}")
}

pub fn flaw(reference: &Reference, step: usize, code: &'static str, message: impl Into<String>) -> Flaw {
    let (start, end) = reference.spans.get(step).or_else(|| reference.spans.last()).copied().unwrap_or_default();
    Flaw::new(code, start, end, message)
}

fn not_here(reference: &Reference, place: &str) -> Flaw {
    let message = format!("`{}` is not known in {place}", reference.root);
    flaw(reference, 0, codes::NAME_NOT_HERE, message).hint("it is settled before the run, and sees `inputs` only")
}

fn look_task(reference: &Reference, sight: Sight) -> Result<(), Flaw> {
    const PARTS: [&str; 7] = ["id", "key", "index", "item", "attempt", "round", "feedback"];
    let (each, in_step) = match sight {
        Sight::Inputs(place) => return Err(not_here(reference, place)),
        Sight::Items => return Err(not_here(reference, "`each`")),
        Sight::Before { place, .. } => {
            let message = format!("`task` is not known in {place}");
            let hint = format!("{place} is decided once, before there is a task: it sees `inputs`, `tasks` and `run`");
            return Err(flaw(reference, 0, codes::NAME_NOT_HERE, message).hint(hint));
        }
        Sight::Result => {
            let message = "`task` is not known in `result`";
            return Err(flaw(reference, 0, codes::NAME_NOT_HERE, message).hint("name the task: tasks.NAME.output"));
        }
        Sight::Shared => (false, false),
        Sight::Task(inside) => (inside.each, inside.step.is_some()),
    };
    match reference.second() {
        Some("item") if !each => {
            let message = "`task.item` exists only in a task with `each`";
            Err(flaw(reference, 1, codes::NAME_NOT_HERE, message)
                .hint("add `each: [a, b]`; with `count` there is `task.index`"))
        }
        Some(name @ ("round" | "feedback")) if !in_step => {
            let message = format!("`task.{name}` exists only in steps");
            Err(flaw(reference, 1, codes::NAME_NOT_HERE, message).hint("rounds are those of a task with `steps`"))
        }
        Some(name) if PARTS.contains(&name) => Ok(()),
        Some(name) => {
            let unknown = flaw(reference, 1, codes::NAME_UNKNOWN, format!("`task` has no `{name}`"));
            Err(unknown.hint(suggest::hint(name, PARTS).unwrap_or_default()))
        }
        None => Ok(()),
    }
}

/// Secrets are read one by one, by a name that stands in the file: whoever reads the file knows which ones a task gets.
fn look_secrets(reference: &Reference, sight: Sight) -> Result<(), Flaw> {
    let (message, hint) = match sight {
        Sight::Shared | Sight::Task(Inside { secrets: true, .. }) => return look_named(reference, "secret"),
        Sight::Task(Inside { step: Some(_), .. }) => (
            "in a step `secrets` are known in `env`, and in `key` and `base_url` of `ai`, only: anything else is stored or shown",
            "give a command its secrets by the environment: env: {TOKEN: \"{{ secrets.NAME }}\"}",
        ),
        _ => (
            "`secrets` are known in `env`, `with` and `params` only: anything else is stored or shown",
            "pass it through the environment: env: {TOKEN: \"{{ secrets.NAME }}\"}",
        ),
    };
    Err(flaw(reference, 0, codes::NAME_NOT_HERE, message).hint(hint))
}

/// Prompts are read like secrets: which ones a run needs is known before it.
fn look_prompts(reference: &Reference, sight: Sight) -> Result<(), Flaw> {
    if matches!(sight, Sight::Shared | Sight::Task(Inside { prompts: true, .. })) {
        return look_named(reference, "prompt");
    }
    let message = "`prompts` are known in `env`, `params` and `command`, and in `text` and `system` of `ai`, only";
    Err(flaw(reference, 0, codes::NAME_NOT_HERE, message)
        .hint("pass it through the environment: env: {PROMPT: \"{{ prompts.NAME }}\"}"))
}

fn look_named(reference: &Reference, what: &str) -> Result<(), Flaw> {
    match reference.second() {
        Some(name) if is_name(name) => Ok(()),
        Some(name) => {
            let message = format!("`{name}` cannot be the name of a {what}");
            let bad = flaw(reference, 1, codes::NAME_BAD, message);
            Err(match name.split_once('@') {
                Some((id, _)) if what == "prompt" => {
                    bad.hint(format!("write prompts[\"{id}\"]: only `ai: {{prompt: {name}}}` names a version"))
                }
                _ => bad.hint("1 to 128 characters of A–Z a–z 0–9 . _ -"),
            })
        }
        None => {
            let message = format!("`{what}s` is read by a name that stands in the file");
            Err(flaw(reference, 0, codes::NAME_UNKNOWN, message)
                .hint(format!("write {what}s.NAME, or {what}s[\"NAME\"]; a name cannot be computed")))
        }
    }
}

fn look_run(reference: &Reference, sight: Sight) -> Result<(), Flaw> {
    const PARTS: [&str; 3] = ["id", "name", "project"];
    match sight {
        Sight::Inputs(place) => return Err(not_here(reference, place)),
        Sight::Items => return Err(not_here(reference, "`each`")),
        _ => {}
    }
    match reference.second() {
        Some(name) if !PARTS.contains(&name) => {
            let unknown = flaw(reference, 1, codes::NAME_UNKNOWN, format!("`run` has no `{name}`"));
            Err(unknown.hint(suggest::hint(name, PARTS).unwrap_or_default()))
        }
        _ => Ok(()),
    }
}

/// The names below a root, such as `tasks`, that an expression reads.
pub fn names_of(root: &str, expression: &str, found: &mut BTreeSet<String>) {
    for reference in analyse(expression).unwrap_or_default() {
        if reference.root == root
            && let Some(name) = reference.second()
        {
            found.insert(name.to_owned());
        }
    }
}

//! Checks before the run that an expression reads only what can exist where it stands.

use std::collections::{BTreeMap, BTreeSet};

use ork_core::limits::is_name;

use crate::diagnostic::{Finding, Report};
use crate::expression::{Flaw, Reference, Step, Template, analyse};
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
    /// Everything, with the task itself; and secrets, where what is filled in is neither stored nor shown.
    Task { node: u32, each: bool, secrets: bool },
    /// Inputs, the run and every task: the result of the run.
    Result,
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
                for reference in &references {
                    if let Err(flaw) = self.look(reference, sight, node, start) {
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
            later @ ("steps" | "prompts") => {
                let flaw =
                    flaw(reference, 0, codes::NAME_LATER, format!("`{later}` is not available in this build of Ork"));
                Err(flaw.hint("remove it"))
            }
            _ => Err(self.unknown(reference)),
        }
    }

    fn unknown(&self, reference: &Reference) -> Flaw {
        let name = reference.root.as_str();
        let unknown = flaw(reference, 0, codes::NAME_UNKNOWN, format!("`{name}` is not known in expressions"));
        if self.world.inputs.contains(&name) {
            return unknown.hint(format!("did you mean `inputs.{name}`?"));
        }
        if let Some(&position) = self.world.positions.get(name) {
            return unknown.hint(format!("did you mean `tasks.{name}.{}`?", self.output_of(position)));
        }
        match name {
            "item" | "index" | "attempt" => unknown.hint(format!("did you mean `task.{name}`?")),
            "env" => {
                let name = reference.second().unwrap_or("NAME");
                unknown.hint(format!(
                    "neither expressions nor tasks see Ork's environment: declare an input, and give it: -i {}=\"${name}\"",
                    name.to_ascii_lowercase()
                ))
            }
            "input" => unknown.hint("did you mean `inputs`?"),
            _ => match suggest::nearest(name, ["inputs", "tasks", "task", "run"]) {
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
        if let Some(longer) = self.world.inputs.iter().find(|known| is_cut_off(name, known)) {
            return Err(unknown.hint(format!("write inputs[\"{longer}\"]: {DASH}")));
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
            if let Some(longer) = self.world.positions.keys().find(|known| is_cut_off(key, known)) {
                return Err(unknown.hint(format!(
                    "write tasks[\"{longer}\"].{}: {DASH}",
                    self.output_of(self.world.positions[*longer])
                )));
            }
            return Err(match suggest::hint(key, self.world.positions.keys().copied()) {
                Some(hint) => unknown.hint(hint),
                None => unknown,
            });
        };
        self.look_part(reference, key, position)?;
        if let Sight::Task { node: by, .. } | Sight::Before { node: by, .. } = sight {
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
const DASH: &str = "a dash is a minus sign in an expression";

/// `cut` where `cut-it` exists: what is left of a name that the tokenizer cut at its dash.
fn is_cut_off(name: &str, known: &str) -> bool {
    known.strip_prefix(name).is_some_and(|rest| rest.starts_with(['-', '.']))
}

fn flaw(reference: &Reference, step: usize, code: &'static str, message: impl Into<String>) -> Flaw {
    let (start, end) = reference.spans.get(step).or_else(|| reference.spans.last()).copied().unwrap_or_default();
    Flaw::new(code, start, end, message)
}

fn not_here(reference: &Reference, place: &str) -> Flaw {
    let message = format!("`{}` is not known in {place}", reference.root);
    flaw(reference, 0, codes::NAME_NOT_HERE, message).hint("it is settled before the run, and sees `inputs` only")
}

fn look_task(reference: &Reference, sight: Sight) -> Result<(), Flaw> {
    const PARTS: [&str; 5] = ["id", "key", "index", "item", "attempt"];
    let each = match sight {
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
        Sight::Shared => false,
        Sight::Task { each, .. } => each,
    };
    match reference.second() {
        Some("item") if !each => {
            let message = "`task.item` exists only in a task with `each`";
            Err(flaw(reference, 1, codes::NAME_NOT_HERE, message)
                .hint("add `each: [a, b]`; with `count` there is `task.index`"))
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
    if !matches!(sight, Sight::Shared | Sight::Task { secrets: true, .. }) {
        let message = "`secrets` are known in `env`, `with` and `params` only: anything else is stored or shown";
        return Err(flaw(reference, 0, codes::NAME_NOT_HERE, message)
            .hint("pass it through the environment: env: {TOKEN: \"{{ secrets.NAME }}\"}"));
    }
    match reference.second() {
        Some(name) if is_name(name) => Ok(()),
        Some(name) => {
            let message = format!("`{name}` cannot be the name of a secret");
            Err(flaw(reference, 1, codes::NAME_BAD, message).hint("1 to 128 characters of A–Z a–z 0–9 . _ -"))
        }
        None => {
            let message = "`secrets` is read by a name that stands in the file";
            Err(flaw(reference, 0, codes::NAME_UNKNOWN, message)
                .hint("write secrets.NAME, or secrets[\"NAME\"]; a name cannot be computed"))
        }
    }
}

/// The names of secrets that an expression reads.
pub fn secrets_of(expression: &str, found: &mut BTreeSet<String>) {
    for reference in analyse(expression).unwrap_or_default() {
        if reference.root == "secrets"
            && let Some(name) = reference.second()
        {
            found.insert(name.to_owned());
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

/// The names of tasks that an expression reads.
pub fn tasks_of(expression: &str, found: &mut BTreeSet<String>) {
    for reference in analyse(expression).unwrap_or_default() {
        if reference.root == "tasks"
            && let Some(key) = reference.second()
        {
            found.insert(key.to_owned());
        }
    }
}

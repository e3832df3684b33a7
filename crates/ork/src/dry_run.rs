//! What a run would do, without doing it: the expanded graph, each task as it would be given to its executor.

use std::collections::BTreeSet;

use anyhow::Result;
use ork_core::graph::Reuse;
use ork_core::plan::{Action, Fan, Node, OutputFrom, RunIf};
use ork_workflow::{Bound, Scope, as_text, render};
use serde_json::{Map, Value, json};

use crate::output::{Output, faint};
use crate::progress::{tasks, thousands};
use crate::when::duration;

/// Siblings of a node that are shown to people.
const SIBLINGS_MAX: usize = 3;

/// A run that is not to be.
pub struct DryRun<'a> {
    pub bound: &'a Bound,
    pub project: &'a str,
    pub reuse: &'a [Reuse],
    pub jobs: usize,
}

/// Tells what a run would do.
///
/// # Errors
/// When nobody reads it.
pub fn tell(out: Output, run: &DryRun<'_>) -> Result<()> {
    let (plan, inputs) = (&run.bound.plan, &run.bound.input);
    let planned: Vec<Planned<'_>> = (0..).zip(&plan.nodes).map(|(g, node)| Planned::of(run, g, node)).collect();
    if out.json {
        let shown: Vec<Value> = planned.iter().map(Planned::to_json).collect();
        return Ok(out.value(&json!({"type": "plan", "name": plan.name, "inputs": inputs, "tasks": shown}))?);
    }
    let mut about = format!("{}: {}", plan.name, tasks(plan.tasks_at_birth()));
    if planned.iter().any(|planned| planned.node.fan.size().is_none()) {
        about += " or more";
    }
    out.data(format!("{about}, at most {} at work at once; nothing is run", run.jobs))?;
    if let Some(inputs) = inputs.as_object().filter(|inputs| !inputs.is_empty()) {
        let shown: Vec<String> = inputs.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        out.data(format!("inputs: {}", shown.join(" ")))?;
    }
    for planned in &planned {
        planned.tell(out)?;
    }
    Ok(())
}

/// A node with its siblings as far as they are known.
struct Planned<'a> {
    node: &'a Node,
    needs: Vec<&'a str>,
    /// Indices that are taken over, with their run.
    taken: BTreeSet<u32>,
    base: String,
    /// One for each sibling; one as a whole where nobody knows how many there will be.
    works: Vec<Work>,
}

/// What is run, with all that is known filled in.
struct Work {
    lines: Vec<(&'static str, Value)>,
    problem: Option<String>,
}

impl<'a> Planned<'a> {
    fn of(run: &DryRun<'a>, g: u32, node: &'a Node) -> Self {
        let reuse = run.reuse.iter().find(|reuse| reuse.g == g);
        let done = reuse.map_or(&[][..], |reuse| &reuse.done);
        Self {
            node,
            needs: node.depends_on.iter().map(|parent| run.bound.plan.nodes[*parent as usize].key.as_str()).collect(),
            taken: done.iter().map(|done| done.index).collect(),
            base: done.first().map(|done| done.from.run.to_string()).unwrap_or_default(),
            works: works(run, node),
        }
    }

    /// Whether nothing of it runs.
    fn is_taken_over(&self) -> bool {
        self.node.fan.size().map_or(!self.taken.is_empty(), |size| size > 0 && self.taken.len() == size as usize)
    }

    fn tell(&self, out: Output) -> Result<()> {
        let many = match &self.node.fan {
            Fan::One => String::new(),
            Fan::Count(count) => format!(" ×{}", thousands(u64::from(*count))),
            Fan::Each(items) => format!(" ×{}", thousands(items.len() as u64)),
            Fan::CountOf(expression) => format!(" ×({expression})"),
            Fan::EachOf(expression) => format!(", one for each of ({expression})"),
        };
        let taken = match self.is_taken_over() {
            true => format!("  taken over from {}", self.base),
            false if !self.taken.is_empty() => format!("  {} of them taken over from {}", self.taken.len(), self.base),
            false => String::new(),
        };
        out.data(format!("\n{}{many}{taken}", self.node.key))?;
        if self.is_taken_over() {
            return Ok(());
        }
        for (what, text) in self.facts() {
            line(out, what, &text)?;
        }
        let Some(first) = self.works.first() else { return Ok(()) };
        let is_shared = |at: usize| self.works.iter().all(|work| work.lines.get(at) == first.lines.get(at));
        for (_, (what, value)) in first.lines.iter().enumerate().filter(|(at, _)| is_shared(*at)) {
            tell_value(out, what, value)?;
        }
        for (index, work) in self.works.iter().enumerate().take(SIBLINGS_MAX) {
            let own: Vec<_> = work.lines.iter().enumerate().filter(|(at, _)| !is_shared(*at)).collect();
            if own.is_empty() && work.problem.is_none() {
                return Ok(());
            }
            if self.works.len() > 1 {
                out.data(format!("  {}/{index}", self.node.key))?;
            }
            for (_, (what, value)) in own {
                tell_value(out, what, value)?;
            }
            if let Some(problem) = &work.problem {
                line(out, "fails", problem)?;
            }
        }
        if self.works.len() > SIBLINGS_MAX {
            let more = thousands((self.works.len() - SIBLINGS_MAX) as u64);
            out.data(faint(&format!("  and {more} more; all: --dry-run --json")))?;
        }
        Ok(())
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let node = self.node;
        let mut facts = Vec::new();
        if !self.needs.is_empty() {
            facts.push(("needs", self.needs.join(", ")));
        }
        match node.run_if {
            Some(RunIf::Always) => facts.push(("run if", "what it needs is over, however it ended".into())),
            Some(RunIf::Failed) => facts.push(("run if", "something that it needs ended badly".into())),
            None => {}
        }
        facts.extend(node.when.clone().map(|when| ("when", when)));
        if node.retry.max_attempts > 1 {
            let delay = duration(node.retry.delay_ms);
            facts.push(("retry", format!("up to {} attempts, the second after {delay}", node.retry.max_attempts)));
        }
        facts.extend(node.timeout_ms.map(|ms| ("timeout", duration(ms))));
        if let Some(concurrency) = &node.concurrency {
            facts.push(("limit", format!("{} at once of `{}`", concurrency.limit, concurrency.key)));
        }
        if node.queue != Node::QUEUE_DEFAULT {
            facts.push(("queue", node.queue.clone()));
        }
        facts
    }

    fn to_json(&self) -> Value {
        let works: Vec<Value> = self.works.iter().zip(0..).map(|(work, index)| self.work_json(work, index)).collect();
        json!({
            "key": self.node.key,
            "depends_on": self.needs,
            "size": self.node.fan.size(),
            "fan": match &self.node.fan {
                Fan::CountOf(expression) | Fan::EachOf(expression) => Value::from(expression.as_str()),
                Fan::One | Fan::Count(_) | Fan::Each(_) => Value::Null,
            },
            "when": self.node.when,
            "run_if": self.node.run_if,
            "retry": self.node.retry,
            "timeout_ms": self.node.timeout_ms,
            "concurrency": self.node.concurrency.as_ref().map(|limit| json!({"key": limit.key, "limit": limit.limit})),
            "queue": self.node.queue,
            "executor": self.node.action.executor,
            "reused": self.taken.len(),
            "siblings": works,
        })
    }

    fn work_json(&self, work: &Work, index: u32) -> Value {
        let mut shown: Map<String, Value> = Map::new();
        shown.insert("task_index".into(), index.into());
        shown.extend(work.lines.iter().map(|(what, value)| ((*what).to_owned(), value.clone())));
        shown.insert("reused".into(), self.taken.contains(&index).into());
        shown.insert("problem".into(), work.problem.clone().into());
        Value::Object(shown)
    }
}

fn tell_value(out: Output, what: &str, value: &Value) -> Result<()> {
    for (at, text) in texts(value).into_iter().enumerate() {
        line(out, if at == 0 { what } else { "" }, &text)?;
    }
    Ok(())
}

fn line(out: Output, what: &str, text: &str) -> Result<()> {
    let text = text.trim_end().replace('\n', "\n            ");
    Ok(out.data(format!("  {} {text}", faint(&format!("{what:<9}"))))?)
}

/// A value as lines: of an object one for each entry.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Object(entries) => entries.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect(),
        Value::Array(words) => vec![words.iter().map(quoted).collect::<Vec<_>>().join(" ")],
        other => vec![as_text(other)],
    }
}

/// As a shell would take it, where it is not plain.
pub fn quoted(value: &Value) -> String {
    let text = as_text(value);
    let is_plain = |letter: char| letter.is_alphanumeric() || "_-./:=,+@%{}".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn works(dry: &DryRun<'_>, node: &Node) -> Vec<Work> {
    let siblings: Vec<Option<Value>> = match &node.fan {
        Fan::One | Fan::CountOf(_) | Fan::EachOf(_) => vec![None],
        Fan::Count(count) => vec![None; *count as usize],
        Fan::Each(items) => items.iter().cloned().map(Some).collect(),
    };
    let is_known = node.fan.size().is_some();
    // Nothing is created, so there are no ids.
    let run = json!({"id": "run_…", "name": dry.bound.plan.name, "project": dry.project});
    let scope = |index: usize, item: Option<Value>| Scope {
        inputs: dry.bound.input.clone(),
        run: run.clone(),
        task: is_known.then(|| json!({"id": "task_…", "key": node.key, "index": index, "item": item, "attempt": 1})),
        ..Scope::default()
    };
    siblings.into_iter().enumerate().map(|(index, item)| work(&node.action, &scope(index, item))).collect()
}

fn work(action: &Action, scope: &Scope) -> Work {
    let mut work = Work { lines: Vec::new(), problem: None };
    if let Some(operation) = &action.operation {
        work.lines.push(("operation", operation.as_str().into()));
    }
    if let Some(argv) = &action.command {
        let argv: Vec<Value> = argv.iter().map(|word| work.text(&word.as_str().into(), scope)).collect();
        work.lines.push(("command", argv.into()));
    }
    if let Some(script) = &action.run {
        work.lines.push(("run", script.as_str().into()));
    }
    if !action.env.is_empty() {
        let env: Map<String, Value> =
            action.env.iter().map(|(name, value)| (name.clone(), work.text(value, scope))).collect();
        work.lines.push(("env", env.into()));
    }
    if !action.params.is_null() {
        let params = work.fill(&action.params, scope);
        work.lines.push(("params", params));
    }
    if let Some(folder) = &action.workdir {
        let folder = work.text(&folder.as_str().into(), scope);
        work.lines.push(("workdir", folder));
    }
    let output = match action.output {
        OutputFrom::File => return work,
        OutputFrom::Stdout => "stdout",
        OutputFrom::StdoutJson => "stdout_json",
    };
    work.lines.push(("output", output.into()));
    work
}

impl Work {
    /// Fills in what is known before the run; what reads tasks stays as it is written.
    fn fill(&mut self, value: &Value, scope: &Scope) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.fill(item, scope)).collect(),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(name, item)| (name.clone(), self.fill(item, scope))).collect())
            }
            Value::String(text) => {
                let is_open = ork_workflow::reads_only(text, |root| {
                    root == "inputs" || root == "run" || (root == "task" && scope.task.is_some())
                });
                if !is_open {
                    return value.clone();
                }
                render(value, scope).unwrap_or_else(|error| {
                    self.problem.get_or_insert(error.message);
                    value.clone()
                })
            }
            other => other.clone(),
        }
    }

    /// The same for what a process gets as text.
    fn text(&mut self, value: &Value, scope: &Scope) -> Value {
        as_text(&self.fill(value, scope)).into()
    }
}

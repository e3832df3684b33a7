//! A whole file: from text to a checked workflow, step by step.

use std::collections::BTreeMap;
use std::path::Path;

use ork_core::limits;
use ork_core::plan::{OnFailure, Plan};
use ork_core::retry::RetryPolicy;
use serde_json::Value;

use crate::diagnostic::{Diagnostics, ERRORS_MAX, Finding, Report};
use crate::fields::{self, Fields};
use crate::graph::{Graph, Order};
use crate::input::{self, InputSpec};
use crate::peers::Peer;
use crate::schedule::{self, ScheduleSpec};
use crate::sight::{Eyes, Read, Sight, World};
use crate::source::{Format, Lines, Source, Span};
use crate::task::{self, Defaults, Draft};
use crate::tree::{Key, Kind, Located};
use crate::{budget, codes, jobs, json, keys, policy, suggest, webhook, work, yaml};

/// A workflow that was read and checked. Its inputs are not bound yet.
#[derive(Debug, Clone)]
pub struct Workflow {
    pub(crate) file: String,
    pub(crate) lines: Lines,
    pub(crate) inputs: Vec<InputSpec>,
    /// The plan with all templates in it; whatever is an expression is `CountOf` or `EachOf`.
    pub(crate) draft: Plan,
    /// Where each node's `count` or `each` stands, else its name.
    pub(crate) places: Vec<Span>,
    /// When runs begin by themselves.
    schedule: Option<ScheduleSpec>,
}

impl Workflow {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.draft.name
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.draft.description.as_deref()
    }

    /// When runs of it begin by themselves, once it is stored.
    #[must_use]
    pub const fn schedule(&self) -> Option<&ScheduleSpec> {
        self.schedule.as_ref()
    }

    /// Its inputs, in the order of the file.
    #[must_use]
    pub fn inputs(&self) -> &[InputSpec] {
        &self.inputs
    }
}

/// Reads and checks a file.
///
/// # Errors
/// Everything that is wrong with it, up to [`crate::ERRORS_MAX`] errors. After an error of the YAML or JSON grammar
/// nothing behind it can be checked.
pub fn parse(source: &Source<'_>) -> Result<Workflow, Diagnostics> {
    let mut report = Report::default();
    let (lines, workflow) = match read_tree(source, &mut report) {
        Some(root) => {
            let lines = Lines::of(source.text);
            let workflow = interpret(source, &root, &mut report);
            (lines, workflow)
        }
        None if source.text.len() > limits::SOURCE_BYTES_MAX => (Lines::of(""), None),
        None => (Lines::of(source.text), None),
    };
    match workflow {
        Some(parts) if report.is_empty() => {
            let Parts { inputs, draft, places, schedule } = parts;
            let file = source.name.to_owned();
            let workflow = Workflow { file, lines, inputs, draft, places, schedule };
            workflow.check_schedule()?;
            Ok(workflow)
        }
        _ => Err(report.finish(source.name, &lines)),
    }
}

/// Reads the text of a stored workflow, YAML or JSON. `name` is that of one that has none of its own.
///
/// # Errors
/// As [`parse`].
pub fn parse_text(name: &str, text: &str) -> Result<Workflow, Diagnostics> {
    // A name with a dot in it is no file with an ending.
    parse_either(&format!("{name}.yaml"), text)
}

/// As [`parse_text`]; one that has no name of its own is called as its file.
///
/// # Errors
/// As [`parse`].
pub fn parse_either(name: &str, text: &str) -> Result<Workflow, Diagnostics> {
    // JSON is not quite YAML: tabs, for one. And YAML may begin like JSON.
    let read = |format| parse(&Source { name, text, format });
    if text.trim_start().starts_with('{') {
        return read(Format::Json).or_else(|wrong| read(Format::Yaml).map_err(|_| wrong));
    }
    read(Format::Yaml)
}

fn read_tree(source: &Source<'_>, report: &mut Report) -> Option<Located> {
    if source.text.len() > limits::SOURCE_BYTES_MAX {
        let message = format!("the file is larger than {} bytes", limits::SOURCE_BYTES_MAX);
        let hint =
            Some("write like tasks as one task with `count` or `each`, and put data into files of its own".to_owned());
        report.push(Finding { code: codes::FILE_LARGE, at: None, message, hint });
        return None;
    }
    // YAML's reader takes NUL for the end of the file.
    if let Some(at) = source.text.find('\0') {
        report.hinted(
            codes::CONTROL,
            Span::new(at, at + 1),
            "a NUL character (U+0000) stands in the file",
            "remove it",
        );
        return None;
    }
    let root = match source.format {
        Format::Yaml => yaml::read(source.text, report),
        Format::Json => json::read(source.text, report),
    };
    if matches!(root, None | Some(Located { kind: Kind::Null, .. })) && report.is_empty() {
        let hint = "the smallest workflow is `tasks: {hello: {command: [echo, hello]}}`".to_owned();
        report.push(Finding {
            code: codes::FILE_EMPTY,
            at: None,
            message: "the file is empty".into(),
            hint: Some(hint),
        });
        return None;
    }
    root
}

struct Parts {
    inputs: Vec<InputSpec>,
    draft: Plan,
    places: Vec<Span>,
    schedule: Option<ScheduleSpec>,
}

fn interpret(source: &Source<'_>, root: &Located, report: &mut Report) -> Option<Parts> {
    let rewritten = jobs::rewrite(root, report);
    if rewritten.is_none() && jobs::is_jobs(root) {
        return None;
    }
    let root = rewritten.as_ref().unwrap_or(root);
    if !matches!(root.kind, Kind::Map(_)) {
        let message = format!("a workflow must be a mapping with `tasks`, and this is {}", root.noun());
        let hint = "the smallest workflow is `tasks: {hello: {command: [echo, hello]}}`";
        report.hinted(codes::WRONG_TYPE, root.at, message, hint);
        return None;
    }
    let fields = Fields::open(root, "the workflow", &keys::WORKFLOW, report)?;
    let inputs = fields.get("inputs").map(|node| input::read_all(node, report)).unwrap_or_default();
    let tasks = task_entries(&fields, report);
    let world = World {
        source: source.text,
        // Names as written, so that an input with a broken declaration is not reported as unknown, too.
        inputs: input_names(&fields),
        positions: tasks.iter().zip(0_u32..).map(|((key, _), position)| (key.name.as_str(), position)).collect(),
        fans: tasks.iter().map(|(_, node)| has_fan(node)).collect(),
        steps: tasks.iter().map(|(_, node)| Peer::all(node)).collect(),
    };
    let mut eyes = Eyes::new(&world);
    let mut draft = head(source, &fields, &mut eyes, report);
    let defaults = Defaults {
        retry: fields.get("retry").map(|node| retry_of_all(node, report)).unwrap_or_default(),
        env: fields.get("env").map(|node| work::env(node, Sight::Shared, &mut eyes, report)).unwrap_or_default(),
    };
    let schedule = fields.get("schedule").and_then(|node| schedule::read(node, report));
    let mut drafts: Vec<Draft> = Vec::with_capacity(tasks.len());
    for (entry, position) in tasks.iter().zip(0_u32..) {
        drafts.push(task::read(entry, position, &defaults, &mut eyes, report));
    }
    check_size(&drafts, report);
    check_graph(&drafts, &eyes.reads, report);
    let places = drafts.iter().map(|draft| draft.fan_at).collect();
    draft.nodes = drafts.into_iter().map(|draft| draft.node).collect();
    Some(Parts { inputs, draft, places, schedule })
}

fn retry_of_all(node: &Located, report: &mut Report) -> RetryPolicy {
    policy::retry(node, &RetryPolicy::default(), limits::ATTEMPTS_MAX, report)
}

fn input_names<'t>(fields: &Fields<'t>) -> Vec<&'t str> {
    match fields.get("inputs").map(|node| &node.kind) {
        Some(Kind::Map(entries)) => entries.iter().map(|(key, _)| key.name.as_str()).collect(),
        _ => Vec::new(),
    }
}

fn has_fan(node: &Located) -> bool {
    matches!(&node.kind, Kind::Map(entries) if entries.iter().any(|(key, _)| key.name == "count" || key.name == "each"))
}

fn task_entries<'t>(fields: &Fields<'t>, report: &mut Report) -> &'t [(Key, Located)] {
    let Some(node) = fields.get("tasks") else {
        if fields.is_suggested("tasks") {
            return &[];
        }
        let hint = "add `tasks:` with a task indented below it: `hello: {command: [echo, hello]}`";
        report.hinted(
            codes::TASKS_NONE,
            Span::new(fields.at.start, fields.at.start + 1),
            "the workflow has no `tasks`",
            hint,
        );
        return &[];
    };
    match &node.kind {
        Kind::Map(entries) if entries.len() > limits::TASKS_MAX as usize => {
            let message =
                format!("the workflow has {} tasks, and at most {} are allowed", entries.len(), limits::TASKS_MAX);
            report.hinted(codes::TASKS_MANY, node.at, message, "write like tasks as one task with `count` or `each`");
            &[]
        }
        Kind::Map(entries) if !entries.is_empty() => entries,
        Kind::Map(_) | Kind::Null => {
            let hint = "write a task indented below it: `hello: {command: [echo, hello]}`";
            let at = fields.entry("tasks").map_or(node.at, |(key, _)| key.at);
            report.hinted(codes::TASKS_NONE, at, "`tasks` is empty", hint);
            &[]
        }
        Kind::List(_) => {
            let hint = "write each task's name as a key, without a dash: `hello: {command: [echo, hello]}`";
            report.hinted(
                codes::WRONG_TYPE,
                node.at,
                "`tasks` must be a mapping of names to tasks, and this is a list",
                hint,
            );
            &[]
        }
        _ => fields::wrong_type(node, "`tasks`", "a mapping of names to tasks", report).unwrap_or(&[]),
    }
}

/// Everything of the plan but its nodes.
fn head(source: &Source<'_>, fields: &Fields<'_>, eyes: &mut Eyes<'_, '_>, report: &mut Report) -> Plan {
    let mut plan = Plan { name: name(source, fields, report), ..Plan::default() };
    if let Some(node) = fields.get("description") {
        plan.description = fields::text(node, "`description`", report).map(str::to_owned);
    }
    if let Some(node) = fields.get("labels") {
        plan.labels = labels(node, eyes, report);
    }
    if let Some(node) = fields.get("priority") {
        plan.priority = task::priority(node, report).unwrap_or_default();
    }
    if let Some(node) = fields.get("timeout") {
        plan.timeout_ms = fields::duration_positive(node, "`timeout`", report);
    }
    if let Some(node) = fields.get("on_failure")
        && fields::word(node, "`on_failure`", &keys::ON_FAILURE, report) == Some(1)
    {
        plan.on_failure = OnFailure::Continue;
    }
    if let Some(node) = fields.get("concurrency") {
        plan.concurrency = policy::concurrency(node, eyes, report);
    }
    if let Some(node) = fields.get("webhook") {
        plan.webhook = webhook::read(node, eyes, report);
    }
    if let Some(node) = fields.get("budget") {
        plan.budget = budget::of_plan(node, report);
    }
    if let Some(node) = fields.get("result") {
        eyes.value(node, Sight::Result, report);
        plan.result = fields::value(node, "`result`", report);
    }
    plan
}

fn name(source: &Source<'_>, fields: &Fields<'_>, report: &mut Report) -> String {
    if let Some(node) = fields.get("name") {
        return fields::name(node, "the name of the workflow", report).unwrap_or_default().to_owned();
    }
    if source.name == "-" {
        return "stdin".to_owned();
    }
    let stem = Path::new(source.name).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if !limits::is_name(&stem) {
        let message = format!("the file's name `{stem}` cannot name a workflow");
        report.hinted(
            codes::NAME_BAD,
            Span::new(0, 1),
            message,
            "give it a name of its own at the top: `name: my-workflow`",
        );
    }
    stem
}

fn labels(node: &Located, eyes: &mut Eyes<'_, '_>, report: &mut Report) -> BTreeMap<String, String> {
    let entries = fields::entries(node, "`labels`", report).unwrap_or_default();
    if entries.len() > limits::LABELS_MAX {
        let message =
            format!("the workflow has {} labels, and at most {} are allowed", entries.len(), limits::LABELS_MAX);
        report.add(codes::OUT_OF_RANGE, node.at, message);
    }
    let mut found = BTreeMap::new();
    for (key, value) in entries {
        fields::check_name(&key.name, key.at, "the name of a label", report);
        eyes.value(value, Sight::Inputs("`labels`"), report);
        if let Some(text) = fields::scalar(value, &format!("the label `{}`", key.name), eyes.world.source, report) {
            if text.len() > limits::LABEL_BYTES_MAX {
                let message = format!("the label `{}` is longer than {} bytes", key.name, limits::LABEL_BYTES_MAX);
                report.add(codes::VALUE_LARGE, value.at, message);
            }
            found.insert(key.name.clone(), text.into_owned());
        }
    }
    found
}

fn check_size(drafts: &[Draft], report: &mut Report) {
    let (mut tasks, mut edges) = (0_u64, 0_usize);
    for draft in drafts {
        tasks += u64::from(draft.node.fan.size().unwrap_or(1));
        edges += draft.node.depends_on.len();
        if tasks > u64::from(limits::TASKS_MAX) {
            let message =
                format!("with this task the run has {tasks} tasks, and at most {} are allowed", limits::TASKS_MAX);
            report.hinted(
                codes::TASKS_MANY,
                draft.fan_at,
                message,
                "siblings of `count` and `each` are counted; split the work over several runs",
            );
            return;
        }
        if edges > limits::EDGES_MAX {
            let message = format!("with this task the plan has more than {} dependencies", limits::EDGES_MAX);
            report.hinted(
                codes::DEPENDENCIES_MANY,
                draft.at,
                message,
                "put one task between two groups that depend on each other",
            );
            return;
        }
    }
}

fn check_graph(drafts: &[Draft], reads: &[Read], report: &mut Report) {
    let parents: Vec<Vec<u32>> = drafts.iter().map(|draft| draft.node.depends_on.clone()).collect();
    let graph = Graph { parents: &parents };
    let key = |position: u32| drafts[position as usize].node.key.as_str();
    let order = match graph.order() {
        Order::Topological(order) => order,
        Order::Cycle(cycle) => {
            let Some(&first) = cycle.first() else { return };
            let mut names: Vec<&str> = cycle.iter().take(12).map(|&position| key(position)).collect();
            if cycle.len() > names.len() {
                names.push("…");
            }
            names.push(key(first));
            let message = format!("these tasks wait for each other: {}", names.join(" → "));
            report.hinted(
                codes::CYCLE,
                drafts[first as usize].at,
                message,
                "an arrow means `depends_on`: remove one of them",
            );
            return;
        }
    };
    if let Some(deep) = graph.too_deep(&order, limits::DEPTH_MAX) {
        let message = format!("a chain of more than {} tasks ends at `{}`", limits::DEPTH_MAX, key(deep));
        report.hinted(codes::GRAPH_DEEP, drafts[deep as usize].at, message, "combine tasks, or split the workflow");
    }
    check_reads(&graph, &order, reads, key, report);
}

/// Every task that an expression reads must come before the task that reads it.
fn check_reads<'k>(
    graph: &Graph<'_>,
    order: &[u32],
    reads: &[Read],
    key: impl Fn(u32) -> &'k str,
    report: &mut Report,
) {
    let pairs: Vec<(u32, u32)> = reads.iter().map(|read| (read.by, read.of)).collect();
    let wrong = graph.not_ancestors(order, &pairs);
    // Beyond what is shown, errors are only counted.
    let turned: Vec<(u32, u32)> =
        wrong.iter().take(ERRORS_MAX).map(|&index| (pairs[index].1, pairs[index].0)).collect();
    let not_turned = graph.not_ancestors(order, &turned);
    for (position, index) in wrong.into_iter().enumerate() {
        let Read { by, of, at } = reads[index];
        let (reader, read) = (key(by), key(of));
        let (message, hint) = if by == of {
            let hint = "a task sees the tasks before it, and itself as `task`".to_owned();
            (format!("task `{reader}` reads its own output"), hint)
        } else if not_turned.binary_search(&position).is_err() {
            let hint = format!("`{read}` waits for `{reader}`, so its output cannot exist yet");
            (format!("task `{reader}` reads `{read}`, which comes after it"), hint)
        } else {
            let hint = format!("add it to `{reader}`: depends_on: [{read}]");
            (format!("task `{reader}` reads `{read}`, which does not come before it"), hint)
        };
        report.hinted(codes::TASK_NOT_BEFORE, at, message, hint);
    }
}

/// A JSON object's entries as the inputs of a run.
pub(crate) fn unknown_input(name: &str, inputs: &[InputSpec]) -> Finding {
    let hint = suggest::hint(name, inputs.iter().map(|spec| spec.name.as_str()))
        .unwrap_or_else(|| "this workflow has no inputs".to_owned());
    Finding {
        code: codes::INPUT_NOT_DECLARED,
        at: None,
        message: format!("there is no input `{name}`"),
        hint: Some(hint),
    }
}

/// The inputs of one run, an object.
pub(crate) type Given = serde_json::Map<String, Value>;

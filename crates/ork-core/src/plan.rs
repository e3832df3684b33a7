//! The compiled form of one run's workflow: a graph of nodes, fan-out folded.
//!
//! A plan is made by `ork-workflow` from a file, or from JSON. By then it is checked: names are unique, dependencies
//! exist and have no cycle, limits hold. Inputs are already substituted wherever an expression named nothing else;
//! what depends on other tasks is still an expression (`{{ … }}` in strings, bare in `when`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::retry::RetryPolicy;
use crate::step::{PlanBudget, Step};
use crate::webhook::PlanWebhook;

/// The compiled plan of one run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// The workflow's name.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The nodes, in the order of the file. A node's position is its group's number.
    pub nodes: Vec<Node>,
    /// What happens to the other tasks when one fails.
    pub on_failure: OnFailure,
    /// The whole run's time limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Higher goes first. Added to nothing: a node's own priority replaces it.
    pub priority: i32,
    /// How many runs with the same key may be live at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// Labels of the run.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The run's result: JSON with `{{ … }}` in its strings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Whom the run tells of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<PlanWebhook>,
    /// What its models may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<PlanBudget>,
    /// The versions of the prompts that its expressions and steps name without one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub prompts: BTreeMap<String, u32>,
}

/// What happens to the rest of a run when a task is out of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// What has not started is cancelled.
    #[default]
    Stop,
    /// Branches that do not need it go on.
    Continue,
}

/// A limit on how many of a kind run at once, across runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// Those that share it share the limit.
    pub key: String,
    /// How many at once, at least 1.
    pub limit: u32,
}

/// When a task runs although something that it needs did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunIf {
    /// Once all of its dependencies are over, however they ended.
    Always,
    /// Once all of its dependencies are over, if at least one ended badly.
    Failed,
}

/// One task of a plan, or one group of fan-out siblings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name in the plan.
    pub key: String,
    /// The nodes that it needs, by position, sorted, without repeats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<u32>,
    /// How many siblings it has.
    #[serde(default, skip_serializing_if = "Fan::is_one")]
    pub fan: Fan,
    /// An expression; when it is false the task is skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// See [`RunIf`]; `None` means: if everything that it needs succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_if: Option<RunIf>,
    /// When a failed attempt is tried again.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// One attempt's time limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Higher goes first; `None` means the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// The queue that workers take it from.
    pub queue: String,
    /// How many tasks with the same key may hold a slot at once, across runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// An interrupted attempt fails the task and is never repeated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_most_once: bool,
    /// The work itself.
    pub action: Action,
}

/// How many siblings a node stands for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fan {
    /// One task, no fan-out.
    #[default]
    One,
    /// So many.
    Count(u32),
    /// One for each of these, as `task.item`.
    Each(Vec<Value>),
    /// As many as this expression says, once the dependencies are done.
    CountOf(String),
    /// One for each item of the list that this expression gives.
    EachOf(String),
}

impl Fan {
    /// Whether it is [`Fan::One`].
    #[must_use]
    pub const fn is_one(&self) -> bool {
        matches!(self, Self::One)
    }

    /// How many siblings there are; `None` until the expression is evaluated.
    #[must_use]
    pub fn size(&self) -> Option<u32> {
        match self {
            Self::One => Some(1),
            Self::Count(n) => Some(*n),
            Self::Each(items) => u32::try_from(items.len()).ok(),
            Self::CountOf(_) | Self::EachOf(_) => None,
        }
    }
}

/// The work of a task: what is run, and with what.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Action {
    /// `process`, or `worker` for an operation that a handler serves.
    pub executor: String,
    /// The name of a handler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Program and arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// A shell script. Never holds an expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// JSON for the handler or for `$ORK_PARAMS`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub params: Value,
    /// The task's own environment variables: text, with `{{ … }}` as long as it is a template.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Value>,
    /// Where it runs; `None` means the project's folder, else the attempt's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// Where its output is read from; that of each of its commands, when it has steps.
    pub output: OutputFrom,
    /// The steps of the work, by phase; empty for one command or operation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// How many rounds of execution and validation an attempt has at the most; 0 counts as 1.
    #[serde(skip_serializing_if = "is_zero")]
    pub rounds: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Where a process's output is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFrom {
    /// The file `$ORK_OUTPUT`, JSON; nothing written means `null`.
    #[default]
    File,
    /// The standard output as one string, without its last newline.
    Stdout,
    /// The standard output as JSON.
    StdoutJson,
}

impl Plan {
    /// The position of the node with this key.
    #[must_use]
    pub fn position(&self, key: &str) -> Option<u32> {
        self.nodes.iter().position(|node| node.key == key).and_then(|at| u32::try_from(at).ok())
    }

    /// The tasks that the plan starts out with: an unexpanded group counts as its one placeholder.
    #[must_use]
    pub fn tasks_at_birth(&self) -> u64 {
        self.nodes.iter().map(|node| u64::from(node.fan.size().unwrap_or(1))).sum()
    }
}

impl Node {
    /// A node with the defaults of an empty task.
    #[must_use]
    pub fn new(key: impl Into<String>, action: Action) -> Self {
        let queue = action.operation.clone().unwrap_or_else(|| Self::QUEUE_DEFAULT.into());
        Self {
            key: key.into(),
            depends_on: Vec::new(),
            fan: Fan::One,
            when: None,
            run_if: None,
            retry: RetryPolicy::default(),
            timeout_ms: None,
            priority: None,
            queue,
            concurrency: None,
            at_most_once: false,
            action,
        }
    }

    /// The queue of a task that names neither a queue nor an operation.
    pub const QUEUE_DEFAULT: &'static str = "default";

    /// Whether something must be evaluated once its dependencies are over, before it can be queued.
    #[must_use]
    pub const fn needs_evaluation(&self) -> bool {
        self.when.is_some() || matches!(self.fan, Fan::CountOf(_) | Fan::EachOf(_))
    }
}

impl Action {
    /// An operation that a handler serves.
    #[must_use]
    pub fn operation(name: impl Into<String>, params: Value) -> Self {
        Self { executor: Self::WORKER.into(), operation: Some(name.into()), params, ..Self::default() }
    }

    /// A program with its arguments.
    #[must_use]
    pub fn command(argv: Vec<String>) -> Self {
        Self { executor: Self::PROCESS.into(), command: Some(argv), ..Self::default() }
    }

    /// The executor of commands and scripts.
    pub const PROCESS: &'static str = "process";
    /// The executor of operations: whichever worker has a handler.
    pub const WORKER: &'static str = "worker";
}

//! The steps of a task: what they are in the plan, what becomes of them, and what they cost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::attempt::Failure;
use crate::clock::Timestamp;
use crate::graph::LeaseId;
use crate::id::TaskRef;
use crate::json::Json;
use crate::retry::RetryPolicy;
use crate::state::{IllegalChange, allows, words};

words!(
    /// The part of an attempt that a step belongs to. They follow each other in this order.
    StepPhase {
        /// It makes ready.
        Setup = "setup",
        /// It does the work.
        Execution = "execution",
        /// It says whether the work is good.
        Validation = "validation",
        /// It puts away, however the rest went.
        Cleanup = "cleanup",
    }
);

words!(
    /// What a step does.
    StepType {
        /// It runs a program or a script.
        Command = "command",
        /// It asks a model.
        AiAction = "ai_action",
        /// It lets the attempt pass, or not.
        Gate = "gate",
        /// It keeps files.
        Artifact = "artifact",
    }
);

words!(
    /// The status of a step.
    StepStatus {
        /// It has not begun. No row of a store has this status.
        Pending = "pending",
        /// It is at work.
        Running = "running",
        /// It waits for somebody's decision.
        Waiting = "waiting",
        /// It is done.
        Success = "success",
        /// It failed.
        Failed = "failed",
        /// It did not run: its condition was false, or a step before it failed.
        Skipped = "skipped",
        /// It was stopped.
        Cancelled = "cancelled",
    }
);

impl StepStatus {
    /// Whether nothing can change any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Skipped | Self::Cancelled)
    }
}

/// Every legal change of a step's status. What has no row is `pending`.
pub const STEP_CHANGES: &[(StepStatus, &[StepStatus])] = {
    use StepStatus::{Cancelled, Failed, Pending, Running, Skipped, Success, Waiting};
    &[
        (Pending, &[Running, Skipped, Cancelled]),
        (Running, &[Waiting, Success, Failed, Cancelled]),
        (Waiting, &[Running, Success, Failed, Cancelled]),
    ]
};

/// A step of a plan. Templates in it are still templates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name in its task.
    pub name: String,
    /// The part of the attempt that it belongs to.
    pub phase: StepPhase,
    /// An expression; when it is false the step is skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// How long one try of it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// When a try that failed is followed by another.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// Its failure is not the attempt's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continue_on_error: bool,
    /// Its own environment variables, over those of the task.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Value>,
    /// What it does.
    pub work: StepWork,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepWork {
    /// Program and arguments.
    Command(Vec<String>),
    /// A shell script.
    Run(String),
    /// A model is asked.
    Ai(Box<AiStep>),
    /// A program decides: it passes when that succeeds.
    GateCommand(Vec<String>),
    /// A script decides.
    GateRun(String),
    /// An expression decides.
    GateCondition(String),
    /// Somebody decides.
    Approval(Approval),
    /// Files are kept.
    Artifact(Box<ArtifactStep>),
}

impl StepWork {
    /// The word for what it does.
    #[must_use]
    pub const fn step_type(&self) -> StepType {
        match self {
            Self::Command(_) | Self::Run(_) => StepType::Command,
            Self::Ai(_) => StepType::AiAction,
            Self::GateCommand(_) | Self::GateRun(_) | Self::GateCondition(_) | Self::Approval(_) => StepType::Gate,
            Self::Artifact(_) => StepType::Artifact,
        }
    }
}

/// How a model is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AiApi {
    /// Chat completions, as OpenAI has defined them and many others serve them.
    #[default]
    Openai,
    /// Anthropic's messages.
    Anthropic,
}

impl AiApi {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
        }
    }
}

/// What a model is asked. All texts may be templates.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AiStep {
    /// A stored prompt: `ID`, or `ID@VERSION`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The text itself, in place of a stored prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What the model is told before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The values of the prompt's variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vars: BTreeMap<String, Value>,
    /// The model's name.
    pub model: String,
    /// How it is spoken to.
    pub api: AiApi,
    /// Where: a template. `None`: the secret `OPENAI_BASE_URL` or `ANTHROPIC_BASE_URL`, else the provider's own address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The key: a template that is one whole secret. `None`: the secret `OPENAI_API_KEY` or `ANTHROPIC_API_KEY`, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Tokens that the answer may have.
    pub max_tokens: u32,
    /// How free the answer is, 0 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The JSON Schema of the answer; without one the answer is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// What all tries and rounds of the step in one task may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Allowance>,
}

/// What happens to an approval that nobody has given in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExpiry {
    /// It counts as rejected.
    #[default]
    Reject,
    /// It counts as given.
    Approve,
    /// It goes on waiting.
    Hold,
}

impl OnExpiry {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Approve => "approve",
            Self::Hold => "hold",
        }
    }

    /// What a word means.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Reject, Self::Approve, Self::Hold].into_iter().find(|found| found.word() == word)
    }
}

/// A decision that somebody must take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The least role of whoever decides.
    pub role: crate::access::Role,
    /// How long there is time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// What happens then.
    #[serde(default)]
    pub on_expiry: OnExpiry,
    /// Whether whoever started the run may decide.
    #[serde(default = "yes")]
    pub allow_self: bool,
    /// What is asked, in words: a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

const fn yes() -> bool {
    true
}

/// Files that are kept, or one that is elsewhere. Exactly one of `path` and `url` is there. Texts may be templates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ArtifactStep {
    /// Which files, as patterns below `$ORK_WORK`: see [`crate::glob::Glob`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// The address of a file elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What it is called; `None`: as in the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What they are, in a word; no template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Their media type; no template. `None`: by the end of the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// How many bytes the file elsewhere has: a number, or a template that gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Value>,
    /// The SHA-256 of the file elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// What else there is to say: an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
    /// It is no failure when no file matches.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// How much may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Allowance {
    /// Tokens, in and out together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Money, in millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micros: Option<u64>,
}

/// What a run may use, and what happens when that is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanBudget {
    /// How much.
    #[serde(flatten)]
    pub allowance: Allowance,
    /// A call that does not fit waits at a gate; else its step fails.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks: bool,
}

/// The tokens of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tokens {
    /// What the model read, cached or not.
    pub input: u64,
    /// What it wrote.
    pub output: u64,
    /// What of `input` was cached.
    pub cached: u64,
}

impl Tokens {
    /// All of them, as budgets count.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// What a call used, or may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Tokens, in and out.
    pub tokens: u64,
    /// Money, in millionths of a US dollar.
    pub micros: u64,
}

impl Cost {
    /// Both together.
    #[must_use]
    pub const fn plus(self, more: Self) -> Self {
        Self { tokens: self.tokens.saturating_add(more.tokens), micros: self.micros.saturating_add(more.micros) }
    }

    /// What is left without the other.
    #[must_use]
    pub const fn minus(self, less: Self) -> Self {
        Self { tokens: self.tokens.saturating_sub(less.tokens), micros: self.micros.saturating_sub(less.micros) }
    }
}

/// What a model's tokens cost: millionths of a US dollar for a million of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rates {
    /// What it reads.
    pub input: u64,
    /// What it writes.
    pub output: u64,
    /// What it reads from its cache.
    pub cached: u64,
}

impl Rates {
    /// What these tokens cost, rounded up.
    #[must_use]
    pub fn cost(self, tokens: Tokens) -> u64 {
        let cached = tokens.cached.min(tokens.input);
        let sum = [(tokens.input - cached, self.input), (cached, self.cached), (tokens.output, self.output)]
            .into_iter()
            .map(|(count, rate)| u128::from(count) * u128::from(rate))
            .sum::<u128>();
        u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    /// What so many tokens cost at the most.
    #[must_use]
    pub fn at_most(self, input: u64, output: u64) -> u64 {
        let rates = Self { input: self.input.max(self.cached), ..self };
        rates.cost(Tokens { input, output, cached: 0 })
    }
}

/// Which try of which step, within a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepKey {
    /// The attempt, from 1.
    pub attempt: u32,
    /// The round, from 1. Steps of setup and cleanup stand in the first and in the last one.
    pub round: u32,
    /// The step's place in the plan, from 0.
    pub position: u32,
    /// The try, from 1.
    pub tried: u32,
}

/// A step, as lists and details show it.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRow {
    /// The task.
    pub task: TaskRef,
    /// Which try of which step.
    pub key: StepKey,
    /// The step's name.
    pub name: String,
    /// The part of the attempt.
    pub phase: StepPhase,
    /// What it does.
    pub step_type: StepType,
    /// How far it is.
    pub status: StepStatus,
    /// The lease under which it began.
    pub lease: LeaseId,
    /// What it gave.
    pub output: Option<Json>,
    /// What went wrong.
    pub error: Option<Failure>,
    /// How its process ended.
    pub exit_code: Option<i32>,
    /// The model that was asked.
    pub model: Option<String>,
    /// The prompt that it was given: `ID@VERSION`.
    pub prompt: Option<String>,
    /// What it used.
    pub tokens: Tokens,
    /// What it counts for in budgets, in tokens.
    pub cost_tokens: u64,
    /// What it cost.
    pub cost_micros: u64,
    /// What is reserved for it until it is over.
    pub reserved: Cost,
    /// When it began, or was skipped.
    pub started_at: Timestamp,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}

impl StepStatus {
    /// The new status, if the change is legal.
    ///
    /// # Errors
    /// [`IllegalChange`], naming both, if the table does not have it.
    pub fn change_to(self, to: Self) -> Result<Self, IllegalChange> {
        if allows(STEP_CHANGES, self, to) {
            return Ok(to);
        }
        Err(IllegalChange { noun: "step", from: self.word(), to: to.word() })
    }
}

impl StepRow {
    /// What it counts for in budgets.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        Cost { tokens: self.cost_tokens, micros: self.cost_micros }
    }

    /// How long it took, if it is over.
    #[must_use]
    pub fn duration_ms(&self) -> Option<u64> {
        self.finished_at.map(|end| end.since_ms(self.started_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_rounded_up_and_cached_tokens_cost_their_own() {
        let rates = Rates { input: 3_000_000, output: 15_000_000, cached: 300_000 };
        assert_eq!(rates.cost(Tokens { input: 1_000, output: 100, cached: 600 }), 1_200 + 180 + 1_500);
        assert_eq!(rates.cost(Tokens { input: 0, output: 0, cached: 0 }), 0);
        assert_eq!(Rates { input: 1, ..Rates::default() }.cost(Tokens { input: 1, output: 0, cached: 0 }), 1);
        assert_eq!(rates.cost(Tokens { input: 1, output: 0, cached: 9 }), 1, "no more is cached than there is");
        assert_eq!(Rates { cached: 9_000_000, ..rates }.at_most(10, 0), 90);
        assert_eq!(rates.cost(Tokens { input: u64::MAX, output: u64::MAX, cached: 0 }), u64::MAX);
    }
}

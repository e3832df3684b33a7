//! Immutable facts about a run, and who brought them about.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::RunId;
use crate::json::Json;
use crate::state::{RunStatus, TaskStatus};
use crate::step::StepStatus;
use crate::store::GateStatus;

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// What it is.
    pub kind: ActorKind,
    /// Its name: a user's, a worker's id, a loop's name.
    pub id: String,
}

/// What kind of actor it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person.
    User,
    /// A program with a token of its own.
    Service,
    /// A worker process.
    Worker,
    /// Ork itself.
    System,
    /// A program that writes events into runs.
    Bot,
}

impl ActorKind {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Worker => "worker",
            Self::System => "system",
            Self::Bot => "bot",
        }
    }

    /// The kind of a stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::User, Self::Service, Self::Worker, Self::System, Self::Bot].into_iter().find(|kind| kind.word() == word)
    }
}

impl Actor {
    /// Ork itself, in one of its loops.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self { kind: ActorKind::System, id: name.into() }
    }

    /// A person.
    #[must_use]
    pub fn user(name: &str) -> Self {
        Self { kind: ActorKind::User, id: name.into() }
    }
}

/// What happened. The words are stable: SQL users, webhooks and the API see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventType {
    /// What a bot has to say.
    Bot(BotType),
    /// The run exists.
    RunCreated,
    /// The run has this status now.
    Run(RunStatus),
    /// The run goes on after a pause.
    RunResumed,
    /// Somebody asked for the run's end.
    RunCancelRequested,
    /// Somebody has seen how the run ended.
    RunAcknowledged,
    /// Tasks have this status now.
    Task(TaskStatus),
    /// A group has its size now.
    TaskExpanded,
    /// Somebody asked for a task's end.
    TaskCancelRequested,
    /// Somebody asked for a task's next attempt at once.
    TaskRetryRequested,
    /// An outcome came after its attempt had ended, and changed nothing.
    AttemptLate,
    /// A step of a task has this status now.
    Step(StepStatus),
    /// A gate of a task has this status now.
    Gate(GateStatus),
    /// A call did not fit into a budget.
    BudgetExceeded,
    /// The run keeps a file more.
    ArtifactCreated,
    /// The run's budget is a larger one now.
    BudgetRaised,
}

impl EventType {
    /// The word that is stored and shown.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Bot(own) => own.word(),
            other => other.own_word(),
        }
    }

    /// The word of a type that is Ork's own.
    const fn own_word(self) -> &'static str {
        match self {
            Self::Bot(_) => "bot",
            Self::RunCreated => "run.created",
            Self::Run(RunStatus::Pending) => "run.pending",
            Self::Run(RunStatus::Running) => "run.running",
            Self::Run(RunStatus::Paused) => "run.paused",
            Self::Run(RunStatus::Success) => "run.success",
            Self::Run(RunStatus::Failed) => "run.failed",
            Self::Run(RunStatus::Cancelled) => "run.cancelled",
            Self::RunResumed => "run.resumed",
            Self::RunCancelRequested => "run.cancel_requested",
            Self::RunAcknowledged => "run.acknowledged",
            Self::Task(TaskStatus::Pending) => "task.pending",
            Self::Task(TaskStatus::Queued) => "task.queued",
            Self::Task(TaskStatus::Dispatched) => "task.dispatched",
            Self::Task(TaskStatus::Running) => "task.running",
            Self::Task(TaskStatus::Waiting) => "task.waiting",
            Self::Task(TaskStatus::Retrying) => "task.retrying",
            Self::Task(TaskStatus::Paused) => "task.paused",
            Self::Task(TaskStatus::Success) => "task.success",
            Self::Task(TaskStatus::Failed) => "task.failed",
            Self::Task(TaskStatus::Skipped) => "task.skipped",
            Self::Task(TaskStatus::Cancelled) => "task.cancelled",
            Self::TaskExpanded => "task.expanded",
            Self::TaskCancelRequested => "task.cancel_requested",
            Self::TaskRetryRequested => "task.retry_requested",
            Self::AttemptLate => "attempt.late",
            Self::Step(StepStatus::Pending) => "step.pending",
            Self::Step(StepStatus::Running) => "step.running",
            Self::Step(StepStatus::Waiting) => "step.waiting",
            Self::Step(StepStatus::Success) => "step.success",
            Self::Step(StepStatus::Failed) => "step.failed",
            Self::Step(StepStatus::Skipped) => "step.skipped",
            Self::Step(StepStatus::Cancelled) => "step.cancelled",
            Self::Gate(GateStatus::Open) => "gate.open",
            Self::Gate(GateStatus::Approved) => "gate.approved",
            Self::Gate(GateStatus::Rejected) => "gate.rejected",
            Self::Gate(GateStatus::Expired) => "gate.expired",
            Self::Gate(GateStatus::Cancelled) => "gate.cancelled",
            Self::BudgetExceeded => "budget.exceeded",
            Self::ArtifactCreated => "artifact.created",
            Self::BudgetRaised => "budget.raised",
        }
    }

    /// The type of a stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match BotType::parse(word) {
            Some(own) => Some(Self::Bot(own)),
            None => Self::all().find(|kind| kind.own_word() == word),
        }
    }

    /// The words of all types that are Ork's own.
    pub fn words() -> impl Iterator<Item = &'static str> {
        Self::all().map(Self::own_word)
    }

    /// Every type that is Ork's own; those of bots are without number.
    pub fn all() -> impl Iterator<Item = Self> {
        let singles = [
            Self::RunCreated,
            Self::RunResumed,
            Self::RunCancelRequested,
            Self::RunAcknowledged,
            Self::TaskExpanded,
            Self::TaskCancelRequested,
            Self::TaskRetryRequested,
            Self::AttemptLate,
            Self::BudgetExceeded,
            Self::ArtifactCreated,
            Self::BudgetRaised,
        ];
        let runs = RunStatus::ALL.iter().map(|status| Self::Run(*status));
        let tasks = TaskStatus::ALL.iter().map(|status| Self::Task(*status));
        let steps = StepStatus::ALL.iter().map(|status| Self::Step(*status));
        let gates = GateStatus::ALL.iter().map(|status| Self::Gate(*status));
        singles.into_iter().chain(runs).chain(tasks).chain(steps).chain(gates)
    }
}

/// The type of a bot's event: `bot.`, and 1 to 120 bytes of `[a-z0-9._-]`. Kept in place, so that an [`EventType`] stays as cheap to
/// hand around as a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BotType {
    word: [u8; BotType::BYTES_MAX],
    length: u8,
}

impl BotType {
    /// What all of them begin with; nothing of Ork's own does.
    pub const PREFIX: &str = "bot.";
    /// Bytes of the longest one, its beginning included.
    pub const BYTES_MAX: usize = 124;

    /// The type of a word; `None` when it is none that a bot may use.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let own = text.strip_prefix(Self::PREFIX)?;
        let is_sign = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
        if own.is_empty() || text.len() > Self::BYTES_MAX || !own.bytes().all(is_sign) {
            return None;
        }
        let mut word = [0; Self::BYTES_MAX];
        word[..text.len()].copy_from_slice(text.as_bytes());
        Some(Self { word, length: u8::try_from(text.len()).ok()? })
    }

    /// The word.
    #[must_use]
    pub fn word(&self) -> &str {
        std::str::from_utf8(&self.word[..usize::from(self.length)]).unwrap_or(Self::PREFIX)
    }
}

impl fmt::Debug for BotType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The numbers of the tasks that an event is about: sorted, without repeats, kept as ranges so that a fan-out of
/// 100,000 costs a few bytes. Written as `0-99,105`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskSet(Vec<(u32, u32)>);

impl TaskSet {
    /// The set of these numbers, in any order.
    #[must_use]
    pub fn of(mut numbers: Vec<u32>) -> Self {
        numbers.sort_unstable();
        let mut set = Self::default();
        for n in numbers {
            set.push_range(n, n);
        }
        set
    }

    /// Adds `from..=to`, which must not begin before what is already there.
    pub fn push_range(&mut self, from: u32, to: u32) {
        match self.0.last_mut() {
            Some((_, end)) if from <= end.saturating_add(1) => *end = (*end).max(to),
            _ => self.0.push((from, to)),
        }
    }

    /// Adds one number. Cheap when it comes after all others.
    pub fn insert(&mut self, n: u32) {
        if self.0.last().is_none_or(|(_, end)| n > *end) {
            self.push_range(n, n);
        } else if !self.contains(n) {
            *self = Self::of(self.iter().chain([n]).collect());
        }
    }

    /// Whether this number is in it.
    #[must_use]
    pub fn contains(&self, n: u32) -> bool {
        let at = self.0.partition_point(|(_, end)| *end < n);
        self.0.get(at).is_some_and(|(from, _)| *from <= n)
    }

    /// What of it is not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        if other.is_empty() { self.clone() } else { Self::of(self.iter().filter(|n| !other.contains(*n)).collect()) }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.iter().map(|(from, to)| u64::from(to - from) + 1).sum()
    }

    /// How many ranges it is kept as.
    #[must_use]
    pub fn ranges(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none: the event is about the run itself.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each number, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|(from, to)| *from..=*to)
    }

    /// Each number but the first `skipped`, in order; those cost nothing.
    pub fn iter_after(&self, skipped: u64) -> impl Iterator<Item = u32> + '_ {
        let mut left = skipped;
        self.0.iter().flat_map(move |(from, to)| {
            let begins = u64::from(*from).saturating_add(left);
            left = begins.saturating_sub(u64::from(*to) + 1);
            u32::try_from(begins).ok().into_iter().flat_map(|begins| begins..=*to)
        })
    }

    /// Reads what [`fmt::Display`] wrote; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut set = Self::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
            if to < from || set.0.last().is_some_and(|(_, end)| from <= *end) {
                return None;
            }
            set.push_range(from, to);
        }
        Some(set)
    }
}

impl fmt::Display for TaskSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (from, to)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            if from == to {
                write!(f, "{comma}{from}")?;
            } else {
                write!(f, "{comma}{from}-{to}")?;
            }
        }
        Ok(())
    }
}

/// One stored row: one event of the run itself, or a batch of like events of its tasks, one per task.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// The run.
    pub run: RunId,
    /// The number of its first event; numbers of a run begin at 1 and have no gap.
    pub seq: u64,
    /// The number of its last event.
    pub seq_last: u64,
    /// What happened.
    pub event_type: EventType,
    /// To which tasks; empty for the run itself.
    pub tasks: TaskSet,
    /// Who did it.
    pub actor: Actor,
    /// What else there is to say, the same for all of the batch.
    pub payload: Option<Json>,
    /// When.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_sets_are_ranges() {
        let set = TaskSet::of(vec![7, 1, 2, 3, 9]);
        assert_eq!((set.to_string().as_str(), set.len()), ("1-3,7,9", 5));
        assert_eq!(TaskSet::parse("1-3,7,9"), Some(set.clone()));
        assert_eq!(set.iter().collect::<Vec<_>>(), [1, 2, 3, 7, 9]);
        for bad in ["3-1", "x", "1,1", "2,1", "1-2-3"] {
            assert_eq!(TaskSet::parse(bad), None, "{bad}");
        }
        for skipped in 0..7 {
            let rest: Vec<u32> = set.iter().skip(skipped).collect();
            assert_eq!(set.iter_after(skipped as u64).collect::<Vec<_>>(), rest, "{skipped}");
        }
        let end = TaskSet::of(vec![0, u32::MAX]);
        assert_eq!([0, 1, 2, u64::MAX - 9].map(|skipped| end.iter_after(skipped).count()), [2, 1, 0, 0]);
        let mut more = set.clone();
        for n in [8, 8, 20, 0] {
            more.insert(n);
        }
        assert_eq!(more.to_string(), "0-3,7-9,20");
        assert!(more.contains(8) && !more.contains(4) && !more.contains(21));
        assert_eq!(more.without(&set).to_string(), "0,8,20");
    }

    #[test]
    fn types_round_trip() {
        for kind in EventType::all() {
            assert_eq!(EventType::from_word(kind.word()), Some(kind));
            assert!(!kind.word().starts_with(BotType::PREFIX), "bots have a space of their own");
        }
        assert!(EventType::words().count() >= 39);
    }

    #[test]
    fn bots_have_words_of_their_own() {
        let longest = format!("bot.{}", "x".repeat(120));
        for good in ["bot.a", "bot.review.done", "bot.0-_.", longest.as_str()] {
            assert_eq!(EventType::from_word(good).as_ref().map(EventType::word), Some(good));
        }
        let too_long = format!("{longest}x");
        for bad in
            ["bot.", "bot", "bot.A", "bot.a b", "bot.ä", "bot.a\n", "Bot.a", "run.bot", "robot.a", too_long.as_str()]
        {
            assert_eq!(EventType::from_word(bad), None, "{bad}");
        }
    }
}

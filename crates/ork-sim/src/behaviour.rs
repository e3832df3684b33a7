//! How an attempt's work goes: decided by the seed and the attempt alone, so that it is the same whenever and wherever
//! the attempt runs.

use ork_core::json::Json;
use ork_core::plan::Node;
use ork_core::step::{Step, StepKey, StepPhase, StepWork, Tokens};

use crate::dice::Dice;

/// What an attempt's work does.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// How long it works, in milliseconds; 0 ends at once, without a pause.
    pub work_ms: u64,
    /// How it ends when nobody stops it.
    pub ending: Ending,
    /// How long it goes on after it was told to stop.
    pub deaf_ms: u64,
    /// It writes a log and says how far it is.
    pub talks: bool,
}

/// How work ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With this output.
    Success(Json),
    /// With this exit code.
    Exit(i32),
    /// With a panic.
    Panic,
    /// Not before it is told to stop.
    Hang,
    /// It takes its node down, whatever the attempt: one that must be put in quarantine.
    Crash,
}

/// What a step's command does.
#[derive(Debug, Clone)]
pub struct StepBehaviour {
    /// How it goes.
    pub behaviour: Behaviour,
    /// What it says that models have used.
    pub tokens: Option<Tokens>,
    /// Bytes that it leaves in the folder.
    pub bytes: usize,
}

/// What a model does with a call.
#[derive(Debug, Clone, Copy)]
pub struct CallBehaviour {
    /// How long it takes, in milliseconds.
    pub work_ms: u64,
    /// How it ends.
    pub ending: CallEnding,
    /// What of the tokens that it may read and write it uses, in percent.
    pub share: u64,
}

/// How a call of a model ends when nobody stops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEnding {
    /// With an answer.
    Answer,
    /// Nothing was done; trying again may help.
    Refused {
        /// Whether it may.
        is_retryable: bool,
    },
    /// Nobody knows.
    Lost,
    /// With half an answer, and what it used, or not.
    Unusable {
        /// Whether it says that.
        says_tokens: bool,
    },
    /// Not before it is told to stop.
    Hang,
    /// It takes its node down.
    Crash,
}

/// What work may do beside ending by itself.
#[derive(Debug, Clone, Copy)]
pub struct May {
    /// It hangs: something ends it.
    pub hang: bool,
    /// It takes its node down.
    pub crash: bool,
}

/// The stream of the dice that decides behaviours.
const STREAM: u64 = 7;
/// The one for steps, and the one for calls of models.
const STREAM_STEPS: u64 = 70;
const STREAM_CALLS: u64 = 71;

/// How the attempt of this number goes. `run` is the run's number in the world. Work hangs only where something, a
/// time limit, will stop it.
#[must_use]
pub fn behaviour(seed: u64, (run, n, attempt): (u64, u32, u32), node: &Node, ends: bool, can_crash: bool) -> Behaviour {
    let mut dice = Dice::new(seed, &[STREAM, run, u64::from(n), u64::from(attempt)]);
    let work_ms = match dice.below(100) {
        0..10 => 0,
        10..45 => dice.between(1, 300),
        45..70 => dice.between(300, 2_500),
        70..92 => dice.between(2_500, 6_000),
        // Longer than a lease lasts without a heartbeat.
        _ => dice.between(16_000, 22_000),
    };
    let can_hang = ends || node.timeout_ms.is_some();
    let mut of_task = Dice::new(seed, &[STREAM, run, u64::from(n)]);
    let ending = match dice.below(100) {
        // No task does that where the time until a task runs again is measured: the one that dies with its node is late.
        _ if can_crash && of_task.percent(2) => Ending::Crash,
        0..14 => Ending::Exit(if dice.percent(50) { 75 } else { 1 }),
        14..18 => Ending::Panic,
        18..24 if can_hang => Ending::Hang,
        _ => Ending::Success(output(&mut dice)),
    };
    let deaf_ms = if dice.percent(30) { dice.between(100, 7_000) } else { dice.below(20) };
    Behaviour { work_ms, ending, deaf_ms, talks: dice.percent(15) }
}

/// What the expressions of [`crate::plans`] read; sometimes it is not there.
fn output(dice: &mut Dice) -> Json {
    if dice.percent(4) {
        return Json::from_stored("null");
    }
    let list: Vec<u64> = (0..dice.below(4)).collect();
    Json::from_stored(format!("{{\"n\":{},\"list\":{list:?},\"ok\":{}}}", dice.below(4), dice.percent(75)))
}

fn of_try(seed: u64, stream: u64, (run, n): (u64, u32), key: StepKey) -> Dice {
    let StepKey { attempt, round, position, tried } = key;
    let parts = [n, attempt, round, position, tried].map(u64::from);
    Dice::new(seed, &[&[stream, run], parts.as_slice()].concat())
}

/// How a try of a step goes. What the task's own limits end may hang, but for cleanup.
#[must_use]
pub fn step_behaviour(seed: u64, task: (u64, u32), key: StepKey, step: &Step, may: May) -> StepBehaviour {
    let mut dice = of_try(seed, STREAM_STEPS, task, key);
    let work_ms = match dice.below(100) {
        0..15 => 0,
        15..70 => dice.between(1, 300),
        70..95 => dice.between(300, 1_500),
        _ => dice.between(1_500, 5_000),
    };
    let is_cleanup = step.phase == StepPhase::Cleanup;
    let can_hang = step.timeout_ms.is_some() || (may.hang && !is_cleanup);
    let judges = matches!(step.work, StepWork::GateCommand(_) | StepWork::GateRun(_));
    let ending = match dice.below(100) {
        0..3 if may.crash => Ending::Crash,
        3..10 => Ending::Exit(if dice.percent(50) { 75 } else { 1 }),
        10..30 if judges => Ending::Exit(1),
        30..34 if can_hang => Ending::Hang,
        _ => Ending::Success(output(&mut dice)),
    };
    let deaf_ms = if dice.percent(30) { dice.between(100, 4_000) } else { dice.below(20) };
    let behaviour = Behaviour { work_ms, ending, deaf_ms, talks: dice.percent(15) };
    let tokens = dice.percent(10).then(|| Tokens { input: dice.below(500), output: dice.below(200), cached: 0 });
    // More than one part of an archive, now and then.
    let bytes = if dice.percent(2) { 1_300_000 } else { usize::try_from(dice.below(200)).unwrap_or(0) };
    StepBehaviour { behaviour, tokens, bytes }
}

/// How a call of a model goes.
#[must_use]
pub fn call_behaviour(seed: u64, task: (u64, u32), key: StepKey, may: May) -> CallBehaviour {
    let mut dice = of_try(seed, STREAM_CALLS, task, key);
    let work_ms = if dice.percent(80) { dice.between(1, 800) } else { dice.between(800, 6_000) };
    let ending = match dice.below(100) {
        0..5 if may.crash => CallEnding::Crash,
        5..12 => CallEnding::Refused { is_retryable: dice.percent(60) },
        12..20 => CallEnding::Lost,
        20..27 => CallEnding::Unusable { says_tokens: dice.percent(50) },
        27..32 if may.hang => CallEnding::Hang,
        _ => CallEnding::Answer,
    };
    CallBehaviour { work_ms, ending, share: dice.below(101) }
}

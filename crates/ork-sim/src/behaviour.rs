//! How an attempt's work goes: decided by the seed and the attempt alone, so that it is the same whenever and wherever
//! the attempt runs.

use ork_core::json::Json;
use ork_core::plan::Node;

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

/// The stream of the dice that decides behaviours.
const STREAM: u64 = 7;

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

//! Servers and workers on one PostgreSQL, all of which are killed at random while the database crashes as well, and an
//! outside witness of what the tasks did.
#![allow(clippy::disallowed_methods, reason = "it times and waits for real processes")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ork_core::clock::SeededEntropy;
use serde_json::{Value, json};

use crate::figures::quantile;
use crate::fleet::{Fleet, Request, Tail, choose};
use crate::kills::{TASKS, Witness, elapsed_ms, workflow};

/// How hard it blows.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// New runs are submitted, and nodes killed, for so long.
    pub seconds: u64,
    /// And until so many tasks were submitted.
    pub tasks: usize,
    /// Seconds between two kills.
    pub kill_every: u64,
    /// Immediate restarts of PostgreSQL.
    pub restarts: u64,
    /// The seed of all choices.
    pub seed: u64,
}

/// Runs that are not over, at the most.
const LIVE_RUNS_MAX: usize = 4;
/// How long a client asks before it gives up: a restart takes some seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long everything may take to end after the last fault.
const DRAIN: Duration = Duration::from_secs(60);
/// How often witnesses are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A run of the storm, and what its tasks have written.
struct Sight {
    id: String,
    witness: PathBuf,
    tail: Tail,
    /// The newest attempt of each task.
    newest: BTreeMap<(String, u32), Newest>,
    is_over: bool,
}

struct Newest {
    attempt: u32,
    stopped: Option<Instant>,
    /// A node was killed that may have had it.
    struck: Option<Instant>,
}

/// Nothing that ended longer ago than this waits for its settle.
const SETTLED: Duration = Duration::from_millis(300);

/// What happened.
#[derive(Default)]
struct Log {
    kills: u32,
    restarts: u64,
    recoveries_ms: Vec<u64>,
    /// From a restart of PostgreSQL to the first answer of a server that had refused one for it.
    back_ms: Vec<u64>,
    last_fault: Option<Instant>,
    away: Option<(Instant, bool)>,
}

/// Blows, and gives the verdict.
///
/// # Errors
/// What was lost, done twice, or wrong, in words.
pub fn blow(ork: &Path, base: &str, weather: Weather) -> Result<Value, String> {
    let mut fleet = Fleet::start(ork, base, (3, 3, 4), weather.seed)?;
    let verdict = ride(&mut fleet, weather).map_err(|problem| format!("{problem}\n{}", fleet.said()))?;
    fleet.remove();
    Ok(verdict)
}

fn ride(fleet: &mut Fleet, weather: Weather) -> Result<Value, String> {
    let mut dice = SeededEntropy::new(weather.seed);
    let begin = Instant::now();
    let (mut runs, mut log): (Vec<Sight>, Log) = (Vec::new(), Log::default());
    let mut next_kill = begin + Duration::from_secs(weather.kill_every);
    let span = Duration::from_secs(weather.seconds);
    loop {
        let has_time = begin.elapsed() < span || runs.len() * TASKS < weather.tasks;
        look(&mut runs, &mut log);
        let live = still_live(fleet, &mut runs, &mut log)?;
        if !has_time && live == 0 {
            break;
        }
        if has_time && live < LIVE_RUNS_MAX {
            let run = submit(fleet, runs.len(), weather.seed)?;
            runs.push(run);
        }
        if has_time && Instant::now() >= next_kill {
            strike(fleet, &mut runs, (&mut dice, &mut log), weather, begin)?;
            next_kill = Instant::now() + Duration::from_secs(weather.kill_every);
        }
        if !has_time && log.last_fault.is_some_and(|at| at.elapsed() > DRAIN) {
            return Err(format!("{live} runs are not over {} s after the last fault", DRAIN.as_secs()));
        }
        fleet.tend()?;
        std::thread::sleep(LOOK);
    }
    let drained_ms = log.last_fault.map(elapsed_ms);
    if log.kills == 0 || log.restarts < weather.restarts {
        return Err(format!("{} kills and {} restarts: no storm", log.kills, log.restarts));
    }
    let repeated = check(fleet, &runs)?;
    Ok(json!({
        "runs": runs.len(),
        "tasks": runs.len() * TASKS,
        "kills": log.kills,
        "restarts": log.restarts,
        "nodes_that_ended_by_themselves": fleet.ended_by_themselves,
        "attempts_repeated": repeated,
        "recovery_ms_max": log.recoveries_ms.iter().max(),
        "recovery_ms_median": quantile(&mut log.recoveries_ms, 0.5),
        "answers_after_restart_ms_max": log.back_ms.iter().max(),
        "drained_after_ms": drained_ms,
        "seconds": begin.elapsed().as_secs(),
        "seed": weather.seed,
    }))
}

/// Submits a run by whichever server answers; the same key again when the answer was lost.
fn submit(fleet: &mut Fleet, number: usize, seed: u64) -> Result<Sight, String> {
    let witness = fleet.place.folder.join(format!("witness-{number}"));
    let body = json!({"source": workflow(), "input": {"witness": witness.display().to_string()}}).to_string();
    let headers = format!("idempotency-key: storm-{seed}-{number}\r\n");
    let request = Request { method: "POST", path: "/api/v1/runs", headers: &headers, body: &body };
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = fleet.ask(&request, PATIENCE)?;
        match answer.status {
            202 => {
                let id = answer.body["id"].as_str().ok_or("a run without an id")?.to_owned();
                return Ok(Sight {
                    id,
                    tail: Tail::new(witness.clone()),
                    witness,
                    newest: BTreeMap::new(),
                    is_over: false,
                });
            }
            503 if Instant::now() < until => std::thread::sleep(LOOK),
            _ => return Err(format!("a submit was refused: {answer:?}")),
        }
    }
}

/// Reads the witnesses.
fn look(runs: &mut [Sight], log: &mut Log) {
    for run in runs.iter_mut().filter(|run| !run.is_over) {
        for line in run.tail.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [word, key, index, attempt] = words[..] else { continue };
            let (Ok(index), Ok(attempt)) = (index.parse(), attempt.parse::<u32>()) else { continue };
            let task = (key.to_owned(), index);
            if word == "start" {
                let before = run.newest.insert(task, Newest { attempt, stopped: None, struck: None });
                log.recoveries_ms.extend(before.and_then(|before| before.struck).map(elapsed_ms));
            } else if let Some(newest) = run.newest.get_mut(&task).filter(|newest| newest.attempt == attempt) {
                newest.stopped = Some(Instant::now());
            }
        }
    }
}

/// How many runs are not over, as a server says.
fn still_live(fleet: &mut Fleet, runs: &mut [Sight], log: &mut Log) -> Result<usize, String> {
    for run in runs.iter_mut().filter(|run| !run.is_over) {
        let path = format!("/api/v1/runs/{}", run.id);
        let answer = fleet.ask(&Request::get(&path), PATIENCE)?;
        match answer.status {
            200 => {
                run.is_over = matches!(answer.body["status"].as_str(), Some("success" | "failed" | "cancelled"));
                log.back_ms.extend(log.away.take_if(|(_, refused)| *refused).map(|(at, _)| elapsed_ms(at)));
            }
            503 => log.away.iter_mut().for_each(|(_, refused)| *refused = true),
            _ => return Err(format!("`{path}`: {answer:?}")),
        }
    }
    Ok(runs.iter().filter(|run| !run.is_over).count())
}

/// Kills a node, which is started again a moment later; and PostgreSQL, when it is its turn.
fn strike(
    fleet: &mut Fleet,
    runs: &mut [Sight],
    (dice, log): (&mut SeededEntropy, &mut Log),
    weather: Weather,
    begin: Instant,
) -> Result<(), String> {
    let due = begin.elapsed().as_secs() * (weather.restarts + 1) / weather.seconds.max(1);
    if log.restarts < weather.restarts.min(due) {
        fleet.postgres("restart")?;
        log.restarts += 1;
        log.away = Some((Instant::now(), false));
    } else {
        let number = choose(dice, fleet.len());
        fleet.kill(number)?;
        log.kills += 1;
        look(runs, log);
        for newest in runs.iter_mut().flat_map(|run| run.newest.values_mut()) {
            if newest.stopped.is_none_or(|at| at.elapsed() < SETTLED) {
                newest.struck.get_or_insert_with(Instant::now);
            }
        }
        std::thread::sleep(Duration::from_millis(dice.below(500)));
        fleet.revive(number)?;
    }
    log.last_fault = Some(Instant::now());
    Ok(())
}

/// Compares every run with its witness, and the number of runs with that of submits; `ork doctor` looks at all of it.
fn check(fleet: &Fleet, runs: &[Sight]) -> Result<usize, String> {
    let mut repeated = 0;
    for run in runs {
        let shown = fleet.place.say(&["runs", "show", &run.id, "--json"])?;
        let shown: Value = serde_json::from_str(&shown).map_err(|e| format!("`ork runs show --json`: {e}"))?;
        repeated += Witness::read(&run.witness).compare(&shown).map_err(|problem| format!("{}: {problem}", run.id))?;
        fs::remove_file(&run.witness).map_err(|e| e.to_string())?;
    }
    let listed = fleet.place.say(&["runs", "list", "--limit", "200", "--json"])?.lines().count();
    if listed != runs.len() {
        return Err(format!("{listed} runs, and {} were submitted", runs.len()));
    }
    fleet.place.say(&["doctor"])?;
    Ok(repeated)
}

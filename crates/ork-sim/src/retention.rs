//! Whether tasks wait while the past is removed: how soon a task starts on a server whose slots are all taken, while it keeps
//! everything, and while its janitor removes runs that ended ten days ago. Both by turns, over real sockets.
//!
//! The runs have one task each. They are written into SQLite; `ork db copy` brings them to PostgreSQL.

use std::path::Path;

use ork_core::id::RunId;
use serde_json::{Value, json};

use crate::figures::Figures;
use crate::kills::{Database, Place};
use crate::load::{Load, SLOTS, TASK_SECONDS, Turns};
use crate::past::{Past, wait};
use crate::serving::{Serving, Watch, days_ago, rest, text};

/// How many times as long the slowest starts may take.
const TIMES_MAX: f64 = 1.5;
/// How long ago the runs ended, in days.
const AGO: u64 = 10;
/// The janitor looks once a minute whether there is something to do.
const BEGIN_SECONDS: f64 = 150.0;
/// Runs that the janitor removes before it hears that it is not to go on.
const OVERSHOOT_MAX: usize = 500;
/// Runs that are written at once.
const BATCH: usize = 1_000;

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Runs that there are when it begins.
    pub runs: u64,
    /// So many of them are removed, in all rounds.
    pub removed: u64,
    /// Rounds of each kind.
    pub rounds: u64,
    /// Starts that are measured in a round in which nothing is removed. One in which something is has as many as there is
    /// time for.
    pub starts: u64,
}

/// Measures it, on both databases.
///
/// # Errors
/// When a start takes too much longer beside the janitor, or what it leaves is not what it should be.
pub fn prove(ork: &Path, base: &str, size: Size) -> Result<Value, String> {
    let mut figures = Figures::default();
    let databases = [Database::Postgres(base.into()), Database::Sqlite];
    let [there, here] = [Place::new(ork, &databases[0], 6_000_000)?, Place::new(ork, &databases[1], 6_000_000)?];
    let filling = Watch::start();
    let runs = wait(fill(&here.folder.join("ork.db"), size.runs))?;
    let removed = &runs[..runs.len().min(usize::try_from(size.removed).map_err(text)?)];
    println!("{} runs are written after {:.0} s", runs.len(), filling.seconds());
    here.say(&["db", "copy", "--no-check", "--from", &here.url, "--to", &there.url])?;
    println!("and copied after {:.0} s", filling.seconds());
    let mut facts = json!({
        "runs": runs.len(), "removed": removed.len(), "rounds": size.rounds,
        "slots": SLOTS, "load_task_seconds": TASK_SECONDS,
    });
    for (database, place) in databases.iter().zip([there, here]) {
        let mut found = measure(&mut figures, &place, (database.word(), removed), size)?;
        place.say(&["doctor"])?;
        let tombstones = tombstones(&place)?;
        // The janitor goes on until it is told not to, but there are no more than these.
        if tombstones < removed.len() || tombstones > runs.len() {
            return Err(format!("{tombstones} tombstones of {} runs, {}", removed.len(), database.word()));
        }
        found["tombstones"] = tombstones.into();
        facts[database.word()] = found;
        place.remove(database);
    }
    figures.verdict("runs removed, tasks start as soon, doctor clean", facts)
}

/// Writes runs that are over; their ids in the order of their ends.
async fn fill(path: &Path, runs: u64) -> Result<Vec<RunId>, String> {
    let mut past = Past::open(path, days_ago(AGO)?).await?;
    let runs = usize::try_from(runs).map_err(text)?;
    let mut ids = Vec::with_capacity(runs);
    while ids.len() < runs {
        let count = (runs - ids.len()).min(BATCH);
        ids.extend(past.submit(count, 1).await?);
        if past.carry_out(count as u64).await? != count as u64 {
            return Err("a run is not over".into());
        }
    }
    past.close().await?;
    Ok(ids)
}

fn measure(figures: &mut Figures, place: &Place, (word, runs): (&str, &[RunId]), size: Size) -> Result<Value, String> {
    // Before there is a janitor.
    place.say(&["workspaces", "set", "default", "--keep-days", "0"])?;
    let server = Serving::start(place, &["--capacity", SLOTS])?;
    let (load, mut turns) = (Load::default(), Turns::default());
    let (mut removed, mut seconds) = (0, 0.0);
    load.beside(&server, || {
        for part in parts(runs.len(), usize::try_from(size.rounds.max(1)).map_err(text)?) {
            turns.without.push(load.measure(&server, |count| Ok(count as u64 >= size.starts))?);
            let [first, last] = [runs[part.first], runs[part.last]];
            keep(&server, 1)?;
            let waiting = Watch::start();
            while !is_gone(&server, first)? {
                if waiting.seconds() > BEGIN_SECONDS {
                    return Err("nothing is removed".into());
                }
                rest(10);
            }
            let watch = Watch::start();
            turns.with.push(load.measure(&server, |_| is_gone(&server, last))?);
            seconds += watch.seconds();
            removed += part.last - part.first;
            keep(&server, 0)?;
            println!("{word}: {} runs are removed", part.last + 1);
        }
        Ok(())
    })?;
    turns.note(figures, (word, "the janitor"), [(0.5, None), (0.99, Some(TIMES_MAX))]);
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let rate = removed as f64 / seconds;
    figures.note(&format!("runs removed, {word}"), "per s", Some(rate), (None, None));
    let mut found = turns.counts();
    found["seconds_beside_the_janitor"] = seconds.round().into();
    Ok(found)
}

/// Runs that are removed in one round.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    /// When this one is gone the janitor has begun: some before it may have been removed at the end of the round before.
    first: usize,
    last: usize,
}

fn parts(runs: usize, rounds: usize) -> Vec<Part> {
    let bounds = (0..rounds).map(|part| (runs * part / rounds, runs * (part + 1) / rounds));
    bounds
        .filter(|(from, to)| from < to)
        .map(|(from, to)| {
            let skipped = OVERSHOOT_MAX.min(to - from - 1);
            Part { first: from + skipped, last: to - 1 }
        })
        .collect()
}

fn keep(server: &Serving, days: u32) -> Result<(), String> {
    server.patch("/api/v1/workspaces/default", &json!({"keep_days": days}).to_string()).map(drop)
}

fn is_gone(server: &Serving, run: RunId) -> Result<bool, String> {
    match server.status(&format!("/api/v1/runs/{run}"))? {
        410 => Ok(true),
        200 => Ok(false),
        status => Err(format!("{run}: {status}")),
    }
}

/// Counts them by a copy, which says how many rows each table has, and is checked as well.
fn tombstones(place: &Place) -> Result<usize, String> {
    let copy = format!("sqlite:{}", place.folder.join("counted.db").display());
    let told = place.say(&["db", "copy", "--json", "--from", &place.url, "--to", &copy])?;
    let told: Value = serde_json::from_str(&told).map_err(text)?;
    let found = told["tables"]["pruned_runs"].as_u64().ok_or_else(|| format!("no `pruned_runs`: {told}"))?;
    usize::try_from(found).map_err(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_is_in_a_round() {
        let found = parts(100_001, 2);
        assert_eq!(found, [Part { first: 500, last: 49_999 }, Part { first: 50_500, last: 100_000 }]);
        assert_eq!(parts(10, 1), [Part { first: 9, last: 9 }]);
        assert_eq!(parts(1, 2), [Part { first: 0, last: 0 }]);
    }
}

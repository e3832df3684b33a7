//! `kills --rounds N`: the real `ork` under `kill -9`, on both databases. The last line is the verdict as JSON.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ork_sim::kills::{Database, Round, calm_run, killed_run, killed_worker, summary};
use serde_json::{Map, Value};

fn main() -> ExitCode {
    ork_sim::rounds::main(15, prove)
}

fn prove(rounds: u64) -> Result<Value, String> {
    let ork = PathBuf::from(std::env::var("ORK_BIN").map_err(|_| "ORK_BIN does not name the `ork` to be killed")?);
    let url = std::env::var("ORK_TEST_POSTGRES_URL").map_err(|_| "ORK_TEST_POSTGRES_URL is not set")?;
    let mut verdict = Map::new();
    verdict.insert("verdict".into(), "nothing lost, nothing settled twice, doctor clean".into());
    let worker_rounds = rounds.div_ceil(20);
    let on_postgres = Database::Postgres(url.clone());
    let proofs: [(&str, Proof<'_>); 4] = [
        ("run_killed_sqlite", Box::new(|| killed_runs(&ork, &Database::Sqlite, rounds))),
        ("run_killed_postgres", Box::new(|| killed_runs(&ork, &on_postgres, rounds))),
        ("worker_killed_same_host", Box::new(|| killed_workers(&ork, &url, worker_rounds, false))),
        ("worker_killed_other_host", Box::new(|| killed_workers(&ork, &url, worker_rounds, true))),
    ];
    // Side by side: a round waits most of its time.
    std::thread::scope(|scope| {
        let threads: Vec<_> = proofs.iter().map(|(name, proof)| (name, scope.spawn(proof))).collect();
        for (name, thread) in threads {
            let found = thread.join().unwrap_or_else(|_| Err("a panic".into()));
            verdict.insert((*name).into(), found.map_err(|problem| format!("{name}: {problem}"))?);
        }
        Ok::<(), String>(())
    })?;
    Ok(Value::Object(verdict))
}

/// One part of the proof.
type Proof<'a> = Box<dyn Fn() -> Result<Value, String> + Sync + 'a>;

/// Rounds with workers; `apart`: on another host than the one that finishes.
fn killed_workers(ork: &Path, url: &str, rounds: u64, apart: bool) -> Result<Value, String> {
    let mut done = Vec::new();
    for seed in 0..rounds {
        let round = killed_worker(ork, url, seed, apart).map_err(|problem| format!("seed {seed}: {problem}"))?;
        eprintln!("worker {seed}, apart {apart}: {round:?}");
        done.push(round);
    }
    Ok(summary(&done))
}

/// Rounds on one database.
fn killed_runs(ork: &Path, database: &Database, rounds: u64) -> Result<Value, String> {
    let calm_ms = calm_run(ork, database)?;
    let mut done: Vec<Round> = Vec::new();
    for seed in 0..rounds {
        let round = killed_run(ork, database, seed, calm_ms).map_err(|problem| format!("seed {seed}: {problem}"))?;
        eprintln!("{} {seed}: {round:?}", database.word());
        done.push(round);
    }
    let mut found = summary(&done);
    found["calm_ms"] = calm_ms.into();
    Ok(found)
}

//! `kills --rounds N`: the real `ork` under `kill -9`, on both databases. The last line is the verdict as JSON.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ork_sim::kills::{Database, Round, calm_run, killed_run, killed_worker, summary};
use serde_json::{Map, Value, json};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let rounds = arguments.iter().position(|a| a == "--rounds").and_then(|at| arguments.get(at + 1));
    let rounds: u64 = rounds.and_then(|text| text.parse().ok()).unwrap_or(15);
    match prove(rounds) {
        Ok(verdict) => {
            println!("{verdict}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            println!("{}", json!({"verdict": "failed", "problem": problem}));
            ExitCode::FAILURE
        }
    }
}

fn prove(rounds: u64) -> Result<Value, String> {
    let ork = PathBuf::from(std::env::var("ORK_BIN").map_err(|_| "ORK_BIN does not name the `ork` to be killed")?);
    let url = std::env::var("ORK_TEST_POSTGRES_URL").map_err(|_| "ORK_TEST_POSTGRES_URL is not set")?;
    let mut verdict = Map::new();
    verdict.insert("verdict".into(), "nothing lost, nothing settled twice, doctor clean".into());
    // Side by side: a round waits most of its time.
    let databases = [Database::Sqlite, Database::Postgres(url.clone())];
    let found: Vec<Result<Value, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = databases.iter().map(|on| scope.spawn(|| killed_runs(&ork, on, rounds))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a panic".into()))).collect()
    });
    for (database, found) in databases.iter().zip(found) {
        verdict.insert(format!("run_killed_{}", database.word()), found?);
    }
    for (apart, name) in [(false, "worker_killed_same_host"), (true, "worker_killed_other_host")] {
        let mut done = Vec::new();
        for seed in 0..rounds.div_ceil(20) {
            let round = killed_worker(&ork, &url, seed, apart).map_err(|p| format!("{name}, seed {seed}: {p}"))?;
            eprintln!("{name} {seed}: {round:?}");
            done.push(round);
        }
        verdict.insert(name.into(), summary(&done));
    }
    Ok(Value::Object(verdict))
}

/// Rounds on one database.
fn killed_runs(ork: &Path, database: &Database, rounds: u64) -> Result<Value, String> {
    let calm_ms = calm_run(ork, database)?;
    let mut done: Vec<Round> = Vec::new();
    for seed in 0..rounds {
        let round = killed_run(ork, database, seed, calm_ms)
            .map_err(|problem| format!("{}, seed {seed}: {problem}", database.word()))?;
        eprintln!("{} {seed}: {round:?}", database.word());
        done.push(round);
    }
    let mut found = summary(&done);
    found["calm_ms"] = calm_ms.into();
    Ok(found)
}

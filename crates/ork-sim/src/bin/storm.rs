//! `storm --seconds N --tasks N --restarts N --seed N`: servers, workers and PostgreSQL are killed under load. The last line
//! is the verdict as JSON.

use std::path::PathBuf;
use std::process::ExitCode;

use ork_sim::storm::{Weather, blow};
use serde_json::{Value, json};

fn main() -> ExitCode {
    match prove() {
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

fn prove() -> Result<Value, String> {
    let ork = PathBuf::from(std::env::var("ORK_BIN").map_err(|_| "ORK_BIN does not name the `ork` to be killed")?);
    let url = std::env::var("ORK_TEST_POSTGRES_URL").map_err(|_| "ORK_TEST_POSTGRES_URL is not set")?;
    let weather = Weather {
        seconds: option("--seconds", 60),
        tasks: usize::try_from(option("--tasks", 2_000)).unwrap_or_default(),
        kill_every: option("--kill-every", 2),
        restarts: option("--restarts", 2),
        seed: option("--seed", 1),
    };
    let mut verdict = blow(&ork, &url, weather)?;
    verdict["verdict"] = "nothing lost, nothing settled twice, doctor clean".into();
    Ok(verdict)
}

fn option(name: &str, default: u64) -> u64 {
    let arguments: Vec<String> = std::env::args().collect();
    let asked = arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    asked.and_then(|text| text.parse().ok()).unwrap_or(default)
}

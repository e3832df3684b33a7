//! The frame of a proof with a number, such as `--rounds N`, and the verdict as JSON in its last line.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

/// Runs a proof with as many rounds as the command line says, or so many.
pub fn main(rounds: u64, prove: impl FnOnce(u64) -> Result<Value, String>) -> ExitCode {
    main_with("--rounds", rounds, prove)
}

/// Runs a proof with the number that the command line gives under this name, or with this one.
pub fn main_with(name: &str, default: u64, prove: impl FnOnce(u64) -> Result<Value, String>) -> ExitCode {
    match prove(option(name, default)) {
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

/// A number of the command line.
#[must_use]
pub fn option(name: &str, default: u64) -> u64 {
    let arguments: Vec<String> = std::env::args().collect();
    let asked = arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    asked.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The `ork` that is looked at, and a PostgreSQL to be used.
///
/// # Errors
/// When a variable does not say so.
pub fn machine() -> Result<(PathBuf, String), String> {
    let ork = std::env::var("ORK_BIN").map_err(|_| "ORK_BIN does not name the `ork` that is looked at")?;
    let url = std::env::var("ORK_TEST_POSTGRES_URL").map_err(|_| "ORK_TEST_POSTGRES_URL is not set")?;
    Ok((ork.into(), url))
}

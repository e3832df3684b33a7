//! The frame of a proof in rounds: `--rounds N`, and the verdict as JSON in its last line.

use std::process::ExitCode;

use serde_json::{Value, json};

/// Runs a proof with as many rounds as the command line says, or so many.
pub fn main(rounds: u64, prove: impl FnOnce(u64) -> Result<Value, String>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let asked = arguments.iter().position(|a| a == "--rounds").and_then(|at| arguments.get(at + 1));
    let rounds = asked.and_then(|text| text.parse().ok()).unwrap_or(rounds);
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

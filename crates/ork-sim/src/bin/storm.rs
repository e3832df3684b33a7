//! `storm --seconds N --tasks N --restarts N --seed N`: servers, workers and PostgreSQL are killed under load. The last line
//! is the verdict as JSON.

use std::process::ExitCode;

use ork_sim::rounds::{machine, main_with, option};
use ork_sim::storm::{Weather, blow};

fn main() -> ExitCode {
    main_with("--seconds", 60, |seconds| {
        let (ork, url) = machine()?;
        let weather = Weather {
            seconds,
            tasks: usize::try_from(option("--tasks", 2_000)).unwrap_or_default(),
            kill_every: option("--kill-every", 2),
            restarts: option("--restarts", 2),
            seed: option("--seed", 1),
        };
        let mut verdict = blow(&ork, &url, weather)?;
        verdict["verdict"] = "nothing lost, nothing settled twice, doctor clean".into();
        Ok(verdict)
    })
}

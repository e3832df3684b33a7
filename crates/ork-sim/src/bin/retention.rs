//! `retention --runs N --removed N --rounds N --starts N`: how soon tasks start while finished runs are removed. The last line is
//! the verdict as JSON.

use std::process::ExitCode;

use ork_sim::retention::{Size, prove};
use ork_sim::rounds::{machine, main_with, option};

fn main() -> ExitCode {
    main_with("--runs", 1_000_000, |runs| {
        let (ork, url) = machine()?;
        let (removed, rounds, starts) = (option("--removed", runs), option("--rounds", 2), option("--starts", 500));
        prove(&ork, &url, Size { runs, removed, rounds: rounds.max(1), starts })
    })
}

//! `deliveries --deliveries N --delay-ms N --rounds N --starts N`: how soon tasks start while somebody is told of others. The
//! last line is the verdict as JSON.

use std::process::ExitCode;

use ork_sim::deliveries::{Size, prove};
use ork_sim::rounds::{machine, main_with, option};

fn main() -> ExitCode {
    main_with("--deliveries", 100_000, |deliveries| {
        let (ork, url) = machine()?;
        let (delay_ms, rounds, starts) = (option("--delay-ms", 50), option("--rounds", 2), option("--starts", 500));
        prove(&ork, &url, Size { deliveries, delay_ms, rounds: rounds.max(1), starts })
    })
}

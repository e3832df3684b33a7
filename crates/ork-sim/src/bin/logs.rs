//! `logs --lines N --looks N`: how soon the end and any line of a long log are there, and how soon it is searched. The last line is
//! the verdict as JSON.

use std::process::ExitCode;

use ork_sim::logs::prove;
use ork_sim::rounds::{machine, main_with, option};

fn main() -> ExitCode {
    main_with("--lines", 1_000_000, |lines| {
        let (ork, url) = machine()?;
        prove(&ork, &url, lines, option("--looks", 100))
    })
}

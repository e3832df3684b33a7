//! `waiting --gates N --seconds N --mebibytes N`: what tasks at gates cost while they wait, and how they go on. The last line is
//! the verdict as JSON.

use std::process::ExitCode;

use ork_sim::rounds::{machine, main_with, option};
use ork_sim::waiting::{Size, prove};

fn main() -> ExitCode {
    main_with("--gates", 10_000, |gates| {
        let (ork, url) = machine()?;
        prove(&ork, &url, Size { gates, seconds: option("--seconds", 60).max(1), mebibytes: option("--mebibytes", 200) })
    })
}

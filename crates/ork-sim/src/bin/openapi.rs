//! `openapi --calls N --seed N`: requests made up from the OpenAPI document. The last line is the verdict as JSON.

use std::process::ExitCode;

use ork_sim::rounds::{machine, main_with, option};

fn main() -> ExitCode {
    main_with("--calls", 500, |calls| {
        let (ork, url) = machine()?;
        ork_sim::openapi::prove(&ork, &url, calls, option("--seed", 1))
    })
}

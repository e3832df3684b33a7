//! `copy --tasks N`: everything from SQLite to PostgreSQL and back, in seconds, rows and MiB. The last line is the verdict
//! as JSON.

use std::process::ExitCode;

fn main() -> ExitCode {
    ork_sim::rounds::main_with("--tasks", 1_000_000, |tasks| {
        let (ork, url) = ork_sim::rounds::machine()?;
        ork_sim::copy::prove(&ork, &url, tasks)
    })
}

//! `outage --seconds N`: PostgreSQL is away while tasks end. The last line is the verdict as JSON.

use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    ork_sim::rounds::main_with("--seconds", 600, |seconds| {
        let (ork, url) = ork_sim::rounds::machine()?;
        ork_sim::outage::prove(&ork, &url, Duration::from_secs(seconds))
    })
}

//! `outage --seconds N`: PostgreSQL is away while tasks end. The last line is the verdict as JSON.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    ork_sim::rounds::main_with("--seconds", 600, |seconds| {
        let ork =
            PathBuf::from(std::env::var("ORK_BIN").map_err(|_| "ORK_BIN does not name the `ork` that is watched")?);
        let url = std::env::var("ORK_TEST_POSTGRES_URL").map_err(|_| "ORK_TEST_POSTGRES_URL is not set")?;
        ork_sim::outage::prove(&ork, &url, Duration::from_secs(seconds))
    })
}

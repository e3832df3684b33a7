//! Benchmarks: the crate in `bench/`, which has a lock file of its own, with a durable PostgreSQL at hand.

use anyhow::{Result, ensure};

use crate::postgres::{self, Cluster, Purpose};
use crate::{facts, proof, shell};

/// Keeps what named benchmarks found.
const RECORD: &str = "--record";

/// Runs the named benchmarks, or all of them. All of them write `docs/proof/bench.json`; named ones write a file of their own
/// if asked by `--record`.
///
/// # Errors
/// When one fails, or there is no `bench/Cargo.toml`.
pub fn run(names: &[&str]) -> Result<()> {
    let manifest = shell::root().join("bench/Cargo.toml");
    ensure!(manifest.exists(), "failed to find `{}`", manifest.display());
    let facts = facts::gather()?;
    // With the programs of proofs, so that both find one build.
    shell::run(shell::cargo().args(["build", "--release", "--package", "ork", "--package", "ork-sim", "--bins"]))?;
    let cluster = Cluster::find_and_start(Purpose::Proof)?;
    let mut command = shell::cargo();
    command.args(["run", "--release", "--manifest-path"]).arg(&manifest);
    command.arg("--target-dir").arg(shell::target().join("bench")).arg("--");
    command.args(names.iter().filter(|name| **name != RECORD));
    command.env(postgres::URL_VARIABLE, &cluster.url).env("ORK_BIN", shell::target().join("release/ork"));
    let named: Vec<&str> = names.iter().copied().filter(|name| name.starts_with('W')).collect();
    if names.iter().all(|name| name.starts_with("--repeats")) {
        return proof::record("bench", &mut command, &facts);
    }
    if names.contains(&RECORD) {
        return proof::record(&format!("bench-{}", named.join("-").to_lowercase()), &mut command, &facts);
    }
    shell::run(&mut command)
}

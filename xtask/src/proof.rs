//! Proofs that are too long for CI. Each is one program that prints a verdict; the verdict, the command and the machine
//! are written to `docs/proof/NAME.json`, which is committed. `docs/proof/README.md` holds the conventions.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::postgres::{self, Cluster, Purpose};
use crate::python::{MOTO, SCHEMATHESIS};
use crate::{facts, shell};

/// One proof: a program of `ork-sim` with its name. A new one is one entry.
struct Proof {
    name: &'static str,
    /// What it proves, and its arguments.
    about: &'static str,
}

const PROOFS: &[Proof] = &[
    Proof { name: "sim", about: "G2–G6 in a simulated world with faults: --seeds N" },
    Proof {
        name: "progress",
        about: "10,000 tasks followed in a terminal for under 2 % of the CPU, without flicker: --rounds N",
    },
    Proof {
        name: "stream",
        about: "events at clients within 20 ms of their commit (p99), processes within 10 ms of their submit: --rounds N",
    },
    Proof {
        name: "openapi",
        about: "no server error and no undocumented status for requests made up from the OpenAPI document: --calls N --seed N",
    },
    Proof { name: "kills", about: "G2, G4, G7, G11 under kill -9 of real processes: --rounds N" },
    Proof {
        name: "copy",
        about: "a database copied from SQLite to PostgreSQL and back, complete and in bounded memory: --tasks N",
    },
    Proof {
        name: "deliveries",
        about: "tasks start as soon beside messages to a slow receiver, within 1.2 times: --deliveries N --delay-ms N --rounds N --starts N",
    },
    Proof {
        name: "retention",
        about: "tasks start as soon while finished runs are removed, within 1.5 times (p99): --runs N --removed N --rounds N --starts N",
    },
    Proof {
        name: "logs",
        about: "of 1,000,000 lines the end and any one within 10 ms, 50 MiB searched within 500 ms: --lines N --looks N",
    },
    Proof {
        name: "waiting",
        about: "10,000 tasks at gates hold no slot, lease or thread, ≤ 20 MiB, ≤ 60 ms CPU in 60 s: --gates N --seconds N --mebibytes N",
    },
    Proof {
        name: "uploads",
        about: "5 GiB of artifacts through S3 in < 64 MiB, 1,000 uploads at once beside a full load: --mebibytes N --uploads N --starts N",
    },
    Proof { name: "outage", about: "G8: PostgreSQL is away while tasks end: --seconds N" },
    Proof {
        name: "storm",
        about: "G2, G4, G7 with three servers and three workers under kill -9 and crashes of PostgreSQL: --seconds N --tasks N --restarts N --seed N",
    },
];

/// Prints the proofs.
pub fn list() {
    for proof in PROOFS {
        println!("{:10} {}", proof.name, proof.about);
    }
}

/// Runs a proof with PostgreSQL and the release build of `ork` at hand, and writes what it found.
///
/// # Errors
/// When the proof fails, or its last line is not a JSON object.
pub fn run(name: &str, arguments: &[&str]) -> Result<()> {
    let is_one = PROOFS.iter().any(|proof| proof.name == name);
    ensure!(is_one, "`{name}` is not a proof; `cargo xtask prove` lists them");
    let facts = facts::gather()?;
    // In one build: features are those of all packages that are named, so each alone would be built once more.
    shell::run(shell::cargo().args(["build", "--release", "--package", "ork", "--package", "ork-sim", "--bins"]))?;
    let cluster = Cluster::find_and_start(Purpose::Proof)?;
    let mut command = Command::new(shell::target().join("release").join(name));
    command.args(arguments);
    command.env(postgres::URL_VARIABLE, &cluster.url).env(postgres::CONTROL_VARIABLE, &cluster.control);
    command.env("ORK_BIN", shell::target().join("release/ork"));
    if name == "uploads" {
        command.env(MOTO.variable, MOTO.bring()?);
    }
    if name == "openapi" {
        command.env(SCHEMATHESIS.variable, SCHEMATHESIS.bring()?);
    }
    record(name, &mut command, &facts)
}

/// Runs a program whose last line is its verdict, and writes that with what it means to `docs/proof/NAME.json`.
///
/// # Errors
/// When the program fails, or its last line is not a JSON object.
pub fn record(name: &str, command: &mut Command, facts: &Value) -> Result<()> {
    let mut said = String::new();
    let status = shell::tee(command, |line| line.clone_into(&mut said))?;
    let verdict = parse(&said).with_context(|| format!("`{}` ended with {status}", shell::line(command)))?;
    let path = shell::root().join("docs/proof").join(format!("{name}.json"));
    let command = shell::line(command);
    let record = json!({"proof": name, "command": command, "verdict": verdict, "facts": facts});
    fs::write(&path, format!("{record:#}\n")).with_context(|| format!("failed to write `{}`", path.display()))?;
    println!("written: {}", path.display());
    ensure!(status.success(), "proof `{name}` failed: {status}");
    Ok(())
}

fn parse(last_line: &str) -> Result<Value> {
    match serde_json::from_str(last_line) {
        Ok(verdict @ Value::Object(_)) => Ok(verdict),
        _ => bail!("the last line of stdout is not a JSON object: {last_line:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_an_object() {
        assert_eq!(parse("{\"seeds\": 3}").unwrap(), json!({"seeds": 3}));
        assert!(parse("3").is_err());
        assert!(parse("").is_err());
    }

    #[test]
    fn an_unknown_proof_is_refused() {
        assert_eq!(run("none", &[]).unwrap_err().to_string(), "`none` is not a proof; `cargo xtask prove` lists them");
    }
}

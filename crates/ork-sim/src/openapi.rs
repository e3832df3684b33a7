//! Requests that somebody else makes up from the OpenAPI document: the real server must answer each of them with a status
//! and a body that the document names, and none with a status of its own failure.
//!
//! They come from schemathesis, a program in Python. That it sent anything at all is counted by the server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::kills::{Database, Place};
use crate::serving::{Serving, text};

/// What is looked at in each answer. Who is let in is for the matrix of `crates/ork/tests/it/access.rs`: the tester cannot
/// leave out a header that it was given.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method";
/// Not asked: a stream has no end, and a tester that takes back its own token is let in no more.
const EXCEPT: [&str; 2] = ["/api/v1/events/stream", "/api/v1/tokens/{id}"];
/// Requests for each operation, in each of the tester's phases.
const EXAMPLES: &str = "8";

/// What came of it on one database.
#[derive(Debug, Default)]
struct Outcome {
    /// Answers by status.
    statuses: BTreeMap<u64, u64>,
    /// Requests that the server could not answer.
    failures: Vec<Value>,
}

/// Sends at least so many requests to a server of each database, by this program of schemathesis.
///
/// # Errors
/// When an answer was not as the document says, with what the tester says about it.
pub fn prove(ork: &Path, base: &str, calls: u64, seed: u64) -> Result<Value, String> {
    let tester = PathBuf::from(std::env::var("ORK_SCHEMATHESIS").map_err(|_| "ORK_SCHEMATHESIS is not set")?);
    let mut found = json!({"verdict": "no server error, no status that is not documented", "calls_asked": calls});
    for database in [Database::Sqlite, Database::Postgres(base.into())] {
        let place = Place::new(ork, &database, 4_000_000 + seed)?;
        let outcome = ask(&place, &tester, calls.div_ceil(2), seed)?;
        if !outcome.failures.is_empty() {
            return Err(format!("{}: {}", database.word(), Value::from(outcome.failures)));
        }
        let calls: u64 = outcome.statuses.values().sum();
        println!("{}: {calls} requests, {:?}", database.word(), outcome.statuses);
        found[database.word()] = json!({"calls": calls, "statuses": outcome.statuses});
        place.remove(&database);
    }
    Ok(found)
}

fn ask(place: &Place, tester: &Path, calls: u64, seed: u64) -> Result<Outcome, String> {
    let token = place.say(&["tokens", "create", "tester", "--role", "admin"])?;
    let server = Serving::start(place, &["--json"])?;
    server.submit_as(token.trim(), &json!({"tasks": {"a": {"command": ["true"]}}}))?;
    for round in 0.. {
        let mut command = Command::new(tester);
        command.args(["run", &format!("{}/openapi.json", server.url()), "--no-color", "--continue-on-failure"]);
        command.args(["--header", &format!("authorization: Bearer {}", token.trim())]);
        command.args(["--checks", CHECKS, "--max-examples", EXAMPLES, "--seed", &(seed + round).to_string()]);
        command.args(["--generation-database", ":memory:", "--warnings", "off"]);
        command.args(EXCEPT.iter().flat_map(|path| ["--exclude-path", path]));
        // What it writes beside its report stays out of the way.
        command.current_dir(&place.folder);
        let output = command.output().map_err(|error| format!("failed to run `{}`: {error}", tester.display()))?;
        if !output.status.success() {
            println!("{}", String::from_utf8_lossy(&output.stdout));
            return Err(format!("an answer was not as the document says, with seed {}", seed + round));
        }
        let outcome = outcome(&server.said())?;
        if outcome.statuses.values().sum::<u64>() >= calls {
            return Ok(outcome);
        }
    }
    Err("no round".into())
}

/// Reads the server's log.
fn outcome(log: &str) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    for line in log.lines().filter(|line| line.starts_with("{\"type\":\"request\"")) {
        let line: Value = serde_json::from_str(line).map_err(text)?;
        let status = line["status"].as_u64().unwrap_or_default();
        *outcome.statuses.entry(status).or_default() += 1;
        // Before it is ready it says so, by a status of that kind.
        if status >= 500 && line["path"] != "/readyz" {
            outcome.failures.push(line);
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_could_not_answer_is_found() {
        let log = r#"{"type":"worker.ready"}
{"type":"request","path":"/readyz","status":503}
{"type":"request","path":"/api/v1/runs","status":202}
{"type":"request","path":"/api/v1/runs","status":500}"#;
        let outcome = outcome(log).unwrap();
        assert_eq!(outcome.statuses, BTreeMap::from([(202, 1), (500, 1), (503, 1)]));
        assert_eq!(outcome.failures.len(), 1);
    }
}

//! `cargo xtask test`: everything that CI runs, step by step, up to the first that fails.

mod counts;
mod examples;
mod readme;
mod tree;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, ensure};

use self::counts::Counts;
use crate::postgres::{self, Cluster, Purpose};
use crate::python::{MOTO, SCHEMATHESIS};
use crate::tidy::files::{self, Files};
use crate::{apt, shell, tidy};

struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&mut Suite) -> Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "toolchain", about: "rustfmt and clippy found, or added by rustup", run: toolchain },
    Step { name: "format", about: "cargo fmt --check", run: format },
    Step { name: "tidy", about: "cargo xtask tidy", run: |_| tidy::run() },
    Step { name: "clippy", about: "clippy on all targets, warnings denied", run: clippy },
    Step { name: "postgres", about: "PostgreSQL found or installed, a private cluster started", run: postgres },
    Step { name: "tests", about: "cargo test on all targets, with PostgreSQL", run: tests },
    Step {
        name: "storm",
        about: "three servers, three workers and PostgreSQL killed under load for a minute, and an outage",
        run: storm,
    },
    Step { name: "openapi", about: "500 requests that schemathesis makes up from the OpenAPI document", run: openapi },
    Step { name: "doctests", about: "cargo test --doc", run: doctests },
    Step { name: "readme", about: "the README's first commands, in an empty home", run: |_| readme::run() },
    Step { name: "examples", about: "examples with an expected result, each compared", run: examples::run },
    Step { name: "tree", about: "derived files regenerated, the tree unchanged", run: tree },
];

/// Prints the steps.
pub fn list() {
    for step in STEPS {
        println!("{:10} {}", step.name, step.about);
    }
}

/// Runs all steps, or the one named, and tells how it ended.
///
/// # Errors
/// When there is no such step, or the tree cannot be read.
pub fn run(only: Option<&str>) -> Result<ExitCode> {
    if let Some(name) = only {
        let known = STEPS.iter().any(|step| step.name == name);
        ensure!(known, "`{name}` is not a step; `cargo xtask test --list` lists them");
    }
    let mut suite = Suite::new()?;
    let mut failure = None;
    for step in STEPS.iter().filter(|step| only.is_none_or(|name| name == step.name)) {
        println!("==> {}: {}", step.name, step.about);
        let (outcome, took) = timed(|| (step.run)(&mut suite).and_then(|()| suite.refuse_skips()));
        let word = if outcome.is_ok() { "ok" } else { "failed" };
        println!("==> {}: {word} in {:.1} s", step.name, took.as_secs_f64());
        if let Err(error) = outcome {
            failure = Some((step.name, error));
            break;
        }
    }
    Ok(suite.finish(failure))
}

/// Writes the pages of `docs/reference`.
///
/// # Errors
/// When one cannot be written, or needs PostgreSQL and there is none.
pub fn write_reference() -> Result<()> {
    let mut suite = Suite::new()?;
    suite.derive()?;
    ensure!(suite.skipped.is_empty(), "skipped: {}", suite.skipped.join("; "));
    Ok(())
}

/// How long something took, for people: nothing depends on it.
#[expect(clippy::disallowed_methods, reason = "the one clock of these commands")]
fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let outcome = what();
    (outcome, start.elapsed())
}

/// Where the tests find PostgreSQL.
enum Server {
    /// The developer's own, by the variable that is already set.
    Given,
    Private(Cluster),
    Absent,
}

/// Where the tests find a server of S3's protocol.
enum S3 {
    /// The developer's own, by the variable that is already set.
    Given,
    Brought(PathBuf),
    Absent,
}

struct Suite {
    is_ci: bool,
    server: Option<Server>,
    s3: Option<S3>,
    counts: Counts,
    /// What was not run, each with its reason.
    skipped: Vec<String>,
    /// The files as they were before the first step.
    tree: Files,
}

impl Suite {
    fn new() -> Result<Suite> {
        let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        let tree = files::read(shell::root())?;
        Ok(Suite { is_ci, server: None, s3: None, counts: Counts::default(), skipped: Vec::new(), tree })
    }

    /// In CI nothing may be skipped.
    fn refuse_skips(&self) -> Result<()> {
        ensure!(
            !self.is_ci || self.skipped.is_empty(),
            "skipped, and in CI nothing may be: {}",
            self.skipped.join("; ")
        );
        Ok(())
    }

    fn cargo_test(&mut self, arguments: &[&str]) -> Result<()> {
        let mut command = shell::cargo();
        command.args(["test", "--workspace", "--no-fail-fast"]).args(arguments);
        self.hand_server(&mut command)?;
        let mut counts = Counts::default();
        let status = shell::tee(&mut command, |line| counts.see(line))?;
        self.counts.add(&counts);
        if counts.ignored > 0 {
            self.skipped.push(format!("{} tests that are marked as ignored", counts.ignored));
        }
        ensure!(status.success(), "`{}` failed: {status}", shell::line(&command));
        Ok(())
    }

    /// Lets a command find PostgreSQL, and the server of S3's protocol if it was brought.
    fn hand_server(&mut self, command: &mut Command) -> Result<()> {
        postgres(self)?;
        if let Some(Server::Private(cluster)) = &self.server {
            command.env(postgres::URL_VARIABLE, &cluster.url);
        }
        if let Some(S3::Brought(program)) = &self.s3 {
            command.env(MOTO.variable, program);
        }
        Ok(())
    }

    /// Installs a server of S3's protocol where there is none; outside of CI the tests that need it are skipped where there is no
    /// way to.
    fn bring_s3(&mut self) {
        if self.s3.is_none() {
            let given = std::env::var_os(MOTO.variable).is_some_and(|program| !program.is_empty());
            let found = if given { Ok(S3::Given) } else { MOTO.bring().map(S3::Brought) };
            self.s3 = Some(found.unwrap_or_else(|error| {
                self.skipped.push(format!("tests of S3's protocol: {error:#}"));
                S3::Absent
            }));
        }
    }

    /// Writes the derived files anew.
    fn derive(&mut self) -> Result<()> {
        let mut command = tree::derive();
        self.hand_server(&mut command)?;
        shell::run(&mut command)
    }

    /// Stops the server, says what was skipped and what failed, and ends with the line `N passed, N failed`.
    fn finish(mut self, failure: Option<(&str, Error)>) -> ExitCode {
        drop(self.server.take());
        for skipped in &self.skipped {
            println!("skipped: {skipped}");
        }
        if let Some((name, error)) = &failure {
            // A step that is no test of cargo's counts as one, so that a failure never ends in `0 failed`.
            self.counts.failed = self.counts.failed.max(1);
            println!("error: {error:#}\nstep `{name}` failed; repeat it with `cargo xtask test --only {name}`");
        }
        println!("{} passed, {} failed", self.counts.passed, self.counts.failed);
        if failure.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

/// A minimal toolchain has neither rustfmt nor clippy.
fn toolchain(_: &mut Suite) -> Result<()> {
    for (command, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let is_there = shell::cargo().args([command, "--version"]).output()?.status.success();
        if !is_there {
            shell::run(Command::new("rustup").args(["component", "add", component]))?;
        }
    }
    Ok(())
}

fn format(_: &mut Suite) -> Result<()> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy(_: &mut Suite) -> Result<()> {
    shell::run(shell::cargo().args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))
}

/// A cluster for the tests, unless the developer has one. Without PostgreSQL the tests that need it are skipped.
fn postgres(suite: &mut Suite) -> Result<()> {
    if suite.server.is_none() {
        let given = std::env::var_os(postgres::URL_VARIABLE).is_some();
        let server =
            if given { Ok(Server::Given) } else { Cluster::find_and_start(Purpose::Test).map(Server::Private) };
        suite.server = Some(server.unwrap_or_else(|error| {
            suite.skipped.push(format!("tests that need PostgreSQL: {error:#}"));
            Server::Absent
        }));
    }
    Ok(())
}

fn tests(suite: &mut Suite) -> Result<()> {
    // A page of the book speaks to a server.
    if !apt::has("curl") {
        apt::install("curl").context("failed to find `curl`")?;
    }
    // The template for media is run by a test, which passes over it where there is no ffmpeg.
    if let Err(error) = apt::bring("ffmpeg") {
        suite.skipped.push(format!("the media template: {error:#}"));
    }
    suite.bring_s3();
    suite.cargo_test(&["--all-targets"])
}

/// The programs as the tests have them. Built by themselves they would have other features, and be built once more.
fn build_programs() -> Result<()> {
    shell::run(shell::cargo().args(["test", "--workspace", "--all-targets", "--no-run", "--quiet"]))
}

/// On a cluster of its own, which it may stop. Without PostgreSQL it is skipped as those tests are.
fn storm(suite: &mut Suite) -> Result<()> {
    postgres(suite)?;
    if matches!(suite.server, Some(Server::Absent)) {
        return Ok(());
    }
    build_programs()?;
    let cluster = Cluster::find_and_start(Purpose::Proof)?;
    for (program, options) in [("storm", ["--seconds", "60"]), ("outage", ["--seconds", "20"])] {
        let mut command = Command::new(shell::target().join("debug").join(program));
        command.args(options).env("ORK_BIN", shell::target().join("debug/ork"));
        command.env(postgres::URL_VARIABLE, &cluster.url).env(postgres::CONTROL_VARIABLE, &cluster.control);
        shell::run(&mut command)?;
    }
    Ok(())
}

/// Installs schemathesis where it is not; outside of CI it is skipped where there is no way to.
fn openapi(suite: &mut Suite) -> Result<()> {
    postgres(suite)?;
    if matches!(suite.server, Some(Server::Absent)) {
        return Ok(());
    }
    let tester = match SCHEMATHESIS.bring() {
        Ok(tester) => tester,
        Err(error) => {
            suite.skipped.push(format!("requests from the OpenAPI document: {error:#}"));
            return Ok(());
        }
    };
    build_programs()?;
    let mut command = Command::new(shell::target().join("debug/openapi"));
    command.args(["--calls", "500"]).env("ORK_BIN", shell::target().join("debug/ork"));
    command.env(SCHEMATHESIS.variable, tester);
    suite.hand_server(&mut command)?;
    shell::run(&mut command)
}

fn doctests(suite: &mut Suite) -> Result<()> {
    suite.cargo_test(&["--doc"])
}

fn tree(suite: &mut Suite) -> Result<()> {
    suite.derive()?;
    tree::compare(&suite.tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_names_every_step() {
        let guide = include_str!("../../CONTRIBUTING.md");
        let missing: Vec<_> = STEPS.iter().filter(|step| !guide.contains(&format!("`{}`", step.name))).collect();
        assert!(missing.is_empty(), "CONTRIBUTING.md does not name {:?}", missing[0].name);
    }

    #[test]
    fn an_unknown_step_is_refused() {
        let error = run(Some("none")).unwrap_err();
        assert_eq!(error.to_string(), "`none` is not a step; `cargo xtask test --list` lists them");
    }
}

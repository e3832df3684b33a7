//! The one executable. It knows everything, and is the only crate that names a database driver.

mod carrier;
mod carry;
mod cli;
mod commands;
mod complete;
mod config;
mod database;
mod dry_run;
mod entropy;
mod exit_code;
mod files;
mod follow;
mod history;
mod host;
mod ids;
mod json_diff;
mod live_logs;
mod liveness;
mod log_text;
mod operations;
mod output;
mod pages;
mod post;
mod progress;
#[cfg(test)]
mod reference;
mod region;
mod reuse;
mod secret_key;
mod signals;
mod spool;
mod supervisor;
mod table;
mod verdict;
mod view;
mod watch_files;
mod when;
mod why;
mod workflow_file;
mod world;

use std::io;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use ork_client::ClientError;
use ork_server::names;
use rustix::process::DumpableBehavior;
use serde_json::json;

use crate::cli::Cli;
use crate::exit_code::Exit;
use crate::output::{Output, alarm, warn};

/// The version of this executable.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

fn main() -> ExitCode {
    if complete::answer() {
        return Exit::Success.into();
    }
    seclude();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => match cli::meant(&error) {
            Some(refusal) => {
                let json = std::env::args_os().any(|arg| arg == "--json");
                return fail(Output { json }, &refusal.into()).into();
            }
            None => error.exit(),
        },
    };
    let out = Output { json: cli.json };
    let done = start(cli, out);
    match done {
        Ok(exit) => exit.into(),
        Err(error) => fail(out, &error).into(),
    }
}

/// Keeps keys and secrets in this process: it leaves no core dump, and other processes of the same user do not read its memory.
fn seclude() {
    // Nothing depends on it: where the kernel refuses, all goes on as without.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
}

fn start(cli: Cli, out: Output) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let exit = runtime.block_on(commands::run(cli, out));
    // A thread that waits for a database that does not answer must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    exit
}

fn fail(out: Output, error: &anyhow::Error) -> Exit {
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        // `ork runs list | head` is no failure.
        return Exit::Success;
    }
    let exit = exit_code::of(error);
    let hint = exit_code::hint_of(error);
    let refused = error.downcast_ref::<ClientError>().and_then(ClientError::problem);
    // Whoever runs the server finds the request in its log.
    let request = refused.filter(|problem| problem.status >= 500).map(|problem| format!(" ({})", problem.request_id));
    warn(format!("{}: {error:#}{}", alarm("error"), request.unwrap_or_default()));
    // What the sentence says already is not said again.
    let says = |fault: &&ork_api::Fault| !error.to_string().contains(&fault.message);
    for fault in refused.iter().flat_map(|problem| &problem.errors).filter(says) {
        let place = fault.line.map(|line| format!(":{line}:{}", fault.column.unwrap_or(1))).unwrap_or_default();
        warn(format!("  {}{place}: {}", fault.pointer, fault.message));
    }
    if let Some(hint) = &hint {
        warn(format!("  try: {hint}"));
    }
    if out.json {
        let mut value = json!({
            "type": "error",
            "exit_code": exit as u8,
            "message": format!("{error:#}"),
            "hint": hint,
        });
        if let Some(problem) = refused {
            value["code"] = problem.code.as_str().into();
            value["request_id"] = problem.request_id.as_str().into();
            value["errors"] = view::value(&problem.errors);
        }
        // The exit code says it as well.
        out.value(&value).ok();
    }
    exit
}

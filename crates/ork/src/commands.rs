//! The commands, one file each.

pub mod db;
pub mod doctor;
pub mod explain;
pub mod graph;
pub mod run;
pub mod runs;
pub mod validate;
pub mod version;
pub mod why;
pub mod worker;

use anyhow::Result;

use crate::cli::{Cli, Command};
use crate::exit_code::Exit;
use crate::output::Output;

/// Carries out a command line.
pub async fn run(cli: Cli, out: Output) -> Result<Exit> {
    let url = cli.database.as_deref();
    match cli.command {
        Command::Run(args) => run::run(args, out, url).await,
        Command::Validate(args) => validate::run(&args, out),
        Command::Graph(args) => graph::run(args, out, url).await,
        Command::Runs(command) => runs::run(command, out, url).await,
        Command::Why(args) => why::run(args, out, url).await,
        Command::Doctor(args) => doctor::run(args, out, url).await,
        Command::Worker(args) => worker::run(args, out, url).await,
        Command::Db(command) => db::run(command, out, url).await,
        Command::Explain(args) => explain::run(&args, out),
        Command::Version(args) => version::run(&args, out),
    }
}

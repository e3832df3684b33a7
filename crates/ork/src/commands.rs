//! The commands, one file each.

pub mod completions;
pub mod config;
pub mod db;
pub mod doctor;
pub mod events;
pub mod explain;
pub mod graph;
pub mod init;
pub mod man;
pub mod queues;
pub mod run;
pub mod runs;
pub mod schema;
pub mod serve;
pub mod tasks;
pub mod validate;
pub mod version;
pub mod why;
pub mod worker;
pub mod workers;
pub mod workflows;

use anyhow::Result;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::Output;

/// Carries out a command line.
pub async fn run(cli: Cli, out: Output) -> Result<Exit> {
    // Read where it matters only: nobody needs settings to ask for help.
    let config = || Config::load(cli.database.clone());
    match cli.command {
        Command::Run(args) => run::run(args, out, &config()?).await,
        Command::Init(args) => init::run(&args, out),
        Command::Validate(args) => validate::run(&args, out),
        Command::Graph(args) => graph::run(args, out, &config()?).await,
        Command::Runs(command) => runs::run(command, out, &config()?).await,
        Command::Tasks(command) => tasks::run(command, out, &config()?).await,
        Command::Events(args) => events::run(args, out, &config()?).await,
        Command::Why(args) => why::run(args, out, &config()?).await,
        Command::Doctor(args) => doctor::run(args, out, &config()?).await,
        Command::Worker(args) => worker::run(args, out, &config()?).await,
        Command::Serve(args) => serve::run(args, out, &config()?).await,
        Command::Workers(_) => workers::run(out, &config()?).await,
        Command::Queues(args) => queues::run(args, out, &config()?).await,
        Command::Workflows(command) => workflows::run(command, out, &config()?).await,
        Command::Db(command) => db::run(command, out, &config()?).await,
        Command::Config(command) => config::run(&command, out, &config()?),
        Command::Schema(args) => schema::run(&args, out),
        Command::Explain(args) => explain::run(&args, out),
        Command::Completions(args) => completions::run(&args, out),
        Command::Man(args) => man::run(&args, out),
        Command::Version(args) => version::run(&args, out),
    }
}

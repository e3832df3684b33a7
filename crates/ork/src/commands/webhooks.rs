//! `ork webhooks`: who is told of runs, and what became of the messages.

mod deliveries;
mod endpoints;
mod redeliver;
mod test;

use anyhow::Result;
use clap::Subcommand;
use ork_server::webhooks::Desk;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::Output;
use crate::world::World;

/// What there is to do with webhooks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Who is told of all runs of the workspace.
    #[command(subcommand)]
    Endpoints(endpoints::Command),
    /// List messages about runs, the newest first, or show one with what was sent and answered.
    Deliveries(deliveries::Args),
    /// Send a message again, or all that failed.
    Redeliver(redeliver::Args),
    /// Send a test to an endpoint, and say what became of it.
    Test(test::Args),
}

/// Carries out `ork webhooks`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::Endpoints(command) => endpoints::run(command, out, config).await,
        Command::Deliveries(args) => deliveries::run(args, out, config).await,
        Command::Redeliver(args) => redeliver::run(args, out, config).await,
        Command::Test(args) => test::run(args, out, config).await,
    }
}

/// Where the wishes of a command line are carried out.
fn desk(world: &World) -> Desk<'_> {
    Desk { store: world.store.as_ref(), workspace: world.workspace, vault: &world.vault, now: world.now() }
}

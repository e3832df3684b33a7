//! `ork workspaces`: the tenants of a database, one file each.

mod create;
mod list;
mod set;
mod show;

use anyhow::Result;
use clap::Subcommand;
use ork_core::access::Settings;
use ork_core::store::{Scope, WorkspaceRow};

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::output::Output;
use crate::world::World;

/// What there is to do with workspaces.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a workspace.
    Create(create::Args),
    /// List workspaces, by name.
    List(list::Args),
    /// Show a workspace.
    Show(show::Args),
    /// Change what a workspace decides for itself.
    Set(set::Args),
}

/// Carries out `ork workspaces`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::Create(args) => create::run(args, out, config).await,
        Command::List(_) => list::run(out, config).await,
        Command::Show(args) => show::run(args, out, config).await,
        Command::Set(args) => set::run(args, out, config).await,
    }
}

/// A workspace that must be there.
async fn row(world: &World, name: &str) -> Result<WorkspaceRow> {
    let found = world.store.workspace_by_name(Scope::All, name).await?;
    let missing = || Refusal::no_match(format!("there is no workspace `{name}`")).hint("ork workspaces list");
    Ok(found.ok_or_else(missing)?)
}

/// The limits by name.
fn limits(settings: &Settings) -> [(&'static str, Option<u32>); 5] {
    [
        ("live_runs_max", settings.live_runs_max),
        ("live_tasks_max", settings.live_tasks_max),
        ("keep_days", settings.keep_days),
        ("requests_per_minute", settings.requests_per_minute),
        ("token_requests_per_minute", settings.token_requests_per_minute),
    ]
}

/// What is set, in words.
fn told(settings: &Settings) -> String {
    let limits = limits(settings).into_iter().filter_map(|(name, limit)| Some(format!(", {name} is {}", limit?)));
    format!("isolate_owners is {}{}", settings.isolate_owners, limits.collect::<String>())
}

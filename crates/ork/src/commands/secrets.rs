//! `ork secrets`: what tasks get and nobody sees, one file each.

mod delete;
mod list;
mod rotate;
mod set;

use anyhow::Result;
use clap::Subcommand;
use ork_core::limits::PAGE_MAX;
use ork_core::store::{Scope, SecretRow};

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::Output;
use crate::world::World;

/// What there is to do with secrets.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set a secret, to what stdin or a file says.
    Set(set::Args),
    /// List secrets, by name; what they are is not shown.
    List(list::Args),
    /// Delete a secret.
    Delete(delete::Args),
    /// Make a new key, and seal all secrets of the database with it.
    Rotate(rotate::Args),
}

/// Carries out `ork secrets`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::Set(args) => set::run(args, out, config).await,
        Command::List(_) => list::run(out, config).await,
        Command::Delete(args) => delete::run(args, out, config).await,
        Command::Rotate(args) => rotate::run(args, out, config).await,
    }
}

/// All secrets in scope of one workspace, by name.
async fn all(world: &World, scope: Scope) -> Result<Vec<SecretRow>> {
    let mut rows: Vec<SecretRow> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.name.clone());
        let page = world.store.secrets(scope, after.as_deref(), PAGE_MAX).await?;
        let is_last = page.len() < PAGE_MAX as usize;
        rows.extend(page);
        if is_last {
            return Ok(rows);
        }
    }
}

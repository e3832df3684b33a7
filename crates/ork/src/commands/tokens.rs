//! `ork tokens`: who may use the HTTP API, one file each.

mod create;
mod list;
mod revoke;

use anyhow::Result;
use clap::Subcommand;
use ork_core::limits::PAGE_MAX;
use ork_core::store::TokenRow;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::Output;
use crate::world::World;

/// What there is to do with tokens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a token for the workspace, and print its secret, once.
    Create(create::Args),
    /// List tokens, the newest first.
    List(list::Args),
    /// Take a token back: no server accepts it any more, 5 s later at the latest.
    Revoke(revoke::Args),
}

/// Carries out `ork tokens`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::Create(args) => create::run(args, out, config).await,
        Command::List(args) => list::run(args, out, config).await,
        Command::Revoke(args) => revoke::run(args, out, config).await,
    }
}

/// All tokens of the workspace, newest first.
async fn all(world: &World) -> Result<Vec<TokenRow>> {
    let mut rows: Vec<TokenRow> = Vec::new();
    loop {
        let page = world.store.tokens(world.scope(), rows.last().map(|row| row.id), PAGE_MAX).await?;
        let is_last = page.len() < PAGE_MAX as usize;
        rows.extend(page);
        if is_last {
            return Ok(rows);
        }
    }
}

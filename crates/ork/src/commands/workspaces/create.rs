//! `ork workspaces create`.

use anyhow::Result;
use ork_core::access::Settings;
use ork_core::id::WorkspaceId;
use ork_core::limits::is_name;
use ork_core::store::WorkspaceRow;
use ork_server::tokens::NAME_RULE;

use crate::config::Config;
use crate::entropy::OsEntropy;
use crate::exit_code::{Exit, Refusal};
use crate::output::Output;
use crate::view;
use crate::world::World;

/// Options of `ork workspaces create`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork workspaces create media
  ork tokens create ada --role admin --workspace media")]
pub struct Args {
    /// What people call it.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Carries out `ork workspaces create`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    if !is_name(&args.name) {
        return Err(Refusal::usage(NAME_RULE).into());
    }
    let world = World::open(out, config).await?;
    let id = WorkspaceId::new(world.now(), &mut OsEntropy);
    let row = WorkspaceRow { id, name: args.name, settings: Settings::default(), created_at: world.now() };
    world.store.create_workspace(&row).await?;
    if out.json {
        out.value(&view::value(ork_server::view::workspace(&row)))?;
    } else {
        out.data(row.id)?;
        out.talk(format!("its first token: ork tokens create NAME --role admin --workspace {}", row.name));
    }
    Ok(Exit::Success)
}

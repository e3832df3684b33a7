//! `ork workspaces set`.

use anyhow::Result;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::Output;
use crate::view;
use crate::world::World;

/// Options of `ork workspaces set`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
What is left out stays. Servers know it 5 s later at the latest.

Examples:
  ork workspaces set media --isolate-owners true")]
pub struct Args {
    /// Which.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Whether viewers and users see only runs that belong to them.
    #[arg(long, value_name = "BOOL")]
    pub isolate_owners: Option<bool>,
}

/// Carries out `ork workspaces set`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let mut row = super::row(&world, &args.name).await?;
    row.settings.isolate_owners = args.isolate_owners.unwrap_or(row.settings.isolate_owners);
    world.store.set_workspace(row.id, &row.settings).await?;
    if out.json {
        out.value(&view::value(ork_server::view::workspace(&row)))?;
    } else {
        out.talk(format!("`{}`: isolate_owners is {}", row.name, row.settings.isolate_owners));
    }
    Ok(Exit::Success)
}

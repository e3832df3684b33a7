//! `ork workspaces show`.

use anyhow::Result;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::Output;
use crate::view;
use crate::world::World;

/// Options of `ork workspaces show`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork workspaces show media
  ork workspaces show media --json")]
pub struct Args {
    /// Which.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Carries out `ork workspaces show`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let row = super::row(&world, &args.name).await?;
    if out.json {
        out.value(&view::value(ork_server::view::workspace(&row)))?;
        return Ok(Exit::Success);
    }
    out.data(format!("{}  {}", row.name, row.id))?;
    out.data(format!("isolate_owners  {}", row.settings.isolate_owners))?;
    for (name, limit) in super::limits(&row.settings) {
        out.data(format!("{name}  {}", limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string())))?;
    }
    Ok(Exit::Success)
}

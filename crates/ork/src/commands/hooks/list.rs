//! `ork hooks list`.

use anyhow::Result;
use ork_core::json::Json;
use ork_server::hooks::shape;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::{Output, faint};
use crate::table;
use crate::view;
use crate::world::World;

/// Options of `ork hooks list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork hooks list
  ork hooks list --json")]
pub struct Args {}

/// Carries out `ork hooks list`.
pub async fn run(_: Args, out: Output, config: &Config) -> Result<Exit> {
    let none = |flags: &str| {
        out.talk(format!("there is no hook yet; make one with: ork hooks create NAME --workflow WORKFLOW{flags}"));
    };
    let Some(world) = World::open_existing(out, config).await? else {
        none("");
        return Ok(Exit::Success);
    };
    let rows = world.store.hooks(world.scope()).await?;
    if out.json {
        for row in &rows {
            out.value(&view::value(shape(row)))?;
        }
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        none(&world.flags());
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let input = row.input.as_ref().map(Json::as_str).unwrap_or_default();
            vec![row.name.clone(), row.workflow.clone(), shape(row).path, input.to_owned()]
        })
        .collect();
    for line in table::lines(&cells, |column, cell| if column > 1 { faint(cell) } else { cell.to_owned() }) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

//! `ork secrets list`.

use anyhow::Result;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::{Output, faint};
use crate::table;
use crate::view;
use crate::when::ago;
use crate::world::World;

/// Options of `ork secrets list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork secrets list
  ork secrets list --json")]
pub struct Args;

/// Carries out `ork secrets list`.
pub async fn run(out: Output, config: &Config) -> Result<Exit> {
    let none = "there is no secret yet; set one with: ork secrets set NAME --file FILE";
    let Some(world) = World::open_existing(out, config).await? else {
        out.talk(none);
        return Ok(Exit::Success);
    };
    let rows = super::all(&world, world.scope()).await?;
    if out.json {
        for row in &rows {
            out.value(&view::value(ork_server::secrets::shape(row)))?;
        }
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        out.talk(format!("{none}{}", world.flags()));
    }
    let now = world.now();
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let set = format!("set {} by {}", ago(row.updated_at, now), row.updated_by);
            vec![row.name.clone(), set, format!("key {}", row.key_id)]
        })
        .collect();
    for line in table::lines(&cells, |column, cell| if column > 0 { faint(cell) } else { cell.to_owned() }) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

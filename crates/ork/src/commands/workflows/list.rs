//! `ork workflows list`.

use anyhow::Result;
use ork_core::limits::PAGE_MAX;
use ork_server::workflows::summary;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::{Output, faint};
use crate::table;
use crate::view;
use crate::when::ago;
use crate::world::{SCOPE, World};

/// Options of `ork workflows list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork workflows list
  ork workflows list --json")]
pub struct Args;

/// Carries out `ork workflows list`.
pub async fn run(out: Output, config: &Config) -> Result<Exit> {
    let none = "no workflow is stored; store one with: ork workflows apply FILE";
    let Some(world) = World::open_existing(out, config).await? else {
        out.talk(none);
        return Ok(Exit::Success);
    };
    let mut rows = world.store.workflows(SCOPE, None, PAGE_MAX).await?;
    let mut page = rows.len();
    while page == PAGE_MAX as usize {
        let after = rows.last().map(|row| row.name.clone());
        let more = world.store.workflows(SCOPE, after.as_deref(), PAGE_MAX).await?;
        page = more.len();
        rows.extend(more);
    }
    if out.json {
        for row in &rows {
            out.value(&view::value(summary(row)))?;
        }
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        out.talk(format!("{none}{}", world.flags()));
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let description = row.description.clone().unwrap_or_default();
            let first = description.lines().next().unwrap_or_default().to_owned();
            vec![row.name.clone(), format!("revision {}", row.revision.number), ago(row.updated_at, world.now()), first]
        })
        .collect();
    let paint = |column: usize, cell: &str| if column == 2 { faint(cell) } else { cell.to_owned() };
    for line in table::lines(&cells, paint) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

//! `ork workspaces list`.

use anyhow::Result;
use ork_core::limits::PAGE_MAX;
use ork_core::store::{Scope, WorkspaceRow};

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::{Output, faint};
use crate::table;
use crate::view;
use crate::when::ago;
use crate::world::World;

/// Options of `ork workspaces list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork workspaces list
  ork workspaces list --json")]
pub struct Args;

/// Carries out `ork workspaces list`.
pub async fn run(out: Output, config: &Config) -> Result<Exit> {
    let world = World::open(out, config).await?;
    let mut rows: Vec<WorkspaceRow> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.name.as_str());
        let page = world.store.workspaces(Scope::All, after, PAGE_MAX).await?;
        let is_last = page.len() < PAGE_MAX as usize;
        rows.extend(page);
        if is_last {
            break;
        }
    }
    let mut cells = Vec::new();
    for row in &rows {
        if out.json {
            out.value(&view::value(ork_server::view::workspace(row)))?;
            continue;
        }
        let isolated = if row.settings.isolate_owners { "owners isolated" } else { "" };
        // That of the beginning is older than any clock.
        let made = if row.created_at.micros() == 0 { String::new() } else { ago(row.created_at, world.now()) };
        cells.push(vec![row.name.clone(), isolated.to_owned(), made]);
    }
    for line in table::lines(&cells, |column, cell| if column > 1 { faint(cell) } else { cell.to_owned() }) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

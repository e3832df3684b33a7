//! `ork workflows list`.

use anyhow::Result;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::{Output, faint};
use crate::table;
use crate::view;
use crate::when::{ago, moment};

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
    let Some(history) = History::open_existing(out, config).await? else {
        out.talk(none);
        return Ok(Exit::Success);
    };
    let rows = history.workflows().await?;
    if out.json {
        for row in &rows {
            out.value(&view::value(row))?;
        }
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        out.talk(format!("{none}{}", history.flags()));
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let description = row.description.clone().unwrap_or_default();
            let first = description.lines().next().unwrap_or_default().to_owned();
            vec![
                row.name.clone(),
                format!("revision {}", row.revision.number),
                ago(moment(&row.updated_at), history.now()),
                first,
            ]
        })
        .collect();
    let paint = |column: usize, cell: &str| if column == 2 { faint(cell) } else { cell.to_owned() };
    for line in table::lines(&cells, paint) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

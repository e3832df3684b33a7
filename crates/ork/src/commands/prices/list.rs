//! `ork prices list`.

use anyhow::Result;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::{Output, faint};
use crate::table;
use crate::view;

/// Options of `ork prices list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork prices list
  ork prices list --json")]
pub struct Args;

/// Carries out `ork prices list`.
pub async fn run(out: Output, config: &Config) -> Result<Exit> {
    let none = "no model has a price; set one with: ork prices set MODEL --input USD --output USD";
    let Some(history) = History::open_existing(out, config).await? else {
        out.talk(none);
        return Ok(Exit::Success);
    };
    let rows = history.prices().await?;
    if out.json {
        for row in &rows {
            out.value(&view::value(row))?;
        }
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        out.talk(format!("{none}{}", history.flags()));
    }
    let cells = rows.iter().map(|row| {
        let (input, output, cached) = (row.input, row.output, row.cached);
        vec![
            row.model.clone(),
            format!("input {input}"),
            format!("output {output}"),
            format!("cached {cached}"),
            format!("by {}", row.updated_by),
        ]
    });
    let cells: Vec<Vec<String>> = cells.collect();
    for line in table::lines(&cells, |column, cell| if column == 4 { faint(cell) } else { cell.to_owned() }) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

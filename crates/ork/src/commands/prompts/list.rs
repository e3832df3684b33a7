//! `ork prompts list`.

use anyhow::Result;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::{Output, faint};
use crate::table;
use crate::view;
use crate::when::{ago, moment};

/// Options of `ork prompts list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork prompts list
  ork prompts list --json")]
pub struct Args;

/// Carries out `ork prompts list`.
pub async fn run(out: Output, config: &Config) -> Result<Exit> {
    let none = "no prompt is stored; store one with: ork prompts put FILE --id NAME";
    let Some(history) = History::open_existing(out, config).await? else {
        out.talk(none);
        return Ok(Exit::Success);
    };
    let rows = history.prompts().await?;
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
        let when = ago(moment(&row.created_at), history.now());
        let about = [&row.category, &row.context].into_iter().flatten().cloned().collect::<Vec<_>>().join(", ");
        vec![format!("{}@{}", row.id, row.version), format!("{when} by {}", row.created_by), about]
    });
    let cells: Vec<Vec<String>> = cells.collect();
    for line in table::lines(&cells, |column, cell| if column == 1 { faint(cell) } else { cell.to_owned() }) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

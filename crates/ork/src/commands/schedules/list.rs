//! `ork schedules list`.

use anyhow::Result;
use ork_api::ScheduleSummary;
use ork_core::clock::Timestamp;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::{Output, alarm, faint};
use crate::table;
use crate::view;
use crate::when::{ago, moment, until};

/// Options of `ork schedules list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A workflow says when its runs begin: `schedule: {cron: \"30 3 * * *\", timezone: Europe/Paris}`. What `ork workflows apply` \
stores holds from then on.

Examples:
  ork schedules list
  ork schedules list --json")]
pub struct Args;

/// Carries out `ork schedules list`.
pub async fn run(out: Output, config: &Config) -> Result<Exit> {
    let none = "no stored workflow has a schedule; write `schedule: {cron: …}` into one, and: ork workflows apply FILE";
    let Some(history) = History::open_existing(out, config).await? else {
        out.talk(none);
        return Ok(Exit::Success);
    };
    let rows = history.schedules().await?;
    if out.json {
        for row in &rows {
            out.value(&view::value(row))?;
        }
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        out.talk(format!("{none}{}", history.flags()));
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row, history.now())).collect();
    let paint = |column: usize, cell: &str| match column {
        3 if cell == "disabled" => alarm(cell),
        4 => faint(cell),
        _ => cell.to_owned(),
    };
    for line in table::lines(&cells, paint) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

fn cells(row: &ScheduleSummary, now: Timestamp) -> Vec<String> {
    let next = match (&row.next_at, row.enabled) {
        (_, false) => "disabled".to_owned(),
        (Some(at), true) => until(moment(at), now),
        (None, true) => "never again".to_owned(),
    };
    let last =
        row.last_at.as_ref().map_or_else(|| "no run yet".to_owned(), |at| format!("last {}", ago(moment(at), now)));
    vec![row.name.clone(), row.cron.clone(), row.timezone.clone(), next, last]
}

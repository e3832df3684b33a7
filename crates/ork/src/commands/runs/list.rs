//! `ork runs list`.

use anyhow::Result;
use ork_core::clock::Timestamp;
use ork_core::limits::PAGE_MAX;
use ork_core::state::RunStatus;
use ork_core::store::{RunFilter, RunRow};
use ork_workflow::nearest;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::ids;
use crate::output::{Output, faint, status};
use crate::table;
use crate::view;
use crate::when::{ago, duration};
use crate::world::{SCOPE, World};

/// Options of `ork runs list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork runs list --status failed
  ork runs list --label team=media --json")]
pub struct Args {
    /// Only these: pending, running, paused, success, failed, cancelled; with commas between them.
    #[arg(long, value_name = "WORDS", value_delimiter = ',', value_parser = parse_status)]
    pub status: Vec<RunStatus>,
    /// Only runs of this workflow.
    #[arg(long)]
    pub name: Option<String>,
    /// Only runs with this label.
    #[arg(long, value_name = "KEY=VALUE")]
    pub label: Option<String>,
    /// Only runs before this one in the list: the last one of the page before.
    #[arg(long, value_name = "RUN")]
    pub before: Option<String>,
    /// At most so many, up to 200.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE_MAX)))]
    pub limit: u32,
}

fn parse_status(word: &str) -> Result<RunStatus, String> {
    RunStatus::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = RunStatus::ALL.iter().map(|status| status.word()).collect();
        format!("a run is {}", words.join(", "))
    })
}

/// Carries out `ork runs list`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let Some(world) = World::open_existing(out, config).await? else {
        out.talk("no run yet; start one with: ork run FILE");
        return Ok(Exit::Success);
    };
    let label = match &args.label {
        Some(text) => {
            let pair = text.split_once('=').ok_or_else(|| Refusal::usage(format!("`--label {text}` has no value")))?;
            Some((pair.0.to_owned(), pair.1.to_owned()))
        }
        None => None,
    };
    let before = match &args.before {
        Some(text) => Some(ids::run(world.store.as_ref(), SCOPE, text).await?),
        None => None,
    };
    let filter = RunFilter { statuses: args.status, name: args.name, label, before, limit: args.limit };
    let rows = world.store.runs(SCOPE, &filter).await?;
    if out.json {
        for row in &rows {
            out.value(&view::run(row))?;
        }
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        match near(&world, filter.name.as_deref()).await? {
            Some(name) => out.talk(format!("no run matches; did you mean `{name}`?")),
            None => out.talk("no run matches"),
        }
        return Ok(Exit::Success);
    }
    let now = world.now();
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row, now)).collect();
    let paint = |column: usize, cell: &str| match column {
        1 => status(cell),
        4 | 5 => faint(cell),
        _ => cell.to_owned(),
    };
    for line in table::lines(&cells, paint) {
        out.data(line)?;
    }
    if let Some(last) = rows.last().filter(|_| rows.len() == args.limit as usize) {
        out.talk(format!("older: ork runs list --before {}{}", last.id, world.flags()));
    }
    Ok(Exit::Success)
}

/// The name of a run among the newest that was meant by one of no run.
async fn near(world: &World, name: Option<&str>) -> Result<Option<String>> {
    let Some(name) = name else { return Ok(None) };
    let rows = world.store.runs(SCOPE, &RunFilter { limit: PAGE_MAX, ..RunFilter::default() }).await?;
    let known = nearest(name, rows.iter().map(|row| row.name.as_str()));
    Ok(known.filter(|known| *known != name).map(str::to_owned))
}

fn cells(row: &RunRow, now: Timestamp) -> Vec<String> {
    let done = row.tasks_total - row.tasks_left;
    let took = row.finished_at.unwrap_or(now).since_ms(row.created_at);
    vec![
        row.id.to_string(),
        row.status.word().into(),
        row.name.clone(),
        format!("{done}/{} tasks", row.tasks_total),
        duration(took),
        ago(row.created_at, now),
    ]
}

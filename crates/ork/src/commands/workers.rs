//! `ork workers`: who serves the database.

use anyhow::Result;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::{Output, faint};
use crate::table;
use crate::view;
use crate::when::{ago, moment};

/// Options of `ork workers`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A worker is `alive`, `dead` (its process is gone, or it was not heard of for 15 s, and nobody has settled what it had), \
or `gone` (it was struck off and still has something). An `ork run` is a worker that serves its own run only.

Examples:
  ork workers
  ork workers --json")]
pub struct Args;

/// Carries out `ork workers`.
pub async fn run(out: Output, config: &Config) -> Result<Exit> {
    let Some(history) = History::open_existing(out, config).await? else {
        out.talk("no worker lives; start one with: ork worker");
        return Ok(Exit::Success);
    };
    let all = history.workers().await?;
    let mut cells = Vec::new();
    for worker in &all {
        if out.json {
            out.value(&view::value(worker))?;
        }
        cells.push(vec![
            worker.status.word().into(),
            worker.name.clone(),
            worker.host.clone(),
            worker.queues.join(", "),
            format!("{} of {} at work", worker.at_work, worker.capacity),
            format!("heard of {}", ago(moment(&worker.heartbeat_at), history.now())),
            worker.version.clone(),
        ]);
    }
    if out.json {
        return Ok(Exit::Success);
    }
    if all.is_empty() {
        out.talk(format!("no worker lives; start one with: ork worker{}", history.flags()));
    }
    for line in table::lines(&cells, |column, cell| if column > 4 { faint(cell) } else { cell.to_owned() }) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

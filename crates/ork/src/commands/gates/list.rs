//! `ork gates list`.

use anyhow::Result;

use super::{asked, name};
use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::{History, WantedGates};
use crate::ids;
use crate::output::{Output, faint, status};
use crate::table;
use crate::view;
use crate::when::{ago, moment, until};

/// Options of `ork gates list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork gates list
  ork gates list last --all
  ork gates list --json")]
pub struct Args {
    /// Only gates of this run.
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Those that are decided as well.
    #[arg(long)]
    pub all: bool,
    /// At most so many, the newest.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
}

/// Carries out `ork gates list`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let none = "no gate is open";
    let Some(history) = History::open_existing(out, config).await? else {
        out.talk(none);
        return Ok(Exit::Success);
    };
    let run = match &args.run {
        Some(text) => Some(ids::run(&history, text).await?),
        None => None,
    };
    let gates = history.gates(WantedGates { run, all: args.all, limit: args.limit }).await?;
    if out.json {
        for gate in &gates {
            out.value(&view::value(gate))?;
        }
        return Ok(Exit::Success);
    }
    if gates.is_empty() {
        out.talk(if args.all { "no gate matches" } else { none });
    }
    let now = history.now();
    let cells = gates.iter().map(|gate| {
        let time = match (&gate.expires_at, &gate.decided_by, &gate.decided_at) {
            (_, Some(by), Some(at)) => format!("by {}, {}", by.id, ago(moment(at), now)),
            (Some(at), _, None) => format!("{} {}", gate.on_expiry, until(moment(at), now)),
            _ => format!("since {}", ago(moment(&gate.opened_at), now)),
        };
        vec![
            gate.status.clone(),
            gate.id.clone(),
            gate.run_name.clone(),
            name(gate),
            gate.required_role.clone(),
            time,
            asked(gate),
        ]
    });
    let cells: Vec<Vec<String>> = cells.collect();
    let paint = |column: usize, cell: &str| match column {
        0 => status(cell),
        4 | 5 => faint(cell),
        _ => cell.to_owned(),
    };
    for line in table::lines(&cells, paint) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

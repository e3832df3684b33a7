//! `ork tokens list`.

use anyhow::Result;
use ork_core::clock::Timestamp;
use ork_core::store::TokenRow;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::{Output, faint};
use crate::table;
use crate::view;
use crate::when::{ago, until};
use crate::world::World;

/// Options of `ork tokens list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
When a token was last used is known to the minute.

Examples:
  ork tokens list
  ork tokens list --all --json
  ork tokens list --workspace media")]
pub struct Args {
    /// Also those that were revoked or have ended.
    #[arg(long)]
    pub all: bool,
}

/// Carries out `ork tokens list`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let Some(world) = World::open_existing(out, config).await? else {
        out.talk("there is no token yet; make one with: ork tokens create NAME --role admin");
        return Ok(Exit::Success);
    };
    let now = world.now();
    let mut rows = super::all(&world).await?;
    rows.retain(|row| args.all || (row.revoked_at.is_none() && !has_ended(row, now)));
    if out.json {
        for row in &rows {
            out.value(&view::value(ork_server::view::token(row)))?;
        }
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        out.talk(format!("there is no token yet; make one with: ork tokens create NAME --role admin{}", world.flags()));
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row, now)).collect();
    for line in table::lines(&cells, |column, cell| if column > 3 { faint(cell) } else { cell.to_owned() }) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

fn has_ended(row: &TokenRow, now: Timestamp) -> bool {
    row.expires_at.is_some_and(|at| at <= now)
}

fn cells(row: &TokenRow, now: Timestamp) -> Vec<String> {
    let state = match (row.revoked_at, row.expires_at) {
        (Some(at), _) => format!("revoked {}", ago(at, now)),
        (None, Some(at)) if has_ended(row, now) => format!("ended {}", ago(at, now)),
        (None, Some(at)) => format!("ends {}", until(at, now)),
        (None, None) => String::new(),
    };
    let used = row.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("used {}", ago(at, now)));
    let principal = if row.principal == row.name { String::new() } else { row.principal.clone() };
    vec![
        row.name.clone(),
        row.role.word().to_owned(),
        principal,
        row.queues.join(","),
        format!("{}…", row.prefix),
        used,
        state,
    ]
}

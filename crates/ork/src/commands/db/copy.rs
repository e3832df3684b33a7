//! `ork db copy`.

use anyhow::Result;
use ork_core::clock::Clock;
use ork_core::store::{Scope, Store};
use ork_core::transfer::{self, Counts, Sink, Source};
use ork_engine::{DatabaseClock, EngineConfig};
use serde_json::{Value, json};

use crate::commands::doctor::inspect;
use crate::database::Database;
use crate::exit_code::{Exit, Refusal};
use crate::files::project;
use crate::output::{Output, warn};

/// Options of `ork db copy`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Everything: all workspaces, tokens, workflows, runs and what waits, from one moment of the source, between any two of \
sqlite:PATH, postgres://… and files:DIR. The target is empty: a file that does not exist, or a migrated database in which nothing \
was ever done. It gets everything or nothing; afterwards it is checked as `ork doctor` does. What runs in the source is run \
again in the target, so stop what works on the source first if it is to move for good. The key of the tokens is a file beside the \
database, and is not copied.

Examples:
  ork db copy --from sqlite:ork.db --to postgres://ork@localhost/ork
  ork db copy --from postgres://ork@localhost/ork --to sqlite:copy.db")]
pub struct Args {
    /// The database to read.
    #[arg(long, value_name = "URL")]
    pub from: String,
    /// The empty database to write.
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// Leave the check out, which takes longer than the copy when there are many small runs; `ork doctor` makes it later.
    #[arg(long)]
    pub no_check: bool,
}

/// Carries out `ork db copy`.
pub async fn run(args: &Args, out: Output) -> Result<Exit> {
    let (from, to) = (Database::locate(Some(&args.from))?, Database::locate(Some(&args.to))?);
    if from == to {
        return Err(Refusal::usage(format!("`--from` and `--to` are both {from}")).into());
    }
    let mut source = from.source().await?;
    if let Some(store) = from.open_to_read().await? {
        mention_workers(store.as_ref(), &from).await?;
    }
    let mut sink = to.sink().await?;
    let counts = moved(source.as_mut(), sink.as_mut(), out).await?;
    drop((source, sink));
    if args.no_check {
        project(&to).await?;
        tell(&to.to_string(), &counts, (counts.get("runs").copied().unwrap_or(0), None), out)?;
        return Ok(Exit::Success);
    }
    checked(&to, &counts, out).await
}

/// Moves everything, and says how far it is.
pub async fn moved(source: &mut dyn Source, sink: &mut dyn Sink, out: Output) -> Result<Counts> {
    let mut told = |table: &str, rows: u64| {
        // A line a table is enough, and one for each million of a large one.
        if rows % 1_000_000 < transfer::PAGE_ROWS_MAX as u64 && rows >= 1_000_000 {
            out.talk(format!("{table}: {rows} rows so far"));
        }
    };
    Ok(transfer::copy(source, sink, &mut told).await?)
}

/// What is at work in the source goes on there, and is not heard of in the target.
async fn mention_workers(store: &dyn Store, from: &Database) -> Result<()> {
    let clock = DatabaseClock::local();
    clock.follow(store).await?;
    let (now, ttl_ms) = (clock.now(), EngineConfig::default().lease_ttl_ms);
    let workers = store.workers(Scope::All).await?;
    let alive = workers.iter().filter(|row| row.ended_at.is_none() && now.since_ms(row.heartbeat_at) <= ttl_ms).count();
    if alive > 0 {
        let whose = if alive == 1 { "1 worker lives".to_owned() } else { format!("{alive} workers live") };
        warn(format!("warning: {whose} on {from}: what is done there from now on is not in the copy"));
    }
    Ok(())
}

/// Looks at what was written, and tells of it.
pub async fn checked(to: &Database, counts: &Counts, out: Output) -> Result<Exit> {
    let store = to.open().await?;
    let (runs, problems) = inspect(store.as_ref()).await?;
    project(to).await?;
    tell(&to.to_string(), counts, (runs, Some(&problems)), out)?;
    Ok(if problems.is_empty() { Exit::Success } else { Exit::Failed })
}

/// Tells what was written where, and what is wrong with it, if that was looked at.
pub fn tell(to: &str, counts: &Counts, (runs, problems): (u64, Option<&[String]>), out: Output) -> Result<()> {
    let rows: u64 = counts.values().sum();
    if out.json {
        let tables: Value = counts.iter().map(|(table, rows)| (table.clone(), Value::from(*rows))).collect();
        let mut told = json!({"to": to, "rows": rows, "tables": tables, "runs": runs});
        if let Some(problems) = problems {
            told["problems"] = json!(problems);
        }
        return Ok(out.value(&told)?);
    }
    for problem in problems.into_iter().flatten() {
        out.data(problem)?;
    }
    let found = match problems.map(<[String]>::len) {
        None => String::new(),
        Some(0) => "; nothing is wrong".to_owned(),
        Some(1) => "; 1 finding".to_owned(),
        Some(n) => format!("; {n} findings"),
    };
    let noun = |n: u64, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    Ok(out.data(format!("{to}: {}, {}{found}", noun(runs, "run"), noun(rows, "row")))?)
}

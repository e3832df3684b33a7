//! `ork db`: the database itself.

mod backup;
mod copy;
mod export;
mod import;

use anyhow::Result;
use clap::Subcommand;
use ork_core::access::Settings;
use serde_json::{Value, json};

use crate::config::Config;
use crate::database::Database;
use crate::exit_code::Exit;
use crate::output::{Output, warn};
use crate::world::World;

/// What there is to do with a database.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the schema up to this version of Ork. Safe to interrupt, and to run twice.
    #[command(after_long_help = "\
On PostgreSQL it is for the owner of the tables, with whom nothing else works: it also makes the roles `ork_engine` and \
`ork_api`, and the login of all other commands is a member of both.

Examples:
  ork db migrate
  ork db migrate --database postgres://ork_owner@localhost/ork")]
    Migrate,
    /// Say which migrations the database has. Exits with 1 when some are missing.
    #[command(after_long_help = "\
Examples:
  ork db status
  ork db status --json")]
    Status,
    /// Check the file and the schema. Exits with 1 when something is wrong.
    #[command(after_long_help = "\
On PostgreSQL also who may see and do what, that events cannot be changed, and that the hot statements find their rows by \
the index meant for them. Any login may ask; plans are looked at with one that works.

Examples:
  ork db verify
  ork db verify --database sqlite:copy.db")]
    Verify,
    /// Remove runs that ended long ago, at once.
    #[command(after_long_help = "\
Workers and servers do this by themselves: what ended longer ago than `keep_days` of its workspace, which are 30 without it, is \
removed in small pieces. What is left of a run is that it was there, how it ended, and when. SQLite keeps the room and uses it \
again.

Examples:
  ork db prune
  ork db prune --keep-days 7 --workspace media")]
    Prune(Prune),
    /// Write all of it into a new SQLite file, as it is at one moment, while others work on it.
    Backup(backup::Args),
    /// Copy everything from one database into an empty one.
    Copy(copy::Args),
    /// Write everything as JSON files, one a row.
    Export(export::Args),
    /// Read what `ork db export` wrote into an empty database.
    Import(import::Args),
}

/// Options of `ork db prune`.
#[derive(Debug, clap::Args)]
pub struct Prune {
    /// Keep runs for so many days after their end [default: `keep_days` of the workspace, else 30]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep_days: Option<u32>,
}

/// Carries out `ork db`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::Migrate => migrate(&config.database()?, out).await,
        Command::Status => status(&config.database()?, out).await,
        Command::Verify => verify(&config.database()?, out).await,
        Command::Backup(args) => backup::run(&args, out, config).await,
        Command::Copy(args) => copy::run(&args, out).await,
        Command::Export(args) => export::run(&args, out, config).await,
        Command::Import(args) => import::run(&args, out, config).await,
        Command::Prune(args) => prune(&args, out, config).await,
    }
}

async fn migrate(database: &Database, out: Output) -> Result<Exit> {
    let applied = database.migrate().await?;
    if out.json {
        out.value(&json!({"database": database.to_string(), "applied": applied}))?;
        return Ok(Exit::Success);
    }
    for name in &applied {
        out.data(format!("applied: {name}"))?;
    }
    out.data(format!("{database} is up to date"))?;
    Ok(Exit::Success)
}

async fn status(database: &Database, out: Output) -> Result<Exit> {
    let migrations = database.migrations().await?;
    let missing = migrations.iter().filter(|migration| !migration.is_applied).count();
    let word = |is_applied| if is_applied { "applied" } else { "missing" };
    if out.json {
        let shown: Vec<Value> = migrations
            .iter()
            .map(|m| json!({"version": m.version, "name": m.name, "status": word(m.is_applied)}))
            .collect();
        out.value(&json!({"database": database.to_string(), "exists": !migrations.is_empty(), "migrations": shown}))?;
    } else if migrations.is_empty() {
        out.data(format!("{database} does not exist yet"))?;
    } else {
        for migration in &migrations {
            out.data(format!("{}  {:04} {}", word(migration.is_applied), migration.version, migration.name))?;
        }
        out.data(if missing == 0 { format!("{database} is up to date") } else { format!("{database} is behind") })?;
    }
    let is_current = missing == 0 && !migrations.is_empty();
    Ok(if is_current { Exit::Success } else { Exit::Failed })
}

async fn verify(database: &Database, out: Output) -> Result<Exit> {
    let Some(found) = database.verify().await? else {
        if out.json {
            out.value(&json!({"database": database.to_string(), "exists": false, "problems": []}))?;
        } else {
            out.data(format!("{database} does not exist yet"))?;
        }
        return Ok(Exit::Failed);
    };
    let problems = found.problems;
    if out.json {
        let (database, unchecked) = (database.to_string(), found.unchecked);
        out.value(&json!({"database": database, "exists": true, "problems": problems, "unchecked": unchecked}))?;
    } else {
        for problem in &problems {
            out.data(problem)?;
        }
        if let Some(unchecked) = found.unchecked {
            warn(unchecked);
        }
        let found = if problems.is_empty() { "nothing is wrong" } else { "something is wrong" };
        out.data(format!("{database}: {found}"))?;
    }
    Ok(if problems.is_empty() { Exit::Success } else { Exit::Failed })
}

/// Of one workspace.
async fn prune(args: &Prune, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let (store, now) = (world.store.as_ref(), world.now());
    let stored = store.workspaces(world.scope(), None, 1).await?.pop().map(|row| row.settings).unwrap_or_default();
    let settings = Settings { keep_days: args.keep_days.or(stored.keep_days), ..stored };
    // Where nobody can say where bytes are, they are left for a janitor who can.
    let blobs = world.blobs().ok();
    let pruned = match settings.kept_since(now) {
        Some(until) => ork_engine::prune_all(store, blobs.as_deref(), world.workspace, until, now).await?,
        None => 0,
    };
    if out.json {
        out.value(&json!({"database": world.database.to_string(), "pruned": pruned}))?;
    } else {
        out.data(format!("removed: {}", if pruned == 1 { "1 run".to_owned() } else { format!("{pruned} runs") }))?;
    }
    Ok(Exit::Success)
}

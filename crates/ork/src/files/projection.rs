//! The rows of a `files:DIR` database as files beside it.
//!
//! The database is what counts; the files follow it and are never read back. The order of all events says which runs and
//! tasks have changed since the last time, so a round costs as much as what happened. A process that dies between a commit and its
//! files leaves a place behind the end, from which the next one goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use ork_core::feed::FeedPosition;
use ork_core::id::RunId;
use ork_core::store::{ROWS_MAX, Scope, Store};
use ork_core::transfer::{Row, Source, Table, Value};

use super::{cell, name};
use crate::database::{Database, Rows, tables};
use crate::output::warn;

/// Where the files are: how far the events have been followed. Whoever has its lock follows them.
const PLACE: &str = ".projected";

/// How often it is looked whether something happened.
const LOOK: Duration = Duration::from_millis(200);

/// Looks after which that is written as well of which no event tells.
const LOOKS_OF_REST: u32 = 10;

/// Tasks of a run from which on all of them are looked at.
const TASKS_MAX: usize = 500;

/// Rows that come and go with each step of a task: `ork db export` writes them.
const QUEUE: &[&str] = &["delayed", "evaluations", "held", "leases", "ready", "run_slots"];

/// Follows a database for as long as this process lives.
pub fn keep_projected(database: &Database) {
    let Some(database) = database.projected().map(|_| database.clone()) else { return };
    tokio::spawn(async move {
        for look in 0_u32.. {
            if let Err(error) = round(&database, look % LOOKS_OF_REST == 0).await {
                return warn(format!("warning: failed to write the files of {database}: {error:#}"));
            }
            tokio::time::sleep(LOOK).await;
        }
    });
}

/// Brings the files to where the database is; nothing, when it has no files or was never written to.
///
/// # Errors
/// When one of them cannot be read or written.
pub async fn project(database: &Database) -> Result<()> {
    round(database, true).await
}

/// One round. `with_rest`: also what no event tells of.
async fn round(database: &Database, with_rest: bool) -> Result<()> {
    let Some(folder) = database.projected() else { return Ok(()) };
    let Some(store) = database.open_to_read().await? else { return Ok(()) };
    let mut place = Place::take(folder)?;
    let head = store.feed_head().await?;
    let known = place.known.filter(|known| *known <= head);
    let Some(from) = known.filter(|_| !with_rest || counts_agree(database, folder).unwrap_or(false)) else {
        // Never written, or of another database, or runs are gone.
        everything(database, folder).await?;
        return place.set(head);
    };
    let (changed, next) = changes(store.as_ref(), from).await?;
    if next == from && !with_rest {
        return Ok(());
    }
    let mut rows = database.rows()?;
    for (run, change) in changed {
        change.write(&rows, folder, run)?;
    }
    rest(&mut rows, folder).await?;
    if next == from { Ok(()) } else { place.set(next) }
}

/// The file with the place, locked.
struct Place {
    file: File,
    known: Option<FeedPosition>,
}

impl Place {
    fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(PLACE);
        let open = || -> io::Result<(File, String)> {
            let mut file = File::options().create(true).truncate(false).read(true).write(true).open(&path)?;
            file.lock()?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            Ok((file, text))
        };
        let (file, text) = open().with_context(|| format!("failed to open `{}`", path.display()))?;
        Ok(Self { file, known: text.trim().parse().ok() })
    }

    fn set(&mut self, position: FeedPosition) -> Result<()> {
        self.file.rewind()?;
        self.file.set_len(0)?;
        Ok(writeln!(self.file, "{position}")?)
    }
}

/// What of a run has changed.
#[derive(Default)]
struct Change {
    /// Numbers of rows of events.
    events: BTreeSet<u64>,
    tasks: BTreeSet<u32>,
    /// The run itself: its tasks may have come to be.
    is_whole: bool,
}

type Changes = BTreeMap<RunId, Change>;

async fn changes(store: &dyn Store, from: FeedPosition) -> Result<(Changes, FeedPosition)> {
    let (mut changed, mut at) = (Changes::new(), from);
    loop {
        let page = store.feed(Scope::All, at, ROWS_MAX).await?;
        for row in &page.rows {
            let change = changed.entry(row.event.run).or_default();
            change.events.insert(row.event.seq);
            change.tasks.extend(row.event.tasks.iter());
            change.is_whole |= row.event.tasks.is_empty() || change.tasks.len() > TASKS_MAX;
        }
        at = page.next;
        if !page.more {
            return Ok((changed, at));
        }
    }
}

impl Change {
    fn write(&self, rows: &Rows, folder: &Path, run: RunId) -> Result<()> {
        let run = Value::Id(run.uuid());
        for table in rows.tables().iter().filter(|table| belongs_to_run(table)) {
            let put = |key: &[Value]| put_all(folder, table, &rows.with_key(table, key)?);
            let is_of_task = table.key.get(1).is_some_and(|at| table.columns[*at].name == "n");
            match table.name.as_str() {
                "events" => {
                    for seq in &self.events {
                        put(&[run.clone(), Value::Integer(i64::try_from(*seq)?)])?;
                    }
                }
                _ if is_of_task && !self.is_whole => {
                    for n in &self.tasks {
                        put(&[run.clone(), Value::Integer((*n).into())])?;
                    }
                }
                _ => put(std::slice::from_ref(&run))?,
            }
        }
        Ok(())
    }
}

fn belongs_to_run(table: &Table) -> bool {
    let first = table.key.first().map(|at| table.columns[*at].name.as_str());
    !QUEUE.contains(&table.name.as_str()) && (table.name == "runs" || first == Some("run_id"))
}

/// Writes what belongs to no run, and removes what is no more.
async fn rest(rows: &mut Rows, folder: &Path) -> Result<()> {
    let tables: Vec<Table> = rows.tables().iter().filter(|table| !belongs_to_run(table)).cloned().collect();
    for table in tables.iter().filter(|table| !QUEUE.contains(&table.name.as_str())) {
        let mut names = BTreeSet::new();
        loop {
            let page = rows.next(table).await?;
            if page.is_empty() {
                break;
            }
            names.extend(page.rows().iter().map(|row| name::of(table, row)));
            put_all(folder, table, page.rows())?;
        }
        for path in files(&folder.join(&table.name))? {
            if !path.file_name().and_then(|name| name.to_str()).is_some_and(|name| names.contains(name)) {
                fs::remove_file(&path).with_context(|| format!("failed to remove `{}`", path.display()))?;
            }
        }
    }
    Ok(())
}

async fn everything(database: &Database, folder: &Path) -> Result<()> {
    for table in tables() {
        let own = folder.join(&table.name);
        for path in files(&own)? {
            fs::remove_file(&path).with_context(|| format!("failed to remove `{}`", path.display()))?;
        }
    }
    let mut rows = database.rows()?;
    let tables: Vec<Table> = rows.tables().iter().filter(|table| belongs_to_run(table)).cloned().collect();
    for table in &tables {
        loop {
            let page = rows.next(table).await?;
            if page.is_empty() {
                break;
            }
            put_all(folder, table, page.rows())?;
        }
    }
    rest(&mut rows, folder).await
}

/// Whether there are as many runs as files of them.
fn counts_agree(database: &Database, folder: &Path) -> Result<bool> {
    let files = u64::try_from(files(&folder.join("runs"))?.len())?;
    // Runs that are new have no file yet; those that are gone still have one.
    Ok(files <= database.rows()?.count("runs")?)
}

/// The files of rows in a folder; none, when it is not there.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("failed to read `{}`", folder.display())),
    };
    let paths = found.map(|entry| entry.map(|entry| entry.path()));
    let is_row = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
    Ok(paths.collect::<io::Result<Vec<_>>>()?.into_iter().filter(is_row).collect())
}

/// Writes rows that are not there as they are, each at one stroke.
fn put_all(folder: &Path, table: &Table, rows: &[Row]) -> Result<()> {
    let own = folder.join(&table.name);
    if !rows.is_empty() {
        fs::create_dir_all(&own).with_context(|| format!("failed to make `{}`", own.display()))?;
    }
    for row in rows {
        let (path, text) = (own.join(name::of(table, row)), cell::write(table, row));
        if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        // Whoever has the lock writes alone, so one name is enough.
        let part = own.join(".part");
        let written = fs::write(&part, text).and_then(|()| fs::rename(&part, &path));
        written.with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok(())
}

//! Migrations: numbered, checksummed, forward only, safe to interrupt, run by one process at a time.

use std::fs::File;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use ork_core::error::{StoreError, StoreResult};
use rusqlite::Connection;
use rusqlite::backup::Backup;

use crate::connection::{Durability, failed, open_in_memory, open_writer};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// One migration of this build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

/// Where a database stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MigrationState {
    /// It has every migration of this build.
    Current,
    /// It lacks some, or is empty.
    Behind,
}

/// Brings a database file to this build's schema; creates it if it is not there. Answers the names of the migrations
/// that it applied.
///
/// # Errors
/// `Incompatible` when a newer Ork wrote the file, or an applied migration differs from this build's.
pub fn migrate(path: &Path) -> StoreResult<Vec<String>> {
    // SQLite locks the file only inside a transaction; two processes that start at once take turns by this lock.
    let lock_path = path.with_extension("migrate.lock");
    let lock = File::create(&lock_path)
        .and_then(|file| file.lock().map(|()| file))
        .map_err(|e| StoreError::Unavailable(format!("failed to lock `{}`: {e}", lock_path.display())))?;
    let mut connection = open_writer(path, Durability::Full)?;
    let applied = apply(&mut connection);
    drop(lock);
    applied
}

pub fn apply(connection: &mut Connection) -> StoreResult<Vec<String>> {
    refuse_newer(connection)?;
    let report = embedded::migrations::runner()
        .set_abort_divergent(true)
        .set_abort_missing(true)
        .run(connection)
        .map_err(|e| StoreError::Incompatible(format!("failed to migrate: {e}")))?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

/// As [`apply`], for a new database in memory. Only the first is migrated and the others are copied from it: the simulator
/// makes a hundred thousand.
pub fn apply_in_memory(connection: &mut Connection) -> StoreResult<()> {
    static MIGRATED: LazyLock<StoreResult<Mutex<Connection>>> = LazyLock::new(|| {
        let mut first = open_in_memory()?;
        apply(&mut first)?;
        Ok(Mutex::new(first))
    });
    let first = MIGRATED.as_ref().map_err(Clone::clone)?.lock().unwrap_or_else(PoisonError::into_inner);
    Backup::new(&first, connection).and_then(|copy| copy.step(-1)).map_err(failed)?;
    Ok(())
}

/// Each migration of this build, and whether the database has it.
///
/// # Errors
/// `Unavailable` when the file cannot be read.
pub fn migration_state(path: &Path) -> StoreResult<Vec<Migration>> {
    let connection = open_writer(path, Durability::Full)?;
    let newest = newest_applied(&connection)?.unwrap_or(0);
    Ok(embedded::migrations::runner()
        .get_migrations()
        .iter()
        .map(|m| {
            let version = u32::try_from(m.version()).unwrap_or(0);
            Migration { version, name: m.name().into(), applied: i64::from(version) <= newest }
        })
        .collect())
}

/// Checks a database file: SQLite's own integrity check, and that each applied migration is the one of this build.
/// Answers the problems found.
///
/// # Errors
/// `Unavailable` when the file cannot be read.
pub fn verify(path: &Path) -> StoreResult<Vec<String>> {
    let mut connection = open_writer(path, Durability::Full)?;
    let mut problems = Vec::new();
    let answer: String = connection.query_row("PRAGMA integrity_check(10)", [], |row| row.get(0)).map_err(failed)?;
    if answer != "ok" {
        problems.push(format!("SQLite: {answer}"));
    }
    let newest = newest_applied(&connection)?.unwrap_or(0);
    if newest == 0 {
        problems.push("not migrated: run `ork db migrate`".into());
        return Ok(problems);
    }
    let applied = embedded::migrations::runner()
        .get_applied_migrations(&mut connection)
        .map_err(|e| StoreError::Unavailable(e.to_string()))?;
    let own = embedded::migrations::runner();
    for migration in own.get_migrations() {
        match applied.iter().find(|a| a.version() == migration.version()) {
            None => problems.push(format!("migration {migration} is not applied: run `ork db migrate`")),
            Some(a) if a.checksum() != migration.checksum() => {
                problems.push(format!("migration {migration} differs from the one that was applied"));
            }
            Some(_) => {}
        }
    }
    Ok(problems)
}

/// The number of this build's last migration.
#[must_use]
pub fn schema_version() -> u32 {
    let runner = embedded::migrations::runner();
    let versions = runner.get_migrations().iter().map(|m| u32::try_from(m.version()).unwrap_or(0));
    versions.max().unwrap_or(0)
}

/// Refuses a schema that this build does not know.
pub fn refuse_newer(connection: &Connection) -> StoreResult<MigrationState> {
    let own = i64::from(schema_version());
    match newest_applied(connection)? {
        Some(newest) if newest > own => Err(StoreError::Incompatible(format!(
            "the database has schema {newest} and this Ork knows schemas up to {own}: use the newer Ork that wrote it"
        ))),
        Some(newest) if newest == own => Ok(MigrationState::Current),
        _ => Ok(MigrationState::Behind),
    }
}

/// Refuses a schema that is not this build's.
///
/// # Errors
/// `Incompatible` when it is newer or behind.
pub fn require_current(connection: &Connection) -> StoreResult<()> {
    match refuse_newer(connection)? {
        MigrationState::Current => Ok(()),
        MigrationState::Behind => {
            Err(StoreError::Incompatible("the database is behind this Ork: run `ork db migrate`".into()))
        }
    }
}

fn newest_applied(connection: &Connection) -> StoreResult<Option<i64>> {
    let exists: bool = connection
        .query_row("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'refinery_schema_history')", [], |row| {
            row.get(0)
        })
        .map_err(failed)?;
    if !exists {
        return Ok(None);
    }
    connection.query_row("SELECT max(version) FROM refinery_schema_history", [], |row| row.get(0)).map_err(failed)
}

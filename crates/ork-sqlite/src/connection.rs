//! Connections: how they are opened, and what SQLite's errors mean.

use std::path::Path;

use ork_core::error::{StoreError, StoreResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A power cut: `synchronous=FULL`.
    #[default]
    Full,
    /// A crash of the process, but not always a power cut: `synchronous=NORMAL`. Must be asked for.
    Normal,
}

/// The first version without the WAL-reset bug that can corrupt a database with several writers.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS_MAX: usize = 200;

/// How long a writer waits for another process's transaction.
const BUSY_MS: u64 = 10_000;

pub fn open_writer(path: &Path, durability: Durability) -> StoreResult<Connection> {
    // Each connection has one owner at a time, so SQLite need not lock it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|e| at(path, &e))?;
    check_version()?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    set_up(
        &connection,
        &format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 1000; \
         PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768;"
        ),
    )
    .map_err(|e| at(path, &e))?;
    Ok(connection)
}

pub fn open_reader(path: &Path) -> StoreResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|e| at(path, &e))?;
    set_up(&connection, READING).map_err(|e| at(path, &e))?;
    Ok(connection)
}

/// As [`open_reader`]; and a file in a folder that this user may not write to as well. SQLite's log needs two files beside
/// it then. Without them the file has everything, and is read as it stands.
pub fn open_to_read(path: &Path) -> StoreResult<Connection> {
    let opened = open_reader(path).and_then(|connection| {
        let looked = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
        looked.map(|()| connection).map_err(|e| at(path, &e))
    });
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let (true, false, Some(name)) = (opened.is_err(), Path::new(&log).exists(), path.to_str()) else { return opened };
    let name = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection =
        Connection::open_with_flags(format!("file:{name}?immutable=1"), flags).map_err(|e| at(path, &e))?;
    set_up(&connection, READING).map_err(|e| at(path, &e))?;
    Ok(connection)
}

const READING: &str = "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;";

pub fn open_in_memory() -> StoreResult<Connection> {
    let connection = Connection::open_in_memory().map_err(|e| unavailable(&e))?;
    check_version()?;
    set_up(&connection, "PRAGMA temp_store = MEMORY;").map_err(|e| unavailable(&e))?;
    Ok(connection)
}

fn set_up(connection: &Connection, pragmas: &str) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // Without it SQLite looks at bound values when it plans, and plans a cached statement anew whenever they change:
    // three quarters of the time of reading a task.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(pragmas)
}

fn check_version() -> StoreResult<()> {
    let version = rusqlite::version_number();
    if version < SQLITE_VERSION_MIN {
        return Err(StoreError::Incompatible(format!(
            "SQLite {} can corrupt a database that two processes write to; Ork needs 3.51.3 or newer",
            rusqlite::version()
        )));
    }
    Ok(())
}

fn at(path: &Path, error: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable(format!("failed to open `{}`: {error}", path.display()))
}

fn unavailable(error: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// What an SQLite error means for the caller.
#[allow(clippy::needless_pass_by_value)] // the shape that `map_err` wants
pub fn failed(error: rusqlite::Error) -> StoreError {
    match &error {
        rusqlite::Error::SqliteFailure(inner, message) => match inner.code {
            // Of the commit itself, not of what it commits.
            _ if inner.extended_code == ffi::SQLITE_CONSTRAINT_COMMITHOOK => unavailable(&error),
            ErrorCode::ConstraintViolation => {
                StoreError::Conflict(message.clone().unwrap_or_else(|| inner.to_string()))
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt {
                table: "(file)",
                column: "(page)",
                row: "unknown".into(),
                problem: format!("{error}; restore a backup"),
            },
            _ => unavailable(&error),
        },
        rusqlite::Error::FromSqlConversionFailure(column, _, problem) => StoreError::Corrupt {
            table: "(query)",
            column: "(column)",
            row: format!("column {column}"),
            problem: problem.to_string(),
        },
        _ => unavailable(&error),
    }
}

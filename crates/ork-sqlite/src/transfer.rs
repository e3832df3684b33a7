//! All rows of a file, out of it and into it.

use std::path::Path;

use async_trait::async_trait;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::WorkspaceId;
use ork_core::transfer::{
    Column, Counts, Kind, PAGE_ROWS_MAX, Page, Row, SEEDED, Sink, Source, Table, Value, is_moved, is_one_sided, places,
};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};
use uuid::Uuid;

use crate::connection::{Durability, failed, open_to_read, open_writer};
use crate::migrate;
use crate::rows::workspace_key;

/// The tables of a file, as far as they are moved, in the order of `known` and then by name. What a column holds is said by
/// `known`, since SQLite has five types; for what is not in there, by the declared one.
///
/// # Errors
/// `Unavailable` when the file cannot be read.
pub fn tables(db: &Connection, known: &[Table]) -> StoreResult<Vec<Table>> {
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name";
    let mut names = db.prepare(names).map_err(failed)?;
    let names = names.query_map([], |row| row.get(0)).map_err(failed)?;
    let names: Vec<String> = names.collect::<Result<_, _>>().map_err(failed)?;
    let moved = names.into_iter().filter(|name| is_moved(name));
    let mut tables: Vec<Table> = moved.map(|name| table(db, name, known)).collect::<StoreResult<_>>()?;
    tables.sort_by_key(|table| known.iter().position(|known| known.name == table.name).unwrap_or(known.len()));
    Ok(tables)
}

fn table(db: &Connection, name: String, known: &[Table]) -> StoreResult<Table> {
    let known = known.iter().find(|table| table.name == name);
    let mut columns = Vec::new();
    let mut key = Vec::new();
    let mut info = db.prepare("SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY cid").map_err(failed)?;
    let mut rows = info.query([&name]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let (name, declared, pk): (String, String, i64) =
            (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?, row.get(2).map_err(failed)?);
        if pk > 0 {
            key.push((pk, columns.len()));
        }
        let kind = known.and_then(|table| table.place(&name).map(|at| table.columns[at].kind));
        columns.push(Column { name, kind: kind.unwrap_or_else(|| declared_kind(&declared)) });
    }
    key.sort_unstable();
    Ok(Table { name, columns, key: key.into_iter().map(|(_, at)| at).collect() })
}

fn declared_kind(declared: &str) -> Kind {
    match declared {
        "INTEGER" => Kind::Integer,
        "BLOB" => Kind::Bytes,
        _ => Kind::Text,
    }
}

/// A file to read from, as it is at this moment.
pub struct SqliteSource {
    db: Connection,
    tables: Vec<Table>,
    /// The table that is being read, and its last row.
    at: Option<(String, Row)>,
}

impl SqliteSource {
    /// Opens a file for reading. `known` says what columns hold.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be opened; `Incompatible` when it has not this Ork's schema.
    pub fn open(path: &Path, known: &[Table]) -> StoreResult<Self> {
        let db = open_to_read(path)?;
        // The state is that of the first statement.
        db.execute_batch("BEGIN").map_err(failed)?;
        migrate::require_current(&db)?;
        let tables = tables(&db, known)?;
        Ok(Self { db, tables, at: None })
    }

    /// The rows whose key begins with these values.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be read.
    pub fn with_key(&self, table: &Table, values: &[Value]) -> StoreResult<Vec<Row>> {
        let wanted = table.key.iter().zip(values).map(|(at, _)| format!("{} = ?", quoted(&table.columns[*at].name)));
        let wanted = wanted.collect::<Vec<_>>().join(" AND ");
        let text = format!("SELECT {} FROM {} WHERE {wanted}", names(table), quoted(&table.name));
        let mut statement = self.db.prepare_cached(&text).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(values.iter().map(Bound))).map_err(failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            found.push(read(table, row)?);
        }
        Ok(found)
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be read.
    pub fn count(&self, table: &str) -> StoreResult<u64> {
        count(&self.db, table)
    }
}

fn count(db: &Connection, table: &str) -> StoreResult<u64> {
    let count = db.query_row(&format!("SELECT count(*) FROM {}", quoted(table)), [], |row| row.get::<_, i64>(0));
    Ok(count.map_err(failed)?.unsigned_abs())
}

#[async_trait]
impl Source for SqliteSource {
    fn tables(&self) -> &[Table] {
        &self.tables
    }

    async fn feed_max(&mut self) -> StoreResult<i64> {
        self.db.query_row("SELECT coalesce(max(feed), 0) FROM events", [], |row| row.get(0)).map_err(failed)
    }

    async fn next(&mut self, table: &Table) -> StoreResult<Page> {
        let last = self.at.take().filter(|(name, _)| *name == table.name).map(|(_, row)| row);
        let key = table.key.iter().map(|at| quoted(&table.columns[*at].name)).collect::<Vec<_>>().join(", ");
        let after = last.as_ref().map_or(String::new(), |_| {
            let marks = vec!["?"; table.key.len()].join(", ");
            format!(" WHERE ({key}) > ({marks})")
        });
        let (columns, name) = (names(table), quoted(&table.name));
        let text = format!("SELECT {columns} FROM {name}{after} ORDER BY {key} LIMIT {PAGE_ROWS_MAX}");
        let mut page = Page::default();
        {
            let mut statement = self.db.prepare_cached(&text).map_err(failed)?;
            let bound = last.iter().flat_map(|row| table.key.iter().map(move |at| Bound(&row[*at])));
            let mut rows = statement.query(params_from_iter(bound)).map_err(failed)?;
            while !page.is_full()
                && let Some(row) = rows.next().map_err(failed)?
            {
                page.push(read(table, row)?);
            }
        }
        self.at = page.rows().last().map(|row| (table.name.clone(), row.clone()));
        Ok(page)
    }
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn names(table: &Table) -> String {
    table.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
}

fn read(table: &Table, row: &rusqlite::Row<'_>) -> StoreResult<Row> {
    let cell = |(at, column): (usize, &Column)| {
        let found = row.get_ref(at).map_err(failed)?;
        let wrong = || {
            let (table, column, kind) = (&table.name, &column.name, column.kind);
            let found = found.data_type();
            StoreError::Incompatible(format!("table `{table}`, column `{column}`: {found} is no {kind:?}"))
        };
        value(column.kind, found).ok_or_else(wrong)
    };
    table.columns.iter().enumerate().map(cell).collect()
}

fn value(kind: Kind, found: ValueRef<'_>) -> Option<Value> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    Some(match (kind, found) {
        (_, ValueRef::Null) => Value::Null,
        (Kind::Integer, ValueRef::Integer(number)) => Value::Integer(number),
        (Kind::Bool, ValueRef::Integer(number @ (0 | 1))) => Value::Bool(number == 1),
        (Kind::Text, ValueRef::Text(bytes)) => Value::Text(text(bytes)?),
        (Kind::Json | Kind::Texts | Kind::Integers, ValueRef::Text(bytes)) => Value::Json(text(bytes)?),
        (Kind::Id, ValueRef::Blob(bytes)) => Value::Id(Uuid::from_slice(bytes).ok()?),
        (Kind::Bytes, ValueRef::Blob(bytes)) => Value::Bytes(bytes.to_vec()),
        _ => return None,
    })
}

/// A value on its way into a statement.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Bool(yes) => ValueRef::Integer(i64::from(*yes)),
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) | Value::Json(text) => ValueRef::Text(text.as_bytes()),
            Value::Id(id) => ValueRef::Blob(id.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A file to write to, in one transaction.
pub struct SqliteSink {
    db: Connection,
    tables: Vec<Table>,
}

impl SqliteSink {
    /// Opens a file that has this Ork's schema and no rows.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be opened; `Incompatible` when it has not this Ork's schema.
    pub fn open(path: &Path, known: &[Table]) -> StoreResult<Self> {
        let db = open_writer(path, Durability::Full)?;
        migrate::require_current(&db)?;
        let tables = tables(&db, known)?;
        Ok(Self { db, tables })
    }

    fn require_empty(&self) -> StoreResult<()> {
        for table in &self.tables {
            let name = quoted(&table.name);
            let text = match table.name.as_str() {
                "workspaces" => format!("SELECT EXISTS (SELECT 1 FROM {name} WHERE id <> ?1)"),
                _ => format!("SELECT EXISTS (SELECT 1 FROM {name} WHERE ?1 IS NOT NULL)"),
            };
            let has_rows: bool =
                self.db.query_row(&text, [workspace_key(WorkspaceId::DEFAULT)], |row| row.get(0)).map_err(failed)?;
            if has_rows && !is_one_sided(&table.name) {
                return Err(StoreError::Conflict(format!(
                    "the target is not empty: its table `{}` has rows; nothing was changed",
                    table.name
                )));
            }
        }
        Ok(())
    }

    fn require_counts(&self, counts: &Counts) -> StoreResult<()> {
        for (name, moved) in counts {
            let found = count(&self.db, name)?;
            if found != *moved {
                return Err(StoreError::Conflict(format!(
                    "table `{name}` has {found} rows after {moved} were moved; nothing was changed"
                )));
            }
        }
        Ok(())
    }
}

/// What counts on from here comes after what is there. The queue's counter is the next number, that of events the last one.
const COUNTERS: &[&str] = &[
    "UPDATE counters SET value = max(value, (SELECT coalesce(max(seq) + 1, 0) FROM ready),
                                     (SELECT coalesce(max(seq) + 1, 0) FROM held))
     WHERE name = 'ready'",
    "UPDATE counters SET value = max(value, (SELECT coalesce(max(feed), 0) FROM events)) WHERE name = 'feed'",
];

#[async_trait]
impl Sink for SqliteSink {
    fn tables(&self) -> Vec<String> {
        self.tables.iter().map(|table| table.name.clone()).collect()
    }

    async fn begin(&mut self, _: i64) -> StoreResult<()> {
        // Foreign keys are looked at by the commit, so that no table must come before another.
        self.db.execute_batch("BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = ON").map_err(failed)?;
        self.require_empty()
    }

    async fn write(&mut self, table: &Table, page: Page) -> StoreResult<()> {
        let own = self.tables.iter().find(|own| own.name == table.name);
        let own = own.ok_or_else(|| StoreError::Incompatible(format!("the target has no table `{}`", table.name)))?;
        let places = places(table, &own.columns)?;
        let marks = vec!["?"; own.columns.len()].join(", ");
        let mut text = format!("INSERT INTO {} ({}) VALUES ({marks})", quoted(&own.name), names(own));
        if SEEDED.contains(&own.name.as_str()) {
            let key = own.key.iter().map(|at| quoted(&own.columns[*at].name)).collect::<Vec<_>>().join(", ");
            let set = own.columns.iter().map(|column| format!("{0} = excluded.{0}", quoted(&column.name)));
            text += &format!(" ON CONFLICT ({key}) DO UPDATE SET {}", set.collect::<Vec<_>>().join(", "));
        }
        let mut statement = self.db.prepare_cached(&text).map_err(failed)?;
        for row in page.rows() {
            let cells = places.iter().map(|at| Bound(&row[*at]));
            statement.execute(params_from_iter(cells)).map_err(|error| refused(&own.name, error))?;
        }
        Ok(())
    }

    async fn finish(&mut self, counts: &Counts) -> StoreResult<()> {
        for text in COUNTERS {
            self.db.execute(text, []).map_err(failed)?;
        }
        self.require_counts(counts)?;
        self.db.execute_batch("COMMIT").map_err(failed)
    }
}

fn refused(table: &str, error: rusqlite::Error) -> StoreError {
    match failed(error) {
        StoreError::Conflict(text) => {
            StoreError::Conflict(format!("a row of table `{table}` is refused: {text}; nothing was changed"))
        }
        other => other,
    }
}

/// Writes all of a file, as it is at one moment, into a new one, while others read and write. The new file is on the disk
/// when this answers; until then it may be half a file.
///
/// # Errors
/// `Unavailable` when one of them cannot be opened, or written; `Incompatible` when it has not this Ork's schema.
pub fn backup(path: &Path, into: &Path) -> StoreResult<()> {
    let db = open_to_read(path)?;
    migrate::require_current(&db)?;
    let into_text = into.to_str().ok_or_else(|| {
        StoreError::Unavailable(format!("failed to write `{}`: the name is not UTF-8", into.display()))
    })?;
    let failed_there = |error| StoreError::Unavailable(format!("failed to write `{}`: {error}", into.display()));
    // It writes to the new file only; the connection is closed to everything else.
    db.execute_batch("PRAGMA query_only = OFF").map_err(failed)?;
    db.execute("VACUUM INTO ?1", [into_text]).map_err(|error| failed_there(error.to_string()))?;
    let file = std::fs::File::open(into).and_then(|file| file.sync_all());
    file.map_err(|error| failed_there(error.to_string()))
}

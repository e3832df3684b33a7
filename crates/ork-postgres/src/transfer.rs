//! All rows of a database, out of it and into it.
//!
//! Which tables there are, what their columns hold, and which must be filled before which, is read from the migrations; a
//! test compares it with the catalogue of a database.

use std::pin::Pin;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::WorkspaceId;
use ork_core::transfer::{
    Column, Counts, Kind, Page, Renumber, Row, SEEDED, Sink, Source, Table, Value, is_moved, is_one_sided,
    is_one_sided_column, places,
};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row as PgRow, RowStream};
use uuid::Uuid;

use crate::fault::Fault;
use crate::migrate;
use crate::pool::connect;
use crate::roles::ENGINE;
use crate::rows::Text;
use crate::store::{configure, with_settings};

/// The tables that this build's migrations make, as far as they are moved, each after those that it refers to.
#[must_use]
pub fn tables() -> Vec<Table> {
    let mut made = Made::default();
    for migration in migrate::migrations() {
        made.read(migration.sql().unwrap_or_default());
    }
    made.in_order()
}

/// What statements have made so far.
#[derive(Default)]
struct Made {
    /// Tables with what they refer to, in the order in which they were made.
    tables: Vec<(Table, Vec<String>)>,
}

impl Made {
    /// Reads the statements of a migration that make and change tables. Those of ours are plain: a column a line.
    fn read(&mut self, text: &str) {
        let bare: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap_or(line)).collect();
        for statement in bare.join("\n").split(';') {
            let statement = statement.trim();
            if let Some(rest) = statement.strip_prefix("CREATE TABLE ") {
                let (name, body) = rest.split_once('(').unwrap_or((rest, ""));
                self.create(name.trim(), body);
            } else if let Some(rest) = statement.strip_prefix("ALTER TABLE ") {
                let (name, body) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                for added in body.split("ADD COLUMN ").skip(1) {
                    self.add(name, added);
                }
                for dropped in body.split("DROP COLUMN ").skip(1) {
                    self.forget(name, dropped);
                }
                self.set_key(name, body);
            } else if let Some(name) = statement.strip_prefix("DROP TABLE ") {
                self.tables.retain(|(table, _)| table.name != name.trim());
            }
        }
    }

    fn create(&mut self, name: &str, body: &str) {
        self.tables.push((Table { name: name.to_owned(), columns: Vec::new(), key: Vec::new() }, Vec::new()));
        for line in body.lines().map(str::trim) {
            self.add(name, line);
            self.set_key(name, line);
        }
    }

    /// Takes the key that a line gives a table.
    fn set_key(&mut self, name: &str, line: &str) {
        let Some((_, rest)) = line.split_once("PRIMARY KEY (") else { return };
        let Some((table, _)) = self.tables.iter_mut().find(|(table, _)| table.name == name) else { return };
        let columns = rest.split(')').next().unwrap_or_default();
        table.key = columns.split(',').filter_map(|column| table.place(column.trim())).collect();
    }

    /// Adds a column, if it is one that the line begins with, and what the line refers to.
    fn add(&mut self, name: &str, line: &str) {
        let Some((table, parents)) = self.tables.iter_mut().find(|(table, _)| table.name == name) else { return };
        if let Some((_, rest)) = line.split_once("REFERENCES ") {
            parents.extend(rest.split_whitespace().next().map(str::to_owned));
        }
        let mut words = line.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
        let (Some(column), Some(word)) = (words.next(), words.next()) else { return };
        let is_name = column.starts_with(|c: char| c.is_ascii_lowercase());
        let Some(kind) = kind(word).filter(|_| is_name) else { return };
        table.columns.push(Column { name: column.to_owned(), kind });
        if line.contains("PRIMARY KEY") {
            table.key = vec![table.columns.len() - 1];
        }
    }

    fn forget(&mut self, name: &str, dropped: &str) {
        let column = dropped.split(|c: char| c.is_whitespace() || c == ',').next().unwrap_or_default();
        let found = self.tables.iter_mut().find(|(table, _)| table.name == name);
        if let Some((table, at)) = found.and_then(|(table, _)| table.place(column).map(|at| (table, at))) {
            table.columns.remove(at);
            table.key = table.key.iter().map(|key| key - usize::from(*key > at)).collect();
        }
    }

    fn in_order(self) -> Vec<Table> {
        let mut left = self.tables;
        left.retain(|(table, _)| is_moved(&table.name));
        let mut ordered: Vec<Table> = Vec::new();
        while !left.is_empty() {
            let is_left = |name: &String, own: &Table| *name != own.name && left.iter().any(|(t, _)| t.name == *name);
            let next = left.iter().position(|(own, parents)| !parents.iter().any(|name| is_left(name, own)));
            let (table, _) = left.remove(next.unwrap_or(0));
            ordered.push(moved(table));
        }
        ordered
    }
}

/// A table without the columns that SQLite lacks, which are never part of a key.
fn moved(mut table: Table) -> Table {
    let key: Vec<String> = table.key.iter().map(|at| table.columns[*at].name.clone()).collect();
    table.columns.retain(|column| !is_one_sided_column(&table.name, &column.name));
    table.key = key.iter().filter_map(|name| table.place(name)).collect();
    table
}

fn kind(word: &str) -> Option<Kind> {
    Some(match word {
        "bigint" | "integer" | "smallint" => Kind::Integer,
        "boolean" => Kind::Bool,
        "text" => Kind::Text,
        "json" => Kind::Json,
        "uuid" => Kind::Id,
        "bytea" => Kind::Bytes,
        "text[]" => Kind::Texts,
        "integer[]" => Kind::Integers,
        _ => return None,
    })
}

/// What a connection that moves rows is set to: nothing ends it while the other side is at work, and a table is read along its
/// key, so that it need not be sorted first.
const SETTINGS: &[(&str, &str)] = &[
    ("role", ENGINE),
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("lock_timeout", "20s"),
    ("jit", "off"),
    ("enable_sort", "off"),
    ("synchronous_commit", "on"),
];

async fn open(url: &str) -> StoreResult<Client> {
    let config = configure(url)?;
    let client = connect(&config).await.map_err(StoreError::Unavailable)?;
    migrate::require_current(&client).await?;
    connect(&with_settings(&config, SETTINGS)).await.map_err(StoreError::Unavailable)
}

fn failed(error: tokio_postgres::Error) -> StoreError {
    Fault::from(error).into_store()
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// A database to read from, as it is at this moment.
pub struct PgSource {
    client: Client,
    tables: Vec<Table>,
    /// The table that is being read, and what is left of it, if it is not over.
    at: Option<(String, Option<Pin<Box<RowStream>>>)>,
}

impl PgSource {
    /// Connects for reading, as the login that works on it.
    ///
    /// # Errors
    /// As [`crate::PgStore::connect`].
    pub async fn connect(url: &str) -> StoreResult<Self> {
        let client = open(url).await?;
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(failed)?;
        Ok(Self { client, tables: tables(), at: None })
    }
}

/// All rows of a table, as they come.
async fn select(client: &Client, table: &Table) -> StoreResult<Pin<Box<RowStream>>> {
    let columns = joined(table.columns.iter().map(|column| match column.kind {
        Kind::Integer => format!("{}::bigint", quoted(&column.name)),
        _ => quoted(&column.name),
    }));
    let key = joined(table.key.iter().map(|at| quoted(&table.columns[*at].name)));
    let text = format!("SELECT {columns} FROM {} ORDER BY {key}", quoted(&table.name));
    let none: [&(dyn ToSql + Sync); 0] = [];
    Ok(Box::pin(client.query_raw(text.as_str(), none).await.map_err(failed)?))
}

#[async_trait]
impl Source for PgSource {
    fn tables(&self) -> &[Table] {
        &self.tables
    }

    async fn feed_max(&mut self) -> StoreResult<i64> {
        let row = self.client.query_one("SELECT coalesce(max(feed), 0) FROM events", &[]).await.map_err(failed)?;
        Ok(row.get(0))
    }

    async fn next(&mut self, table: &Table) -> StoreResult<Page> {
        let mut rows = match self.at.take_if(|(name, _)| *name == table.name) {
            Some((_, Some(rows))) => rows,
            // A stream that has ended must not be asked again.
            Some((_, None)) => return Ok(Page::default()),
            None => select(&self.client, table).await?,
        };
        let mut page = Page::default();
        while !page.is_full() {
            let Some(row) = rows.try_next().await.map_err(failed)? else {
                self.at = Some((table.name.clone(), None));
                return Ok(page);
            };
            page.push(read(table, &row)?);
        }
        self.at = Some((table.name.clone(), Some(rows)));
        Ok(page)
    }
}

fn read(table: &Table, row: &PgRow) -> StoreResult<Row> {
    let cell = |(at, column): (usize, &Column)| {
        value(column.kind, row, at).map_err(|error| {
            let (table, column) = (&table.name, &column.name);
            StoreError::Incompatible(format!("table `{table}`, column `{column}`: {error}"))
        })
    };
    table.columns.iter().enumerate().map(cell).collect()
}

fn value(kind: Kind, row: &PgRow, at: usize) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
    let found = match kind {
        Kind::Integer => row.try_get::<_, Option<i64>>(at)?.map(Value::Integer),
        Kind::Bool => row.try_get::<_, Option<bool>>(at)?.map(Value::Bool),
        Kind::Text => row.try_get::<_, Option<String>>(at)?.map(Value::Text),
        Kind::Json => row.try_get::<_, Option<Text<'_>>>(at)?.map(|text| Value::Json(text.as_str().to_owned())),
        Kind::Id => row.try_get::<_, Option<Uuid>>(at)?.map(Value::Id),
        Kind::Bytes => row.try_get::<_, Option<Vec<u8>>>(at)?.map(Value::Bytes),
        Kind::Texts => list(row.try_get::<_, Option<Vec<String>>>(at)?)?,
        Kind::Integers => list(row.try_get::<_, Option<Vec<i32>>>(at)?)?,
    };
    Ok(found.unwrap_or(Value::Null))
}

fn list(items: Option<Vec<impl serde::Serialize>>) -> Result<Option<Value>, serde_json::Error> {
    items.map(|items| serde_json::to_string(&items).map(Value::Json)).transpose()
}

/// A database to write to, in one transaction.
pub struct PgSink {
    client: Client,
    tables: Vec<Table>,
    /// Where events go in the order of all.
    renumber: Renumber,
}

impl PgSink {
    /// Connects to a database that has this Ork's schema and no rows, as the login that works on it.
    ///
    /// # Errors
    /// As [`crate::PgStore::connect`].
    pub async fn connect(url: &str) -> StoreResult<Self> {
        Ok(Self { client: open(url).await?, tables: tables(), renumber: Renumber::new(0, 0) })
    }

    /// Nobody else changes anything until the end. Tables that may only be added to cannot be locked; whatever is in them
    /// belongs to a row of one that can.
    async fn lock(&self) -> StoreResult<()> {
        let mut lockable = Vec::new();
        for table in &self.tables {
            let name = quoted(&table.name);
            let row = self.client.query_one("SELECT has_table_privilege($1::text, 'UPDATE')", &[&name]).await;
            if row.map_err(failed)?.get(0) {
                lockable.push(name);
            }
        }
        let text = format!("LOCK TABLE {} IN EXCLUSIVE MODE", joined(lockable.into_iter()));
        self.client.batch_execute(&text).await.map_err(failed)
    }

    async fn require_empty(&self) -> StoreResult<()> {
        for table in &self.tables {
            let but = if table.name == "workspaces" { "id <> $1" } else { "$1::uuid IS NOT NULL" };
            let text = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE {but})", quoted(&table.name));
            let row = self.client.query_one(text.as_str(), &[&WorkspaceId::DEFAULT.uuid()]).await.map_err(failed)?;
            if row.get(0) && !is_one_sided(&table.name) {
                return Err(StoreError::Conflict(format!(
                    "the target is not empty: its table `{}` has rows; nothing was changed",
                    table.name
                )));
            }
        }
        Ok(())
    }

    async fn require_counts(&self, counts: &Counts) -> StoreResult<()> {
        for (name, moved) in counts {
            let text = format!("SELECT count(*) FROM {}", quoted(name));
            let found: i64 = self.client.query_one(text.as_str(), &[]).await.map_err(failed)?.get(0);
            if found.unsigned_abs() != *moved {
                return Err(StoreError::Conflict(format!(
                    "table `{name}` has {found} rows after {moved} were moved; nothing was changed"
                )));
            }
        }
        Ok(())
    }
}

/// A cell of an array of a statement's parameters, and what makes a column's own type of it.
fn parameter(column: &Column) -> (&'static str, String) {
    let name = format!("s.{}", quoted(&column.name));
    let elements = |cast: &str| {
        format!(
            "CASE WHEN {name} IS NOT NULL THEN
             ARRAY(SELECT e.item{cast} FROM json_array_elements_text({name}::json) WITH ORDINALITY AS e (item, at) ORDER BY e.at) END"
        )
    };
    match column.kind {
        Kind::Integer => ("bigint[]", name),
        Kind::Bool => ("boolean[]", name),
        Kind::Text => ("text[]", name),
        Kind::Json => ("text[]", format!("{name}::json")),
        Kind::Id => ("uuid[]", name),
        Kind::Bytes => ("bytea[]", name),
        Kind::Texts => ("text[]", elements("")),
        Kind::Integers => ("text[]", elements("::integer")),
    }
}

/// `COPY` would be faster, but PostgreSQL refuses it where row level security is on.
fn insert(table: &Table) -> String {
    let name = quoted(&table.name);
    let columns = joined(table.columns.iter().map(|column| quoted(&column.name)));
    let parameters: Vec<(&str, String)> = table.columns.iter().map(parameter).collect();
    let values = joined(parameters.iter().map(|(_, value)| value.clone()));
    let arrays = joined(parameters.iter().enumerate().map(|(at, (kind, _))| format!("${}::{kind}", at + 1)));
    let mut text = format!("INSERT INTO {name} ({columns}) SELECT {values} FROM unnest({arrays}) AS s ({columns})");
    if SEEDED.contains(&table.name.as_str()) {
        let key = joined(table.key.iter().map(|at| quoted(&table.columns[*at].name)));
        let set = joined(table.columns.iter().map(|column| format!("{0} = excluded.{0}", quoted(&column.name))));
        text += &format!(" ON CONFLICT ({key}) DO UPDATE SET {set}");
    }
    text
}

/// The cells of a column, as one parameter.
fn array<'a>(column: &Column, rows: &'a [Row], at: usize) -> StoreResult<Box<dyn ToSql + Sync + Send + 'a>> {
    let wrong = |value: &Value| {
        let (name, kind) = (&column.name, column.kind);
        StoreError::Incompatible(format!("column `{name}`: {value:?} is no {kind:?}"))
    };
    macro_rules! cells {
        ($pattern:pat => $cell:expr) => {
            Box::new(
                rows.iter()
                    .map(|row| match &row[at] {
                        Value::Null => Ok(None),
                        $pattern => Ok(Some($cell)),
                        other => Err(wrong(other)),
                    })
                    .collect::<StoreResult<Vec<_>>>()?,
            )
        };
    }
    Ok(match column.kind {
        Kind::Integer => cells!(Value::Integer(number) => *number),
        Kind::Bool => cells!(Value::Bool(yes) => *yes),
        Kind::Id => cells!(Value::Id(id) => *id),
        Kind::Bytes => cells!(Value::Bytes(bytes) => bytes.as_slice()),
        Kind::Text => cells!(Value::Text(text) => text.as_str()),
        Kind::Json | Kind::Texts | Kind::Integers => cells!(Value::Json(text) => text.as_str()),
    })
}

#[async_trait]
impl Sink for PgSink {
    fn tables(&self) -> Vec<String> {
        self.tables.iter().map(|table| table.name.clone()).collect()
    }

    async fn begin(&mut self, feed_max: i64) -> StoreResult<()> {
        self.client.batch_execute("BEGIN").await.map_err(failed)?;
        self.lock().await?;
        self.require_empty().await?;
        // Whatever is written later gets the id of a later transaction, and readers go no further than the oldest one that is
        // at work: so what comes with us must stand before our own id, whatever numbers it had.
        let row = self.client.query_one("SELECT pg_current_xact_id()::text::bigint", &[]).await.map_err(failed)?;
        let own: i64 = row.get(0);
        self.renumber = Renumber::new(feed_max, own - 1);
        Ok(())
    }

    async fn write(&mut self, table: &Table, page: Page) -> StoreResult<()> {
        let own = self.tables.iter().find(|own| own.name == table.name);
        let own = own.ok_or_else(|| StoreError::Incompatible(format!("the target has no table `{}`", table.name)))?;
        let places = places(table, &own.columns)?;
        let is_event = own.name == "events";
        let feeds = if is_event { renumbered(page.rows(), table, self.renumber) } else { Vec::new() };
        let mut params = Vec::with_capacity(places.len());
        for (column, at) in own.columns.iter().zip(places) {
            params.push(match column.name.as_str() {
                "feed" if is_event => array(column, &feeds, 0)?,
                _ => array(column, page.rows(), at)?,
            });
        }
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| &**param as &(dyn ToSql + Sync)).collect();
        self.client.execute(insert(own).as_str(), &params).await.map_err(|error| refused(&own.name, error))?;
        Ok(())
    }

    async fn finish(&mut self, counts: &Counts) -> StoreResult<()> {
        // A run's events never go back: its next one has at least this place, and as a rule that of its own transaction.
        let highest = self.renumber.highest();
        self.client.execute("UPDATE run_heads SET feed = $1", &[&highest]).await.map_err(failed)?;
        let sequence =
            "SELECT setval('ready_seq', greatest(1, (SELECT max(seq) FROM ready), (SELECT max(seq) FROM held)))";
        self.client.execute(sequence, &[]).await.map_err(failed)?;
        self.require_counts(counts).await?;
        self.client.batch_execute("COMMIT").await.map_err(failed)
    }
}

/// The places of events in the order of all, one cell a row.
fn renumbered(rows: &[Row], table: &Table, renumber: Renumber) -> Vec<Row> {
    let at = table.place("feed").unwrap_or_default();
    let place = |row: &Row| match row[at] {
        Value::Integer(feed) => vec![Value::Integer(renumber.place(feed))],
        ref other => vec![other.clone()],
    };
    rows.iter().map(place).collect()
}

fn refused(table: &str, error: tokio_postgres::Error) -> StoreError {
    match Fault::from(error).into_store() {
        StoreError::Incompatible(text) => {
            StoreError::Conflict(format!("a row of table `{table}` is refused: {text}; nothing was changed"))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_read_as_postgresql_reads_them() {
        let mut made = Made::default();
        made.read(
            "-- a; comment\nCREATE TABLE b (\n    id   uuid PRIMARY KEY, -- why\n    a_id uuid NOT NULL REFERENCES a (id),\n    kind text COLLATE \"C\" NOT NULL\n        CHECK (kind IN ('x', 'y')),\n    CHECK (kind > '')\n);\nCREATE TABLE a (\n    n integer NOT NULL,\n    id uuid NOT NULL,\n    gone text,\n    PRIMARY KEY (n, id)\n) WITH (fillfactor = 50);\nCREATE INDEX a_by_n ON a (n);",
        );
        made.read("ALTER TABLE a DROP COLUMN n_none, DROP COLUMN gone;\nALTER TABLE b\n    ADD COLUMN list text[],\n    ADD COLUMN at bigint;\nCREATE TABLE c (\n    id uuid PRIMARY KEY\n);\nDROP TABLE c;");
        let shown: Vec<String> = (made.in_order().iter())
            .map(|table| {
                let columns = joined(table.columns.iter().map(|column| format!("{} {:?}", column.name, column.kind)));
                format!("{} {:?}: {columns}", table.name, table.key)
            })
            .collect();
        assert_eq!(shown, ["a [0, 1]: n Integer, id Id", "b [0]: id Id, a_id Id, kind Text, list Texts, at Integer"]);
    }

    #[test]
    fn every_table_has_a_key() {
        let tables = tables();
        assert!(tables.len() > 20);
        for table in tables {
            assert!(!table.key.is_empty(), "{}", table.name);
        }
    }

    /// What each table's statement looks like does not matter; that a database takes it is seen by moving rows.
    #[test]
    fn lists_are_made_of_json() {
        let columns =
            vec![Column { name: "id".into(), kind: Kind::Id }, Column { name: "l".into(), kind: Kind::Texts }];
        let text = insert(&Table { name: "t".into(), columns, key: vec![0] });
        assert!(text.contains("unnest($1::uuid[], $2::text[])") && text.contains("json_array_elements_text"), "{text}");
    }
}

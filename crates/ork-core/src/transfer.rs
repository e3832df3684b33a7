//! Rows of any table on their way from one place to another: between the two databases, and files.
//!
//! What there is to move is read from the catalogues and not listed here, so that a table of a later migration cannot be
//! forgotten. A place is a [`Source`] that shows one state throughout, or a [`Sink`] that takes everything or nothing;
//! neither knows the other. What the two databases have not in common stands in this file, each with its reason.

use std::collections::BTreeMap;

use async_trait::async_trait;
use uuid::Uuid;

use crate::error::{StoreError, StoreResult};

/// What a column holds, as far as both databases mean the same by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number of up to 64 bits; a moment is one, in microseconds.
    Integer,
    /// Yes or no. SQLite stores 1 and 0.
    Bool,
    /// Text.
    Text,
    /// JSON, as text that is kept as it was given.
    Json,
    /// A UUID. SQLite stores its 16 bytes.
    Id,
    /// Bytes.
    Bytes,
    /// A list of texts. SQLite stores a JSON array.
    Texts,
    /// A list of whole numbers. SQLite stores a JSON array.
    Integers,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Nothing.
    Null,
    /// [`Kind::Bool`]
    Bool(bool),
    /// [`Kind::Integer`]
    Integer(i64),
    /// [`Kind::Text`]
    Text(String),
    /// [`Kind::Json`], and lists: JSON arrays as serde writes them.
    Json(String),
    /// [`Kind::Id`]
    Id(Uuid),
    /// [`Kind::Bytes`]
    Bytes(Vec<u8>),
}

impl Value {
    /// About how many bytes of memory it takes.
    #[must_use]
    pub const fn size(&self) -> usize {
        let beside = match self {
            Self::Text(text) | Self::Json(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Null | Self::Bool(_) | Self::Integer(_) | Self::Id(_) => 0,
        };
        size_of::<Self>() + beside
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// A table, as far as it is moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its primary key: places in `columns`. Rows come in its order.
    pub key: Vec<usize>,
}

impl Table {
    /// The place of a column.
    #[must_use]
    pub fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|own| own.name == column)
    }
}

/// A row: a value for each column of its table.
pub type Row = Vec<Value>;

/// Bytes of a page, about. It may be more by one row.
pub const PAGE_BYTES_MAX: usize = 4 << 20;
/// Rows of a page.
pub const PAGE_ROWS_MAX: usize = 5_000;

/// Rows of one table that are in memory at once.
#[derive(Debug, Default)]
pub struct Page {
    rows: Vec<Row>,
    size: usize,
}

impl Page {
    /// Adds a row.
    pub fn push(&mut self, row: Row) {
        self.size += row.iter().map(Value::size).sum::<usize>();
        self.rows.push(row);
    }

    /// Whether it is large enough to be handed on.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.size >= PAGE_BYTES_MAX || self.rows.len() >= PAGE_ROWS_MAX
    }

    /// Whether there is no row in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

/// Tables that stay where they are.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("duties", "which process has a duty at this moment: none of them works on the other database"),
    (
        "loose_blobs",
        "which bytes no artifact names: whoever noted that in one database has them removed by that one alone",
    ),
    (
        "refinery_schema_history",
        "each database has its own migrations, and both have all of them before rows are moved",
    ),
];

/// Tables that one database has alone. A sink that lacks one leaves its rows out; one that has it makes up for rows that
/// nobody brought.
pub const ONE_SIDED_TABLES: &[(&str, &str)] = &[
    ("counters", "SQLite counts what PostgreSQL has a sequence and ids of transactions for"),
    ("slot_keys", "rows that PostgreSQL locks to give out slots, made when they are first needed"),
];

/// Columns that one database has alone, which the sink fills in.
pub const ONE_SIDED_COLUMNS: &[(&str, &str, &str)] =
    &[("run_heads", "feed", "on PostgreSQL the place of a run's last event; SQLite has one writer and needs none")];

/// Tables of which a migrated database has rows already. Those are replaced.
pub const SEEDED: &[&str] = &["counters", "workspaces"];

/// Whether a table is moved at all.
#[must_use]
pub fn is_moved(table: &str) -> bool {
    !LEFT_OUT.iter().any(|(name, _)| *name == table)
}

/// Whether a table is one that only one of the databases has.
#[must_use]
pub fn is_one_sided(table: &str) -> bool {
    ONE_SIDED_TABLES.iter().any(|(name, _)| *name == table)
}

/// Whether a column is one that only one of the databases has.
#[must_use]
pub fn is_one_sided_column(table: &str, column: &str) -> bool {
    ONE_SIDED_COLUMNS.iter().any(|(own, name, _)| *own == table && *name == column)
}

/// Where rows come from: one state of it, whatever is written meanwhile.
#[async_trait]
pub trait Source: Send {
    /// Its tables.
    fn tables(&self) -> &[Table];

    /// The highest place in the order of all events (`events.feed`).
    ///
    /// # Errors
    /// When it cannot be read.
    async fn feed_max(&mut self) -> StoreResult<i64>;

    /// The next rows of a table in the order of its key; none at its end. Tables are read one after the other.
    ///
    /// # Errors
    /// When it cannot be read, or a row cannot be what Ork wrote.
    async fn next(&mut self, table: &Table) -> StoreResult<Page>;
}

/// Where rows go: all of them or, unless [`Sink::finish`] has answered, none.
#[async_trait]
pub trait Sink: Send {
    /// The names of its tables, in the order in which they are to be filled.
    fn tables(&self) -> Vec<String>;

    /// Told once, before the first row, of the highest place in the order of all events.
    ///
    /// # Errors
    /// When it is not empty, or cannot be written.
    async fn begin(&mut self, feed_max: i64) -> StoreResult<()>;

    /// Takes rows of a table, whose columns are those of the source.
    ///
    /// # Errors
    /// When it cannot be written, or has other columns.
    async fn write(&mut self, table: &Table, page: Page) -> StoreResult<()>;

    /// Makes it all true, if it has as many rows of each table as it was given.
    ///
    /// # Errors
    /// When it has not, or the end cannot be made durable: then nothing was changed, unless the answer was lost.
    async fn finish(&mut self, counts: &Counts) -> StoreResult<()>;
}

/// How many rows of each table.
pub type Counts = BTreeMap<String, u64>;

/// Moves everything. `told` hears of each page: the table, and how many of its rows were moved so far.
///
/// # Errors
/// When a side fails, or has tables or columns that the other has not and that are not in the tables above.
pub async fn copy(
    source: &mut dyn Source,
    sink: &mut dyn Sink,
    told: &mut (dyn FnMut(&str, u64) + Send),
) -> StoreResult<Counts> {
    let tables = in_order(source.tables(), &sink.tables())?;
    sink.begin(source.feed_max().await?).await?;
    let mut counts = Counts::new();
    for table in &tables {
        let mut count = 0;
        loop {
            let page = source.next(table).await?;
            if page.is_empty() {
                break;
            }
            count += page.rows().len() as u64;
            sink.write(table, page).await?;
            told(&table.name, count);
        }
        counts.insert(table.name.clone(), count);
    }
    sink.finish(&counts).await?;
    Ok(counts)
}

/// The source's tables that the sink has, as the sink wants them.
fn in_order(from: &[Table], to: &[String]) -> StoreResult<Vec<Table>> {
    let missing = |name: &str, side| StoreError::Incompatible(format!("the {side} has no table `{name}`"));
    if let Some(table) = from.iter().find(|table| !to.contains(&table.name) && !is_one_sided(&table.name)) {
        return Err(missing(&table.name, "target"));
    }
    let mut tables = Vec::new();
    for name in to {
        match from.iter().find(|table| table.name == *name) {
            Some(table) => tables.push(table.clone()),
            None if is_one_sided(name) => {}
            None => return Err(missing(name, "source")),
        }
    }
    Ok(tables)
}

/// Where the rows' cells stand that a sink's own columns want: for each of `own`, a place in the source's table.
///
/// # Errors
/// When one side has a column that the other has not and that is not in [`ONE_SIDED_COLUMNS`].
pub fn places(from: &Table, own: &[Column]) -> StoreResult<Vec<usize>> {
    let missing = |column: &str, side| {
        StoreError::Incompatible(format!("the {side} has no column `{column}` in its table `{}`", from.name))
    };
    let is_extra = |column: &&Column| !own.iter().any(|own| own.name == column.name);
    if let Some(column) = from.columns.iter().find(is_extra) {
        return Err(missing(&column.name, "target"));
    }
    own.iter().map(|own| from.place(&own.name).ok_or_else(|| missing(&own.name, "source"))).collect()
}

/// The places that events get in the order of all events of another database, where the highest that may be given is
/// `limit`. The order stays: nothing changes if there is room, and otherwise places are drawn together evenly. Then events of
/// different runs may come to share a place, and within one place the order is by run; those of a run stay in their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renumber {
    highest: i64,
    limit: i64,
}

impl Renumber {
    /// For places up to `highest`.
    #[must_use]
    pub const fn new(highest: i64, limit: i64) -> Self {
        Self { highest, limit }
    }

    /// The highest place that it gives.
    #[must_use]
    pub fn highest(self) -> i64 {
        self.place(self.highest)
    }

    /// The new place. What stands nowhere in the order, at 0, stays there.
    #[must_use]
    pub fn place(self, feed: i64) -> i64 {
        // Nothing is above the highest, unless somebody wrote it into a file.
        let feed = feed.min(self.highest);
        if feed <= 0 || self.highest <= self.limit {
            return feed;
        }
        let (feed, limit, highest) = (i128::from(feed), i128::from(self.limit.max(1)), i128::from(self.highest));
        i64::try_from(1 + (feed - 1) * (limit - 1) / (highest - 1).max(1)).unwrap_or(self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_drawn_together_only_where_there_is_no_room() {
        for feed in [0, 1, 77, 100] {
            assert_eq!(Renumber::new(100, 100).place(feed), feed);
        }
        for (highest, limit) in [(101, 100), (1_000_000, 700), (i64::MAX, 700), (2, 1)] {
            let renumber = Renumber::new(highest, limit);
            assert_eq!((renumber.place(0), renumber.place(1), renumber.place(highest)), (0, 1, limit));
            let feeds = (0..1_000).map(|n| 1 + (highest - 1) / 999 * n).map(|feed| renumber.place(feed));
            assert!(feeds.is_sorted());
        }
    }

    fn table(name: &str, columns: &[&str]) -> Table {
        let column = |name: &&str| Column { name: (*name).into(), kind: Kind::Text };
        Table { name: name.into(), columns: columns.iter().map(column).collect(), key: vec![0] }
    }

    #[test]
    fn what_one_side_lacks_is_named() {
        let check = |from: &[&str], to: &[&str], expected: &str| {
            let from: Vec<Table> = from.iter().map(|name| table(name, &["a"])).collect();
            let to: Vec<String> = to.iter().map(|name| (*name).to_owned()).collect();
            let found = in_order(&from, &to);
            let shown = match found {
                Ok(tables) => tables.into_iter().map(|table| table.name).collect::<Vec<_>>().join(" "),
                Err(error) => error.to_string(),
            };
            assert_eq!(shown, expected);
        };
        check(&["runs", "workspaces"], &["workspaces", "runs"], "workspaces runs");
        check(&["runs", "counters"], &["runs", "slot_keys"], "runs");
        check(&["runs", "secrets"], &["runs"], "the target has no table `secrets`");
        check(&["runs"], &["runs", "secrets"], "the source has no table `secrets`");
        let from = table("runs", &["a", "b"]);
        assert_eq!(places(&from, &table("runs", &["b", "a"]).columns), Ok(vec![1, 0]));
        let error = places(&from, &table("runs", &["a"]).columns).unwrap_err();
        assert_eq!(error.to_string(), "the target has no column `b` in its table `runs`");
        let error = places(&from, &table("runs", &["a", "b", "c"]).columns).unwrap_err();
        assert_eq!(error.to_string(), "the source has no column `c` in its table `runs`");
    }

    #[test]
    fn a_page_is_bounded_by_rows_and_by_bytes() {
        let mut page = Page::default();
        assert!(page.is_empty() && !page.is_full());
        page.push(vec![Value::Bytes(vec![0; PAGE_BYTES_MAX])]);
        assert!(page.is_full());
        let mut page = Page::default();
        (0..PAGE_ROWS_MAX).for_each(|_| page.push(vec![Value::Null]));
        assert!(page.is_full());
    }
}

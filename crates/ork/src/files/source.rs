//! A folder to read from.

use std::fs::{self, ReadDir};
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use ork_core::error::{StoreError, StoreResult};
use ork_core::transfer::{Page, Row, Source, Table};

use super::manifest::{MANIFEST, Manifest};
use super::{cell, name};

/// Bytes of one file: two values of the largest size, and the rest of a row.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// A folder that was finished.
pub struct FileSource {
    folder: PathBuf,
    manifest: Manifest,
    tables: Vec<Table>,
    /// The table that is being read, and what is left of it.
    at: Option<Reading>,
}

struct Reading {
    table: String,
    files: ReadDir,
    read: u64,
}

impl FileSource {
    /// Opens a folder. `known` are the tables that a database has.
    ///
    /// # Errors
    /// `Incompatible` when it was never finished, or something is in it that is not of an export.
    pub fn open(folder: &Path, known: &[Table]) -> StoreResult<Self> {
        let manifest = Manifest::read(folder)?;
        let is_known = |name: &str| manifest.tables.contains_key(name) && known.iter().any(|table| table.name == name);
        if let Some(name) = manifest.tables.keys().find(|name| !is_known(name)) {
            return Err(unknown(&folder.join(name)));
        }
        for entry in fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
            let entry = entry.map_err(|error| failed(folder, &error))?;
            let name = entry.file_name();
            if name != MANIFEST && !name.to_str().is_some_and(is_known) {
                return Err(unknown(&entry.path()));
            }
        }
        let tables = known.iter().filter(|table| manifest.tables.contains_key(&table.name)).cloned().collect();
        Ok(Self { folder: folder.to_owned(), manifest, tables, at: None })
    }

    fn reading(&mut self, table: &Table) -> StoreResult<Option<Reading>> {
        if let Some(reading) = self.at.take_if(|reading| reading.table == table.name) {
            return Ok(Some(reading));
        }
        let folder = self.folder.join(&table.name);
        match fs::read_dir(&folder) {
            Ok(files) => Ok(Some(Reading { table: table.name.clone(), files, read: 0 })),
            // A table without rows has no folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&folder, &error)),
        }
    }

    fn require_count(&self, table: &Table, read: u64) -> StoreResult<()> {
        let promised = self.manifest.tables.get(&table.name).copied().unwrap_or_default();
        if read == promised {
            return Ok(());
        }
        let folder = self.folder.join(&table.name);
        Err(StoreError::Incompatible(format!(
            "`{}` has {read} files, and `{}` says {promised}; nothing was changed",
            folder.display(),
            self.folder.join(MANIFEST).display()
        )))
    }
}

fn failed(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("failed to read `{}`: {error}", path.display()))
}

fn unknown(path: &Path) -> StoreError {
    StoreError::Incompatible(format!("`{}` is not of an export; nothing was changed", path.display()))
}

/// The row of a file.
fn row(table: &Table, path: &Path) -> StoreResult<Row> {
    let size = fs::symlink_metadata(path).map_err(|error| failed(path, &error))?;
    if !size.is_file() || path.extension().is_none_or(|ending| ending != "json") {
        return Err(unknown(path));
    }
    let broken = |why: String| StoreError::Incompatible(format!("{}:{why}; nothing was changed", path.display()));
    if size.len() > FILE_BYTES_MAX {
        return Err(broken(format!("1:1: {} bytes, and at most {FILE_BYTES_MAX} are read", size.len())));
    }
    let bytes = fs::read(path).map_err(|error| failed(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| broken(format!("1:1: {error}")))?;
    let row = cell::read(table, &text).map_err(broken)?;
    let own = name::of(table, &row);
    if path.file_name().is_none_or(|name| name != own.as_str()) {
        return Err(broken(format!("1:1: what is in it belongs into `{own}`")));
    }
    Ok(row)
}

#[async_trait]
impl Source for FileSource {
    fn tables(&self) -> &[Table] {
        &self.tables
    }

    async fn feed_max(&mut self) -> StoreResult<i64> {
        Ok(self.manifest.feed_max)
    }

    async fn next(&mut self, table: &Table) -> StoreResult<Page> {
        let Some(mut reading) = self.reading(table)? else {
            self.require_count(table, 0)?;
            return Ok(Page::default());
        };
        let mut page = Page::default();
        while !page.is_full() {
            let Some(entry) = reading.files.next() else { break };
            let path = entry.map_err(|error| failed(&self.folder, &error))?.path();
            page.push(row(table, &path)?);
            reading.read += 1;
        }
        if page.is_empty() {
            self.require_count(table, reading.read)?;
        } else {
            self.at = Some(reading);
        }
        Ok(page)
    }
}

//! A folder to write to.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use ork_core::error::{StoreError, StoreResult};
use ork_core::transfer::{Counts, Page, Sink, Table};

use super::manifest::{MANIFEST, Manifest};
use super::{cell, name};

/// A folder that appears under its name when everything is in it. Until then it has another name beside it, and what is
/// left of a process that died can be removed.
pub struct FileSink {
    folder: PathBuf,
    part: PathBuf,
    tables: Vec<Table>,
    feed_max: i64,
}

impl FileSink {
    /// A folder that does not exist, or is empty.
    pub fn new(folder: &Path, tables: Vec<Table>) -> Self {
        let mut part = folder.as_os_str().to_owned();
        part.push(format!(".part-{}", std::process::id()));
        Self { folder: folder.to_owned(), part: part.into(), tables, feed_max: 0 }
    }

    fn require_free(&self) -> StoreResult<()> {
        match fs::read_dir(&self.folder).map(|mut found| found.next().is_none()) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let folder = self.folder.display();
                Err(StoreError::Conflict(format!("the folder `{folder}` is not empty; nothing was changed")))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(&self.folder, &error)),
        }
    }
}

impl Drop for FileSink {
    fn drop(&mut self) {
        // After a finish there is none.
        fs::remove_dir_all(&self.part).ok();
    }
}

fn failed(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("failed to write `{}`: {error}", path.display()))
}

#[async_trait]
impl Sink for FileSink {
    fn tables(&self) -> Vec<String> {
        self.tables.iter().map(|table| table.name.clone()).collect()
    }

    async fn begin(&mut self, feed_max: i64) -> StoreResult<()> {
        self.require_free()?;
        self.feed_max = feed_max;
        if let Some(parent) = self.part.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
        }
        fs::create_dir(&self.part).map_err(|error| failed(&self.part, &error))
    }

    async fn write(&mut self, table: &Table, page: Page) -> StoreResult<()> {
        let folder = self.part.join(&table.name);
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, &error))?;
        for row in page.rows() {
            let path = folder.join(name::of(table, row));
            // Two rows of one name would be one file.
            let made = File::create_new(&path)
                .and_then(|mut file| io::Write::write_all(&mut file, cell::write(table, row).as_bytes()));
            made.map_err(|error| failed(&path, &error))?;
        }
        Ok(())
    }

    async fn finish(&mut self, counts: &Counts) -> StoreResult<()> {
        let path = self.part.join(MANIFEST);
        let text = Manifest::new(self.feed_max, counts.clone()).text()?;
        fs::write(&path, text).map_err(|error| failed(&path, &error))?;
        // One call for all of it: a sync a file would take an hour for a million.
        let on_disk = File::open(&self.part).and_then(|folder| Ok(rustix::fs::syncfs(&folder)?));
        on_disk.map_err(|error| failed(&self.part, &error))?;
        fs::rename(&self.part, &self.folder).map_err(|error| failed(&self.folder, &error))?;
        let parent = self.folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(|error| failed(parent, &error))
    }
}

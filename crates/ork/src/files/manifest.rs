//! What a folder of rows holds: written last, so that a folder without it was never finished.

use std::fs;
use std::path::Path;

use ork_core::error::{StoreError, StoreResult};
use ork_core::transfer::Counts;
use serde::{Deserialize, Serialize};

use crate::database::schema_version;

/// Its file.
pub const MANIFEST: &str = "manifest.json";

/// The form of these files; another number is another form.
const VERSION: u32 = 1;

/// What is in a folder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of the files.
    version: u32,
    /// The Ork that wrote it.
    ork: String,
    /// The schema of the database that it is of: the number of its last migration.
    schema: u32,
    /// The highest place in the order of all events.
    pub feed_max: i64,
    /// How many files there are in each folder.
    pub tables: Counts,
}

impl Manifest {
    pub fn new(feed_max: i64, tables: Counts) -> Self {
        Self { version: VERSION, ork: crate::VERSION.into(), schema: schema_version(), feed_max, tables }
    }

    pub fn text(&self) -> StoreResult<String> {
        let text = serde_json::to_string_pretty(self);
        text.map(|text| text + "\n").map_err(|e| StoreError::Conflict(format!("failed to encode: {e}")))
    }

    /// Reads that of a folder.
    ///
    /// # Errors
    /// `Incompatible` when there is none, it is broken, or of another form or schema.
    pub fn read(folder: &Path) -> StoreResult<Self> {
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(|error| {
            let why = format!("failed to read `{}`: {error}", path.display());
            StoreError::Incompatible(format!("{why}; the folder is no export, or one that was never finished"))
        })?;
        let found: Self = serde_json::from_str(&text)
            .map_err(|error| StoreError::Incompatible(format!("failed to read `{}`: {error}", path.display())))?;
        let own = schema_version();
        if found.version != VERSION || found.schema != own {
            return Err(StoreError::Incompatible(format!(
                "`{}` is of form {} and schema {}, and this Ork reads form {VERSION} and schema {own}: import it with Ork {}, \
                 migrate that database, and export it anew",
                path.display(),
                found.version,
                found.schema,
                found.ork
            )));
        }
        Ok(found)
    }
}

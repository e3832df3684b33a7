//! What every command has in hand.

use std::sync::Arc;

use anyhow::Result;
use ork_core::clock::{Clock, Timestamp};
use ork_core::event::Actor;
use ork_core::id::{RunId, WorkspaceId};
use ork_core::limits::PAGE_MAX;
use ork_core::store::{Scope, Store, TaskFilter, TaskRow};
use ork_engine::DatabaseClock;

use crate::config::Config;
use crate::database::Database;
use crate::entropy::OsEntropy;
use crate::exit_code::Refusal;
use crate::host;
use crate::output::Output;

/// The tenant of a command line: a database that has others is theirs to see by other means.
pub const SCOPE: Scope = Scope::One(WorkspaceId::DEFAULT);

/// An open database with its time.
#[derive(Clone)]
pub struct World {
    pub out: Output,
    pub database: Database,
    /// Whether another command line finds it only if it is told.
    is_named: bool,
    pub store: Arc<dyn Store>,
    /// Which file it was when it was opened.
    file: Option<(u64, u64)>,
    pub clock: Arc<DatabaseClock>,
}

impl World {
    /// Opens the database, which is made if it is an SQLite file that does not exist.
    pub async fn open(out: Output, config: &Config) -> Result<Self> {
        let database = config.database()?;
        let store = database.open().await?;
        Self::with(out, config, database, store).await
    }

    /// Opens the database; `None` when nothing was ever written to it.
    pub async fn open_existing(out: Output, config: &Config) -> Result<Option<Self>> {
        let database = config.database()?;
        match database.open_existing().await? {
            Some(store) => Ok(Some(Self::with(out, config, database, store).await?)),
            None => Ok(None),
        }
    }

    /// Opens a database that must be there.
    pub async fn find(out: Output, config: &Config) -> Result<Self> {
        let found = Self::open_existing(out, config).await?;
        let Some(world) = found else {
            let message = format!("there is no run yet: `{}` does not exist", config.database()?.place());
            return Err(Refusal::no_match(message).hint("ork run FILE").into());
        };
        Ok(world)
    }

    async fn with(out: Output, config: &Config, database: Database, store: Arc<dyn Store>) -> Result<Self> {
        let clock = DatabaseClock::local();
        clock.follow(store.as_ref()).await?;
        let (is_named, file) = (config.is_database_named(), database.file());
        Ok(Self { out, database, is_named, store, file, clock: Arc::new(clock) })
    }

    /// Whether another file is at the path of the database than the one that is open, or none.
    pub fn is_removed(&self) -> bool {
        self.file != self.database.file()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// All tasks of a run, by number.
    pub async fn tasks(&self, run: RunId) -> Result<Vec<TaskRow>> {
        let mut tasks = Vec::new();
        let mut filter = TaskFilter { limit: PAGE_MAX, ..TaskFilter::default() };
        loop {
            let page = self.store.tasks(SCOPE, run, &filter).await?;
            filter.after = page.last().map(|task| task.task.n);
            let is_last = page.len() < PAGE_MAX as usize;
            tasks.extend(page);
            if is_last {
                return Ok(tasks);
            }
        }
    }

    pub fn new_run_id(&self) -> RunId {
        RunId::new(self.now(), &mut OsEntropy)
    }

    /// Who does what this command does.
    pub fn actor(&self) -> Actor {
        Actor::user(&host::user())
    }

    /// The rest of a command line that would find the same database again.
    pub fn flags(&self) -> String {
        match &self.database {
            _ if !self.is_named => String::new(),
            Database::Sqlite(_) => format!(" --database {}", self.database),
            // With a password it would not be shown whole, and then it is no use.
            Database::Postgres(_) => " --database URL".to_owned(),
        }
    }
}

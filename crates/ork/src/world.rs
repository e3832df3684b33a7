//! What every command has in hand.

use std::sync::{Arc, LazyLock};

use anyhow::Result;
use ork_core::blobs::Blobs;
use ork_core::clock::{Clock, Timestamp};
use ork_core::event::Actor;
use ork_core::id::{RunId, WorkspaceId};
use ork_core::store::{Scope, Store, WorkerRow};
use ork_engine::{DatabaseClock, EngineConfig, Liveness};
use ork_http::Egress;
use ork_logs::Reader;
use ork_server::{Lives, Look};
use ork_vault::Vault;

use crate::config::{Config, Origin, WORKSPACE};
use crate::database::Database;
use crate::entropy::OsEntropy;
use crate::exit_code::Refusal;
use crate::files::keep_projected;
use crate::history::History;
use crate::host;
use crate::liveness::LockFiles;
use crate::output::Output;
use crate::secret_key::Source;

/// The workspace whose runs a command line makes and sees.
///
/// # Errors
/// When there is no workspace of that name.
pub async fn workspace(store: &dyn Store, config: &Config) -> Result<WorkspaceId> {
    let name = config.workspace()?.text;
    if name == WORKSPACE.default {
        return Ok(WorkspaceId::DEFAULT);
    }
    let Some(found) = store.workspace_by_name(Scope::All, &name).await? else {
        return Err(Refusal::no_match(format!("there is no workspace `{name}`")).hint("ork workspaces list").into());
    };
    Ok(found.id)
}

/// An open database with its time.
#[derive(Clone)]
pub struct World {
    pub out: Output,
    pub database: Database,
    /// What another command line must be told to find it.
    flags: String,
    pub store: Arc<dyn Store>,
    /// Whose runs.
    pub workspace: WorkspaceId,
    /// Which file it was when it was opened.
    file: Option<(u64, u64)>,
    pub clock: Arc<DatabaseClock>,
    /// Whether a worker lives, as far as can be told from here.
    pub lives: Arc<Lives>,
    /// Where the keys of the installation come from.
    pub keys: Source,
    /// What seals and opens secrets.
    pub vault: Arc<Vault>,
    /// What may be reached of webhooks and models although it is not public.
    pub egress: Egress,
    /// What says where the bytes of artifacts are.
    config: Config,
}

impl World {
    /// Opens the database, which is made if it is an SQLite file that does not exist.
    pub async fn open(out: Output, config: &Config) -> Result<Self> {
        let database = config.database()?;
        let store = database.open().await?;
        keep_projected(&database);
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

    /// What commands ask of it.
    pub fn history(&self) -> History {
        History::of(self)
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

    /// Opens the database for a quick look: nothing is made, brought up to date or waited for.
    pub async fn peek(out: Output, config: &Config) -> Result<Option<Self>> {
        let database = config.database()?;
        match database.open_to_read().await? {
            Some(store) => Ok(Some(Self::with(out, config, database, store).await?)),
            None => Ok(None),
        }
    }

    async fn with(out: Output, config: &Config, database: Database, store: Arc<dyn Store>) -> Result<Self> {
        let clock = DatabaseClock::local();
        clock.follow(store.as_ref()).await?;
        let mut flags = match &database {
            _ if !config.is_database_named() => String::new(),
            Database::Sqlite(_) | Database::Files(_) => format!(" --database {database}"),
            // With a password it would not be shown whole, and then it is no use.
            Database::Postgres(_) => " --database URL".to_owned(),
        };
        let named = config.workspace()?;
        if matches!(named.origin, Origin::Flag(_)) {
            flags += &format!(" --workspace {}", named.text);
        }
        let workspace = workspace(store.as_ref(), config).await?;
        let lives = lives(database.clone());
        let keys = Source::locate(None, config, &database)?;
        let vault = Arc::new(keys.clone().vault());
        let egress = config.egress()?;
        let file = database.file();
        let config = config.clone();
        Ok(Self {
            config,
            keys,
            vault,
            egress,
            out,
            flags,
            database,
            store,
            workspace,
            file,
            clock: Arc::new(clock),
            lives,
        })
    }

    /// Whether another file is at the path of the database than the one that is open, or none.
    pub fn is_removed(&self) -> bool {
        self.file != self.database.file()
    }

    /// Where the bytes of artifacts are. Nothing is asked of it before it is used.
    ///
    /// # Errors
    /// When the setting names no place, or the variables of its provider do not go together.
    pub fn blobs(&self) -> Result<Arc<dyn Blobs>> {
        let wrong =
            |why| Refusal::usage(why).hint("--artifacts file:PATH, or see the page `Artifact store` of the book");
        Ok(ork_blobs::open(&self.config.artifacts()?.text).map_err(wrong)?)
    }

    /// What reads logs. Where the artifact store cannot be opened, those that are in it cannot be read.
    pub fn log_reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.store), self.blobs().ok(), self.scope())
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn new_run_id(&self) -> RunId {
        RunId::new(self.now(), &mut OsEntropy)
    }

    /// Whose rows.
    pub const fn scope(&self) -> Scope {
        Scope::One(self.workspace)
    }

    /// Who does what this command does.
    pub fn actor(&self) -> Actor {
        Actor::user(&host::user())
    }

    /// The rest of a command line that would find the same database again.
    pub fn flags(&self) -> String {
        self.flags.clone()
    }

    /// The store as this command sees it.
    pub fn look(&self) -> Look<'_> {
        Look {
            store: self.store.as_ref(),
            scope: self.scope(),
            only_owner: None,
            now: self.now(),
            lives: self.lives.as_ref(),
            flags: &self.flags,
        }
    }
}

/// By the lock of its process on this machine, by its heartbeat elsewhere. Most commands never ask.
fn lives(database: Database) -> Arc<Lives> {
    let locks = LazyLock::new(move || database.locks().ok().map(|folder| LockFiles::new(folder, host::identity())));
    let ttl_ms = EngineConfig::default().lease_ttl_ms;
    Arc::new(move |worker: &WorkerRow, now| {
        let is_dead = locks.as_ref().and_then(|locks| locks.is_dead(&worker.host, worker.id));
        is_dead.map_or_else(|| now.since_ms(worker.heartbeat_at) <= ttl_ms, |is_dead| !is_dead)
    })
}

//! Which database, and where on this machine the things lie that belong to it. The only place that names drivers.

use std::fmt;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use ork_core::error::{StoreError, StoreResult};
use ork_core::store::Store;
use ork_core::transfer::{Column, Kind, Sink, Source, Table};
use ork_postgres::{PgOptions, PgSink, PgSource, PgStore, Verified};
pub use ork_sqlite::SqliteSource as Rows;
use ork_sqlite::{SqliteOptions, SqliteSink, SqliteStore};
use rustix::fs::{Access, access};
use rustix::io::Errno;

use crate::exit_code::{Exit, Refusal};
use crate::files::{FileSource, MANIFEST};

/// A database, by its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// `sqlite:PATH`
    Sqlite(PathBuf),
    /// `files:DIR`: an SQLite file, whose path this is, and beside it its rows as JSON files.
    Files(PathBuf),
    /// `postgres://…`
    Postgres(String),
}

/// What helps when a file cannot be where it should be.
const ELSEWHERE: &str = "--database sqlite:PATH";

/// Where a driver's words about the repair begin, after those about what is wrong.
const HINT: &str = " (hint: ";

/// A migration of this build.
pub struct Migration {
    pub version: u32,
    pub name: String,
    pub is_applied: bool,
}

impl Database {
    /// The database that a URL names; without one, the user's own.
    ///
    /// # Errors
    /// When it is no URL of a database that this build knows.
    pub fn locate(url: Option<&str>) -> Result<Self> {
        let Some(url) = url.filter(|url| !url.is_empty()) else {
            return Ok(Self::Sqlite(data_home()?.join("ork.db")));
        };
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(Refusal::usage("the database URL `sqlite:` names no file").hint("sqlite:PATH").into());
            }
            return Ok(Self::Sqlite(std::path::absolute(path)?));
        }
        if let Some(folder) = url.strip_prefix("files:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            if folder.is_empty() {
                return Err(Refusal::usage("the database URL `files:` names no folder").hint("files:DIR").into());
            }
            return Ok(Self::Files(std::path::absolute(folder)?.join("ork.db")));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        let shown = without_password(url);
        let hint = "sqlite:PATH for one machine, postgres://USER@HOST/NAME for many, files:DIR to see rows as files";
        Err(Refusal::usage(format!("`{shown}` is not the URL of a database")).hint(hint).into())
    }

    /// The folder where the bytes of its artifacts are, unless somebody says otherwise: beside a file, else at home.
    ///
    /// # Errors
    /// When there is no home.
    pub fn artifacts(&self) -> Result<PathBuf> {
        match self {
            Self::Sqlite(path) | Self::Files(path) => Ok(beside(path, "-artifacts")),
            Self::Postgres(_) => Ok(data_home()?.join("artifacts")),
        }
    }

    /// Opens it for work: SQLite is made and brought up to date by itself, PostgreSQL must be.
    ///
    /// # Errors
    /// When it cannot be reached, is behind, or was written by a newer version, and when PostgreSQL's policies do not bind the
    /// login.
    pub async fn open(&self) -> Result<Arc<dyn Store>> {
        match self {
            Self::Sqlite(path) | Self::Files(path) => {
                make_private(path.parent().unwrap_or(Path::new(".")))?;
                self.open_sqlite(path).await
            }
            Self::Postgres(url) => {
                let connected = PgStore::connect(url, PgOptions::default()).await;
                let store = connected.map_err(|error| self.explain(error))?;
                Ok(Arc::new(store))
            }
        }
    }

    /// Opens it for reading; `None` when nothing was ever written to it.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_existing(&self) -> Result<Option<Arc<dyn Store>>> {
        match self {
            Self::Sqlite(path) | Self::Files(path) if !path.try_exists().unwrap_or(true) => Ok(None),
            // A history that may only be read can be: whatever would write to it fails.
            Self::Sqlite(path) | Self::Files(path) if !may_write(path) => self.open_to_read().await,
            Self::Sqlite(path) | Self::Files(path) => self.open_sqlite(path).await.map(Some),
            Self::Postgres(_) => self.open().await.map(Some),
        }
    }

    /// Opens it for a quick look: nothing is made, brought up to date or waited for. `None` as for
    /// [`Self::open_existing`].
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_to_read(&self) -> Result<Option<Arc<dyn Store>>> {
        match self {
            Self::Sqlite(path) | Self::Files(path) if !path.try_exists().unwrap_or(true) => Ok(None),
            Self::Sqlite(path) | Self::Files(path) => {
                Ok(Some(Arc::new(SqliteStore::open_to_read(path).map_err(elsewhere)?)))
            }
            Self::Postgres(_) => self.open().await.map(Some),
        }
    }

    async fn open_sqlite(&self, path: &Path) -> Result<Arc<dyn Store>> {
        let path = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&path, &SqliteOptions::default())).await?;
        Ok(Arc::new(opened.map_err(elsewhere)?))
    }

    /// What a store's own words cannot know: which command line repairs it.
    fn explain(&self, error: StoreError) -> anyhow::Error {
        let message = without_password(&error.to_string());
        match error {
            StoreError::Incompatible(_) if message.contains(HINT) => {
                let (message, hint) = message.split_once(HINT).unwrap_or_default();
                Refusal::usage(message).hint(hint.trim_end_matches(')')).into()
            }
            StoreError::Incompatible(text) if !text.contains("newer") => {
                Refusal::usage(message).hint("ork db migrate").into()
            }
            StoreError::Unavailable(_) => Refusal::new(Exit::Unreachable, message)
                .hint(format!("is {self} running, and reachable from here?"))
                .into(),
            other => other.into(),
        }
    }

    /// Applies what is missing, and says what that was.
    ///
    /// # Errors
    /// When it cannot be reached, or was written by a newer version.
    pub async fn migrate(&self) -> Result<Vec<String>> {
        match self {
            Self::Sqlite(path) | Self::Files(path) => {
                make_private(path.parent().unwrap_or(Path::new(".")))?;
                let path = path.clone();
                blocking(move || ork_sqlite::migrate(&path)).await
            }
            Self::Postgres(url) => ork_postgres::migrate(url).await.map_err(|error| self.explain(error)),
        }
    }

    /// Every migration of this build, and whether it is applied. Empty when there is no database yet.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn migrations(&self) -> Result<Vec<Migration>> {
        match self {
            Self::Sqlite(path) | Self::Files(path) => {
                if !path.try_exists()? {
                    return Ok(Vec::new());
                }
                let path = path.clone();
                let found = blocking(move || ork_sqlite::migration_state(&path)).await?;
                let known = found.into_iter();
                Ok(known.map(|m| Migration { version: m.version, name: m.name, is_applied: m.applied }).collect())
            }
            Self::Postgres(url) => {
                let found = ork_postgres::migration_state(url).await.map_err(|error| self.explain(error))?;
                let known = found.into_iter();
                Ok(known.map(|m| Migration { version: m.version, name: m.name, is_applied: m.applied }).collect())
            }
        }
    }

    /// What is wrong with the database itself, apart from the runs in it. `None` when there is none yet.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn verify(&self) -> Result<Option<Verified>> {
        match self {
            Self::Sqlite(path) | Self::Files(path) => {
                if !path.try_exists()? {
                    return Ok(None);
                }
                let path = path.clone();
                let problems = blocking(move || ork_sqlite::verify(&path)).await?;
                Ok(Some(Verified { problems, unchecked: None }))
            }
            Self::Postgres(url) => ork_postgres::verify(url).await.map(Some).map_err(|error| self.explain(error)),
        }
    }

    /// The folder of the locks of its workers on this machine. Beside an SQLite file, under its name, as SQLite's own
    /// `-wal` is; for PostgreSQL in a folder of the user's that no reboot survives.
    ///
    /// # Errors
    /// When that folder belongs to somebody else.
    pub fn locks(&self) -> Result<PathBuf> {
        match self {
            Self::Sqlite(path) | Self::Files(path) => Ok(beside(path, "-workers")),
            Self::Postgres(_) => Ok(runtime_folder()?.join("workers")),
        }
    }

    /// Makes this process the one server of the database on this machine, until the file is dropped. SQLite has one,
    /// PostgreSQL as many as there are.
    ///
    /// # Errors
    /// When there is another one.
    pub fn serve_alone(&self) -> Result<Option<File>> {
        let (Self::Sqlite(path) | Self::Files(path)) = self else { return Ok(None) };
        let lock = beside(path, "-server");
        let file = File::options().create(true).truncate(false).write(true).open(&lock);
        let file = file.with_context(|| format!("failed to open `{}`", lock.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => {
                let message = format!("another `ork serve` has `{}`", path.display());
                Err(Refusal::usage(message).hint("use that one, or PostgreSQL for several servers").into())
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("failed to lock `{}`", lock.display()))
            }
        }
    }

    /// Which file is at its path; `None` for a server, and where there is none.
    pub fn file(&self) -> Option<(u64, u64)> {
        let (Self::Sqlite(path) | Self::Files(path)) = self else { return None };
        fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
    }

    /// Where the key of its secrets is, unless somebody says otherwise: beside an SQLite file, under its name; for
    /// PostgreSQL with the user's data.
    ///
    /// # Errors
    /// When the user has no folder for data.
    pub fn secret_key(&self) -> Result<PathBuf> {
        match self {
            Self::Sqlite(path) | Self::Files(path) => Ok(beside(path, "-secret.key")),
            Self::Postgres(_) => {
                let home = data_home()?;
                make_private(&home)?;
                Ok(home.join("secret.key"))
            }
        }
    }

    /// Where attempts have their folders.
    ///
    /// # Errors
    /// When the user has no folder for data.
    pub fn work_root(&self) -> Result<PathBuf> {
        match self {
            Self::Sqlite(path) | Self::Files(path) => Ok(beside(path, "-work")),
            Self::Postgres(_) => {
                let home = data_home()?;
                make_private(&home)?;
                Ok(home.join("work"))
            }
        }
    }

    /// Where outcomes wait while it is away, which no reboot may take. `None` for SQLite: what keeps its file from being
    /// written keeps the disk beside it as well.
    ///
    /// # Errors
    /// When the user has no folder for data.
    pub fn spool(&self) -> Result<Option<PathBuf>> {
        let Self::Postgres(_) = self else { return Ok(None) };
        let home = data_home()?;
        make_private(&home)?;
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
        Ok(Some(home.join("spool").join(self.to_string().chars().map(plain).collect::<String>())))
    }
}

/// As people may see it: an SQLite database is its file, a password is left out.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Files(path) => write!(f, "files:{}", path.parent().unwrap_or(path).display()),
            Self::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

impl Database {
    /// Where the history is, for people.
    pub fn place(&self) -> String {
        match self {
            Self::Sqlite(path) | Self::Files(path) => path.display().to_string(),
            Self::Postgres(_) => self.to_string(),
        }
    }

    /// The folder in which its rows are files as well.
    pub fn projected(&self) -> Option<&Path> {
        let Self::Files(path) = self else { return None };
        path.parent()
    }

    /// Its rows as they are at this moment, if it is a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn rows(&self) -> Result<Rows> {
        match self {
            Self::Sqlite(path) | Self::Files(path) => Ok(Rows::open(path, &ork_postgres::tables()).map_err(elsewhere)?),
            Self::Postgres(_) => Err(Refusal::usage(format!("{self} is no file")).into()),
        }
    }

    /// Whether it was ever written to.
    fn exists(&self) -> bool {
        match self {
            Self::Sqlite(path) | Self::Files(path) => path.try_exists().unwrap_or(true),
            Self::Postgres(_) => true,
        }
    }

    /// Opens it to take all rows out of it, as it is at this moment.
    ///
    /// # Errors
    /// As [`Self::open`], and when nothing was ever written to it.
    pub async fn source(&self) -> Result<Box<dyn Source>> {
        match self {
            Self::Files(path) if !self.exists() && path.with_file_name(MANIFEST).exists() => {
                Ok(Box::new(FileSource::open(path.parent().unwrap_or(path), &tables())?))
            }
            _ if !self.exists() => Err(Refusal::no_match(format!("`{}` does not exist", self.place())).into()),
            Self::Sqlite(_) | Self::Files(_) => Ok(Box::new(self.rows()?)),
            Self::Postgres(url) => {
                let source = PgSource::connect(url).await.map_err(|error| self.explain(error))?;
                Ok(Box::new(source))
            }
        }
    }

    /// Opens it to put all rows into it: an SQLite file is made, PostgreSQL must be migrated.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn sink(&self) -> Result<Box<dyn Sink>> {
        match self {
            Self::Sqlite(path) | Self::Files(path) => {
                self.migrate().await?;
                Ok(Box::new(SqliteSink::open(path, &ork_postgres::tables()).map_err(elsewhere)?))
            }
            Self::Postgres(url) => {
                let sink = PgSink::connect(url).await.map_err(|error| self.explain(error))?;
                Ok(Box::new(sink))
            }
        }
    }

    /// Writes all of an SQLite file into a new one, as it is at one moment. Answers whether it is one.
    ///
    /// # Errors
    /// When one of them cannot be opened, or written.
    pub async fn back_up(&self, into: &Path) -> Result<bool> {
        let (Self::Sqlite(path) | Self::Files(path)) = self else { return Ok(false) };
        let (path, into) = (path.clone(), into.to_owned());
        blocking(move || ork_sqlite::backup(&path, &into)).await?;
        Ok(true)
    }
}

/// The tables of a folder of files: those that both databases have, and SQLite's counters.
pub fn tables() -> Vec<Table> {
    let counters = [("name", Kind::Text), ("value", Kind::Integer)];
    let columns = counters.map(|(name, kind)| Column { name: name.into(), kind });
    let counters = Table { name: "counters".into(), columns: columns.into(), key: vec![0] };
    ork_postgres::tables().into_iter().filter(|table| table.name != "slot_keys").chain([counters]).collect()
}

/// The number of this build's last migration, which both databases have.
pub fn schema_version() -> u32 {
    ork_sqlite::schema_version()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> StoreResult<T> + Send + 'static) -> Result<T> {
    Ok(tokio::task::spawn_blocking(work).await??)
}

/// An error of opening a file, with what helps.
fn elsewhere(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Unavailable(_) => Refusal::new(Exit::Unreachable, error.to_string()).hint(ELSEWHERE).into(),
        other => other.into(),
    }
}

/// Whether this user may write to a file and to its folder, where SQLite keeps files of its own.
fn may_write(path: &Path) -> bool {
    let folder = path.parent().unwrap_or(Path::new("/"));
    [path, folder].iter().all(|path| !matches!(access(*path, Access::WRITE_OK), Err(Errno::ACCESS | Errno::ROFS)))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// A folder of the XDG base directories: what its variable says, else what is `below` the home. As the specification says, a
/// relative one is ignored.
pub fn home_of(variable: &str, below: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(below)))
}

/// `$XDG_DATA_HOME/ork`.
fn data_home() -> Result<PathBuf> {
    let base = home_of("XDG_DATA_HOME", ".local/share");
    let refusal = || Refusal::usage("neither `XDG_DATA_HOME` nor `HOME` says where data belongs").hint(ELSEWHERE);
    Ok(base.ok_or_else(refusal)?.join("ork"))
}

fn make_private(folder: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| {
        let message = format!("failed to make the folder `{}`: {error}", folder.display());
        Refusal::new(Exit::Unreachable, message).hint(ELSEWHERE).into()
    })
}

/// A folder for this user alone. In `/tmp` somebody else may have made one of that name to see what comes in.
fn runtime_folder() -> Result<PathBuf> {
    let uid = rustix::process::getuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = runtime.map_or_else(|| PathBuf::from(format!("/tmp/ork-{uid}")), |path| path.join("ork"));
    make_private(&folder)?;
    let found = fs::symlink_metadata(&folder)?;
    if !found.is_dir() || found.uid() != uid || found.permissions().mode() & 0o022 != 0 {
        let message = format!("`{}` is not a folder of yours alone", folder.display());
        return Err(Refusal::usage(message).hint("set XDG_RUNTIME_DIR, or remove it").into());
    }
    Ok(folder)
}

/// A URL, or a text with one in it, without the password between `//user:` and `@`.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.split(['/', '?', ' ']).next().unwrap_or(rest);
    let Some((user, _)) = authority.rsplit_once('@').and_then(|(login, _)| login.split_once(':')) else {
        return text.to_owned();
    };
    let after = &rest[authority.rfind('@').unwrap_or(0)..];
    format!("{scheme}://{user}:…{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_databases() {
        let check = |url: &str, expected: Result<&str, &str>| {
            let found = Database::locate(Some(url)).map(|database| database.to_string());
            let found = found.as_deref().map_err(ToString::to_string);
            assert_eq!(found, expected.map_err(str::to_owned), "{url}");
        };
        check("sqlite:/a/b.db", Ok("sqlite:/a/b.db"));
        check("sqlite:///a/b.db", Ok("sqlite:/a/b.db"));
        check("sqlite:", Err("the database URL `sqlite:` names no file"));
        check("files:/a/b", Ok("files:/a/b"));
        check("files:", Err("the database URL `files:` names no folder"));
        check("postgres://u:p@h:1/d?x=y", Ok("postgres://u:…@h:1/d?x=y"));
        check("postgresql://u@h/d", Ok("postgresql://u@h/d"));
        check("mysql://u:p@h/d", Err("`mysql://u:…@h/d` is not the URL of a database"));
    }
}

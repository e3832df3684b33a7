//! The keys of an installation, which are never in its database: from the environment, from a file, or made on first use.
//!
//! The first one hashes and seals, all of them recognise and open, so that a key can be changed while everything goes on.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use ork_core::clock::Entropy;
use ork_core::limits::PAGE_MAX;
use ork_core::store::{Scope, Store};
use ork_server::secret::TokenKey;
use ork_vault::{MasterKey, Vault};

use crate::config::{Config, SECRET_KEY_FILE};
use crate::database::Database;
use crate::entropy::OsEntropy;
use crate::exit_code::Refusal;
use crate::output::{Output, warn};
use crate::world::World;

/// The keys themselves, for where secrets come as variables. No setting: they must not be shown.
const VARIABLE: &str = "ORK_SECRET_KEY";
const RULE: &str = "a key is 64 hexadecimal digits; several stand on lines of their own, the newest first";
const MAKE: &str = "openssl rand -hex 32";

/// What commands that need the key take.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Options {
    /// The key that tokens are hashed and secrets sealed with, the same for all processes of a database; ORK_SECRET_KEY is the key itself [default: `secret_key_file` of the settings, else a file beside the database, made on first use]
    #[arg(long, value_name = "FILE")]
    pub secret_key_file: Option<String>,
}

/// Where the keys come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// From [`VARIABLE`].
    Variable(String),
    /// From a file that must be there.
    File(PathBuf),
    /// From the file that Ork makes for itself.
    Own(Database),
}

impl Options {
    /// Where the keys come from.
    ///
    /// # Errors
    /// When a setting cannot be read.
    pub fn source(&self, config: &Config, database: &Database) -> Result<Source> {
        Source::locate(self.secret_key_file.clone(), config, database)
    }

    /// The database, with a vault that seals: its key is made when there is none.
    ///
    /// # Errors
    /// When the database cannot be opened, or the key not be read or made.
    pub async fn open(&self, out: Output, config: &Config) -> Result<World> {
        let mut world = World::open(out, config).await?;
        let source = self.source(config, &world.database)?;
        source.read_or_make()?;
        world.vault = Arc::new(source.vault());
        Ok(world)
    }

    /// The key of tokens.
    ///
    /// # Errors
    /// When it cannot be read or made, or when it knows none of the tokens of the database that are not revoked.
    pub async fn token_key(&self, config: &Config, database: &Database, store: &dyn Store) -> Result<TokenKey> {
        let source = self.source(config, database)?;
        source.read_or_make()?;
        let key = source.token_key()?;
        let newest = store.tokens(Scope::All, None, PAGE_MAX).await?;
        let mut live = newest.iter().filter(|token| token.revoked_at.is_none()).peekable();
        if live.peek().is_some() && live.all(|token| !key.knows(&token.key_id)) {
            let message =
                "the tokens of this database were made with another secret key, and this one knows none of them";
            let hint = format!("{} names the file of that key; if it is lost, revoke them", SECRET_KEY_FILE.variable);
            return Err(Refusal::usage(message).hint(hint).into());
        }
        Ok(key)
    }
}

impl Source {
    /// By flag, variable and settings. Nothing is read or made yet.
    ///
    /// # Errors
    /// When a setting cannot be read.
    pub fn locate(flag: Option<String>, config: &Config, database: &Database) -> Result<Self> {
        if let Some(text) = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty()) {
            return Ok(Self::Variable(text));
        }
        let setting = config.setting(&SECRET_KEY_FILE, flag)?;
        Ok(if setting.text.is_empty() { Self::Own(database.clone()) } else { Self::File(setting.text.into()) })
    }

    /// The keys, the newest first. A file of Ork's own is made when it is not there.
    ///
    /// # Errors
    /// When they cannot be read or made.
    pub fn read_or_make(&self) -> Result<Vec<MasterKey>> {
        if let Self::Own(database) = self {
            let path = database.secret_key()?;
            if !path.try_exists()? {
                make(&path).with_context(|| format!("failed to make `{}`", path.display()))?;
            }
        }
        self.read()
    }

    /// The keys, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn read(&self) -> Result<Vec<MasterKey>> {
        match self {
            Self::Variable(text) => {
                let wrong = || Refusal::usage(format!("the variable `{VARIABLE}`: {RULE}")).hint(MAKE);
                Ok(parse(text).ok_or_else(wrong)?)
            }
            Self::File(path) => {
                let refuse =
                    |why: String| Refusal::usage(format!("the secret key `{}`: {why}", path.display())).hint(MAKE);
                let text = fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
                Ok(parse(&text).ok_or_else(|| refuse(RULE.to_owned()))?)
            }
            Self::Own(database) => {
                let path = database.secret_key()?;
                own(&path).with_context(|| format!("failed to read `{}`", path.display()))
            }
        }
    }

    /// What hashes and recognises tokens with these keys.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn token_key(&self) -> Result<TokenKey> {
        let keys = self.read()?;
        let (first, older) = keys.split_first().context("there is no secret key")?;
        Ok(TokenKey::new(first, older))
    }

    /// What seals and opens with these keys, which are read when they are needed.
    #[must_use]
    pub fn vault(self) -> Vault {
        Vault::reading(&[], move || match self.read() {
            Ok(keys) => Some(keys),
            Err(error) => {
                if !is_missing(&error) {
                    warn(format!("warning: {error:#}"));
                }
                None
            }
        })
    }
}

/// Nobody has needed a key so far.
fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

/// The keys in the file that Ork makes for itself.
fn own(path: &Path) -> Result<Vec<MasterKey>> {
    match File::open(path) {
        Err(error) => return Err(error.into()),
        Ok(file) if file.metadata()?.permissions().mode() & 0o077 != 0 => {
            let message = format!("`{}` can be read by others", path.display());
            return Err(Refusal::usage(message).hint(format!("chmod 600 {}", path.display())).into());
        }
        Ok(_) => {}
    }
    parse(&fs::read_to_string(path)?).with_context(|| format!("`{}` holds no key: {RULE}", path.display()))
}

/// Makes a key that is on disk whole or not at all. Of several processes that do so at once, the first wins.
fn make(path: &Path) -> Result<()> {
    let draft = draft(path, &format!("{}\n", new_key()))?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    sync_folder(path)
}

/// Puts a new key before those in the file that Ork makes for itself. The file is replaced at one stroke.
///
/// # Errors
/// When it cannot be read or written.
pub fn add(path: &Path) -> Result<()> {
    let _alone = alone(path)?;
    own(path)?;
    let old = fs::read_to_string(path)?;
    let draft = draft(path, &format!("{}\n{old}", new_key()))?;
    fs::rename(&draft, path)?;
    sync_folder(path)
}

/// Keeps others from replacing the file: of two that did so at once, one would lose the other's key.
fn alone(path: &Path) -> Result<File> {
    loop {
        let file = File::open(path)?;
        file.lock()?;
        // Somebody may have replaced it while we waited; then it is another one that is to be locked.
        if file.metadata()?.ino() == fs::metadata(path)?.ino() {
            return Ok(file);
        }
    }
}

fn new_key() -> String {
    (0..4).map(|_| format!("{:016x}", OsEntropy.next_u64())).collect()
}

fn draft(path: &Path, text: &str) -> Result<PathBuf> {
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    // What somebody has must not outlive its key.
    file.sync_all()?;
    Ok(draft)
}

fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(folder)?.sync_all()?)
}

/// Keys between spaces, commas and line breaks.
fn parse(text: &str) -> Option<Vec<MasterKey>> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    let keys: Vec<MasterKey> = words.map(parse_one).collect::<Option<_>>()?;
    (!keys.is_empty()).then_some(keys)
}

fn parse_one(text: &str) -> Option<MasterKey> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(MasterKey::new(bytes))
}

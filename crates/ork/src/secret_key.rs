//! The key of an installation, which is never in its database: from the environment, from a file, or made on first use.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ork_core::clock::Entropy;
use ork_core::limits::PAGE_MAX;
use ork_core::store::{Scope, Store};
use ork_server::secret::{SecretKey, TokenKey};

use crate::config::{Config, SECRET_KEY_FILE};
use crate::database::Database;
use crate::entropy::OsEntropy;
use crate::exit_code::Refusal;

/// The key itself, for where secrets come as variables. No setting: it must not be shown.
const VARIABLE: &str = "ORK_SECRET_KEY";
const RULE: &str = "a key is 64 hexadecimal digits";
const MAKE: &str = "openssl rand -hex 32";

/// What commands that need the key take.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Options {
    /// The key that tokens are hashed with, the same for all servers of a database; ORK_SECRET_KEY is the key itself [default: `secret_key_file` of the settings, else a file beside the database, made on first use]
    #[arg(long, value_name = "FILE")]
    pub secret_key_file: Option<String>,
}

impl Options {
    /// The key of tokens.
    ///
    /// # Errors
    /// When it cannot be read or made, or when it knows none of the tokens of the database that are not revoked.
    pub async fn token_key(self, config: &Config, database: &Database, store: &dyn Store) -> Result<TokenKey> {
        let key = TokenKey::new(&self.read(config, database)?);
        let newest = store.tokens(Scope::All, None, PAGE_MAX).await?;
        let mut live = newest.iter().filter(|token| token.revoked_at.is_none()).peekable();
        if live.peek().is_some() && live.all(|token| token.key_id != key.id()) {
            let message =
                "the tokens of this database were made with another secret key, and this one knows none of them";
            let hint = format!("{} names the file of that key; if it is lost, revoke them", SECRET_KEY_FILE.variable);
            return Err(Refusal::usage(message).hint(hint).into());
        }
        Ok(key)
    }

    fn read(self, config: &Config, database: &Database) -> Result<SecretKey> {
        if let Some(text) = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty()) {
            let wrong = || Refusal::usage(format!("the variable `{VARIABLE}`: {RULE}")).hint(MAKE);
            return Ok(parse(&text).ok_or_else(wrong)?);
        }
        let setting = config.setting(&SECRET_KEY_FILE, self.secret_key_file)?;
        if setting.text.is_empty() {
            let path = database.secret_key()?;
            return own(&path).with_context(|| format!("failed to read or make `{}`", path.display()));
        }
        let path = PathBuf::from(setting.text);
        let text = fs::read_to_string(&path);
        let refuse = |why: String| Refusal::usage(format!("the secret key `{}`: {why}", path.display())).hint(MAKE);
        let text = text.map_err(|error| refuse(error.to_string()))?;
        Ok(parse(&text).ok_or_else(|| refuse(RULE.to_owned()))?)
    }
}

/// The key in the file that Ork makes for itself.
fn own(path: &Path) -> Result<SecretKey> {
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => make(path)?,
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
    let mut hex = String::new();
    for _ in 0..4 {
        hex += &format!("{:016x}", OsEntropy.next_u64());
    }
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(format!("{hex}\n").as_bytes())?;
    // A token that somebody has must not outlive its key.
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(folder)?.sync_all()?)
}

fn parse(text: &str) -> Option<SecretKey> {
    let text = text.trim();
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(SecretKey::new(bytes))
}

//! Contexts: servers by name, each with where its token is. And how one is chosen for good.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use ork_client::{Address, Token};
use toml::de::DeTable;

use crate::config::key::CONTEXT;
use crate::exit_code::Refusal;

/// The context that is no server: the database.
pub const HERE: &str = "here";
/// The variable with the token itself.
pub const TOKEN_VARIABLE: &str = "ORK_TOKEN";

/// A server with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    pub name: String,
    pub server: Address,
    pub token: Option<TokenFrom>,
}

/// Where a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenFrom {
    File(PathBuf),
    Variable(String),
}

impl fmt::Display for TokenFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "the variable {name}"),
        }
    }
}

impl TokenFrom {
    /// Reads it. What is read is never part of a message.
    ///
    /// # Errors
    /// When it is not there, or no token.
    pub fn read(&self) -> Result<Token> {
        let text = match self {
            Self::File(path) => fs::read_to_string(path)
                .map_err(|error| Refusal::usage(format!("failed to read the token in `{self}`: {error}")))?,
            Self::Variable(name) => {
                let missing = || Refusal::usage(format!("the token is in {self}, which is not set"));
                std::env::var(name).ok().filter(|text| !text.is_empty()).ok_or_else(missing)?
            }
        };
        Ok(Token::new(&text).map_err(|why| Refusal::usage(format!("the token in `{self}` is none: {why}")))?)
    }
}

/// Makes a context the one that applies from now on: one line of the user's file, the rest of which stays as it is. A
/// reader sees the old file or the new one, whenever this process dies.
///
/// # Errors
/// When the file cannot be read or written.
pub fn choose(path: &Path, name: &str) -> Result<()> {
    // Where it is a link, what it leads to is written.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let shown = path.display();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("failed to read `{shown}`")),
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).with_context(|| format!("failed to make the folder `{}`", folder.display()))?;
    let draft = folder.join(format!(".config.toml.{}", std::process::id()));
    let write = || {
        let mut file = fs::File::create(&draft)?;
        if let Ok(old) = fs::metadata(&path) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(with_context(&text, name).as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&draft))).with_context(|| format!("failed to write `{shown}`"))
}

/// The text of a file with another context.
fn with_context(text: &str, name: &str) -> String {
    let found = DeTable::parse(text).ok().and_then(|table| Some(table.get_ref().get(CONTEXT.name)?.span()));
    match found {
        Some(span) => format!("{}\"{name}\"{}", &text[..span.start], &text[span.end..]),
        // Before the first table, in which it would mean something else.
        None => format!("{} = \"{name}\"\n{text}", CONTEXT.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_context_changes() {
        let check = |text: &str, expected: &str| assert_eq!(with_context(text, "prod"), expected);
        check("", "context = \"prod\"\n");
        check("# mine\njobs = 2\n[worker]\n", "context = \"prod\"\n# mine\njobs = 2\n[worker]\n");
        check(
            "jobs = 2\ncontext  =  'a' # why\n[contexts.a]\n",
            "jobs = 2\ncontext  =  \"prod\" # why\n[contexts.a]\n",
        );
    }
}

//! `ork.toml` and the user's `config.toml`, which have the same keys.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;
use ork_client::{Address, ClientError};
use ork_core::executor::Program;
use ork_core::limits::is_name;
use ork_workflow::nearest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::context::{Context, HERE, TokenFrom};
use crate::config::key::{KEYS, Key, Kind};
use crate::database::home_of;
use crate::exit_code::Refusal;
use crate::operations::{self, NAME_RULE};

/// The file that is looked for from the current folder upwards.
const NAME: &str = "ork.toml";

/// The table of operations.
pub const OPERATIONS: &str = "operations";

/// The table of contexts.
pub const CONTEXTS: &str = "contexts";

/// What one file says: keys, values as text, lines.
#[derive(Debug, Clone)]
pub struct Layer {
    pub path: PathBuf,
    /// It is the user's own, and not one that came with a project.
    pub is_own: bool,
    pub values: Vec<(&'static Key, String, usize)>,
    /// Operations, what serves them, lines.
    pub operations: Vec<(String, Program, usize)>,
    /// Contexts, and lines.
    pub contexts: Vec<(Context, usize)>,
}

/// The user's own file; `None` when there is no home.
pub fn own_path() -> Option<PathBuf> {
    home_of("XDG_CONFIG_HOME", ".config").map(|home| home.join("ork/config.toml"))
}

/// The files there are, the strongest first.
pub fn read_all() -> Result<Vec<Layer>> {
    // Whoever works in a folder that was deleted has no `ork.toml` there.
    let here = std::env::current_dir().unwrap_or_default();
    let project = here.ancestors().map(|folder| folder.join(NAME)).find(|path| path.is_file());
    let files = project.map(|path| (path, false)).into_iter().chain(own_path().map(|path| (path, true)));
    let mut layers = Vec::new();
    for (path, is_own) in files {
        match fs::read_to_string(&path) {
            Ok(text) => layers.push(read(path, &text, is_own)?),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(Refusal::usage(format!("failed to read `{}`: {error}", path.display())).into()),
        }
    }
    Ok(layers)
}

fn read(path: PathBuf, text: &str, is_own: bool) -> Result<Layer> {
    let mut reader =
        Reader { path: &path, text, is_own, values: Vec::new(), operations: Vec::new(), contexts: Vec::new() };
    let table = DeTable::parse(text).map_err(|error| {
        let message = error.message().replace('\n', "; ");
        reader.refuse(error.span().map_or(0, |span| span.start), &message)
    })?;
    reader.table("", table.get_ref())?;
    let Reader { values, operations, contexts, .. } = reader;
    Ok(Layer { path, is_own, values, operations, contexts })
}

struct Reader<'t> {
    path: &'t Path,
    text: &'t str,
    is_own: bool,
    values: Vec<(&'static Key, String, usize)>,
    operations: Vec<(String, Program, usize)>,
    contexts: Vec<(Context, usize)>,
}

impl Reader<'_> {
    /// Reads a table; `before` is what stands before its keys: empty, or `worker.`.
    fn table(&mut self, before: &str, table: &DeTable<'_>) -> Result<(), Refusal> {
        for (name, value) in table {
            let (at, name) = (name.span().start, format!("{before}{}", name.get_ref()));
            let inner = format!("{name}.");
            self.check_secrets(at, &name)?;
            if let Some(key) = KEYS.iter().find(|key| key.name == name) {
                let text = self
                    .value(key, value)
                    .map_err(|why| self.refuse(value.span().start, &format!("`{name}`: {why}")))?;
                self.values.push((key, text, self.place(at).0));
            } else if name == OPERATIONS || name == CONTEXTS || KEYS.iter().any(|key| key.name.starts_with(&inner)) {
                let DeValue::Table(table) = value.get_ref() else {
                    return Err(self.refuse(at, &format!("`{name}` is a table")).hint(format!("[{name}]")));
                };
                match name.as_str() {
                    OPERATIONS => self.operations(table)?,
                    CONTEXTS => self.contexts(table)?,
                    _ => self.table(&inner, table)?,
                }
            } else {
                return Err(self.unknown(at, &name));
            }
        }
        Ok(())
    }

    /// Whoever gets a project gets its file, and whoever writes it could send tokens of others to a server of theirs.
    fn check_secrets(&self, at: usize, name: &str) -> Result<(), Refusal> {
        let message = match name {
            "token" => "a token does not stand in a file of settings, where it is copied and shown",
            "token_file" | CONTEXTS if !self.is_own => {
                "what says where tokens are stands in your own file alone: who writes an `ork.toml` must not send them anywhere"
            }
            _ => return Ok(()),
        };
        let own = own_path().map_or_else(|| "config.toml".to_owned(), |path| path.display().to_string());
        let hint = if name == "token" { "token_file = \"PATH\", or the variable ORK_TOKEN".to_owned() } else { own };
        Err(self.refuse(at, &format!("`{name}`: {message}")).hint(hint))
    }

    fn contexts(&mut self, table: &DeTable<'_>) -> Result<(), Refusal> {
        for (key, value) in table {
            let (at, name) = (key.span().start, key.get_ref().to_string());
            if !is_name(&name) || name == HERE {
                let message =
                    format!("`{name}`: a context's name has letters, digits, `.`, `_` and `-`, and is not `{HERE}`");
                return Err(self.refuse(at, &message));
            }
            let DeValue::Table(fields) = value.get_ref() else {
                return Err(self
                    .refuse(at, &format!("`{CONTEXTS}.{name}` is a table"))
                    .hint(format!("[{CONTEXTS}.{name}]")));
            };
            let context = self.context(name, at, fields)?;
            self.contexts.push((context, self.place(at).0));
        }
        Ok(())
    }

    fn context(&self, name: String, at: usize, fields: &DeTable<'_>) -> Result<Context, Refusal> {
        let (mut server, mut token) = (None, None);
        for (key, value) in fields {
            let place = key.span().start;
            let field = key.get_ref().to_string();
            self.check_secrets(place, &field)?;
            let Some(text) = value.get_ref().as_str().filter(|text| !text.is_empty()) else {
                return Err(self.refuse(value.span().start, &format!("`{field}`: it is a text in quotes")));
            };
            match field.as_str() {
                "server" => {
                    let wrong = |error: ClientError| self.refuse(value.span().start, &error.to_string());
                    server = Some(text.parse::<Address>().map_err(wrong)?);
                }
                "token_file" | "token_env" if token.is_some() => {
                    return Err(self.refuse(place, "a context has one token: `token_file` or `token_env`"));
                }
                "token_file" => token = Some(TokenFrom::File(self.path_beside(text))),
                "token_env" => token = Some(TokenFrom::Variable(text.to_owned())),
                _ => {
                    let refusal = self.refuse(place, &format!("there is no setting `{CONTEXTS}.{name}.{field}`"));
                    return Err(refusal.hint("a context has server, and token_file or token_env"));
                }
            }
        }
        let missing =
            || self.refuse(at, &format!("`{CONTEXTS}.{name}` names no server")).hint("server = \"https://…\"");
        Ok(Context { server: server.ok_or_else(missing)?, name, token })
    }

    /// A relative path means a file beside this one; `~/` is the home.
    fn path_beside(&self, text: &str) -> PathBuf {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        match (text.strip_prefix("~/"), home) {
            (Some(below), Some(home)) => home.join(below),
            _ => self.folder().join(text),
        }
    }

    fn operations(&mut self, table: &DeTable<'_>) -> Result<(), Refusal> {
        for (key, value) in table {
            let (at, name) = (key.span().start, key.get_ref().to_string());
            if !is_name(&name) {
                return Err(self.refuse(at, &format!("`{name}`: {NAME_RULE}")));
            }
            let Some(program) = self.program(value.get_ref()) else {
                let message =
                    format!("`{OPERATIONS}.{name}`: it is a program with its arguments, or the text of a script");
                return Err(self.refuse(value.span().start, &message).hint(format!("{name} = [\"./{name}.sh\"]")));
            };
            self.operations.push((name, program, self.place(at).0));
        }
        Ok(())
    }

    fn program(&self, value: &DeValue<'_>) -> Option<Program> {
        let folder = self.folder();
        match value {
            DeValue::String(text) if !text.trim().is_empty() => Some(operations::script(text, folder)),
            DeValue::Array(items) => {
                let words: Option<Vec<String>> =
                    items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
                let words = words.filter(|words| words.first().is_some_and(|program| !program.is_empty()))?;
                Some(operations::argv(words, folder))
            }
            _ => None,
        }
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    fn value(&self, key: &Key, value: &Spanned<DeValue<'_>>) -> Result<String, String> {
        let text = match (key.kind, value.get_ref()) {
            (Kind::Database, DeValue::String(url)) => self.beside(url),
            (Kind::Artifacts, DeValue::String(url)) => self.folder_beside(url),
            (Kind::File, DeValue::String(text)) => self.path_beside(text).display().to_string(),
            (Kind::Time | Kind::Address | Kind::Server | Kind::Name | Kind::Word(_), DeValue::String(text)) => {
                text.to_string()
            }
            (Kind::Whole, DeValue::Integer(number)) if number.radix() == 10 => number.as_str().replace('_', ""),
            (Kind::Names, DeValue::Array(items)) if !items.is_empty() => {
                let names: Option<Vec<&str>> = items.iter().map(|item| item.get_ref().as_str()).collect();
                names.ok_or("it is a list of texts")?.join(",")
            }
            (Kind::Egress, DeValue::Array(items)) => {
                let words: Option<Vec<&str>> = items.iter().map(|item| item.get_ref().as_str()).collect();
                words.ok_or("it is a list of texts")?.join(",")
            }
            (Kind::Egress, _) => return Err("it is a list of host names and addresses: [\"10.0.0.0/8\"]".into()),
            (Kind::Whole, _) => return Err("it is a whole number, without quotes".into()),
            (Kind::Names, _) => return Err("it is a list of names: [\"default\"]".into()),
            _ => return Err("it is a text in quotes".into()),
        };
        key.check(&text)?;
        Ok(text)
    }

    /// A relative path means a file or folder beside this one, wherever the command is given.
    fn beside(&self, url: &str) -> String {
        match url.split_once(':') {
            Some((scheme @ ("sqlite" | "files"), path)) if !path.is_empty() && !path.starts_with('/') => {
                format!("{scheme}:{}", self.folder().join(path).display())
            }
            _ => url.to_owned(),
        }
    }

    /// As [`Self::beside`], of the URL of an artifact store.
    fn folder_beside(&self, url: &str) -> String {
        let path = url.strip_prefix("file:").unwrap_or(url);
        match url.contains("://") || path.is_empty() {
            true => url.to_owned(),
            false => format!("file:{}", self.path_beside(path).display()),
        }
    }

    fn unknown(&self, at: usize, name: &str) -> Refusal {
        let refusal = self.refuse(at, &format!("there is no setting `{name}`"));
        let mut known = KEYS.map(|key| key.name).to_vec();
        known.extend([OPERATIONS, CONTEXTS]);
        match nearest(name, known.iter().copied()) {
            Some(near) => refusal.hint(format!("did you mean `{near}`?")),
            None => refusal.hint(format!("known here: {}", known.join(", "))),
        }
    }

    fn refuse(&self, at: usize, message: &str) -> Refusal {
        let (line, column) = self.place(at);
        Refusal::usage(format!("{}:{line}:{column}: {message}", self.path.display()))
    }

    /// Line and column of a byte, from 1.
    fn place(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }
}

//! Settings: a flag, else a variable, else the nearest `ork.toml`, else the user's `config.toml`, else the default. The
//! one place where that is decided.

mod context;
mod file;
mod key;
mod place;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use ork_blobs::Place;
use ork_core::executor::Program;
use ork_http::Egress;
use serde_json::{Value, json};

pub use crate::config::context::{Context, HERE, TokenFrom, choose};
use crate::config::file::Layer;
pub use crate::config::file::{CONTEXTS, OPERATIONS, own_path};
#[cfg(test)]
pub use crate::config::key::Kind;
pub use crate::config::key::{
    ARTIFACTS, CAPACITY, CONTEXT, DATABASE, EGRESS, GRACE, JOBS, KEYS, Key, LISTEN, PROGRESS, QUEUES, SECRET_KEY_FILE,
    SERVER, TOKEN_FILE, WORKSPACE, schema,
};
pub use crate::config::place::Server;
use crate::database::Database;
use crate::exit_code::Refusal;
use crate::operations::{Operations, Serving};
use crate::when::parse_ms;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An option of this command line.
    Flag(&'static str),
    /// A variable of the environment.
    Variable(&'static str),
    /// A line of a file.
    File(PathBuf, usize),
    /// Nobody said anything.
    Default,
}

impl Origin {
    /// Its kind in one word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Variable(_) => "variable",
            Self::File(..) => "file",
            Self::Default => "default",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value as text, and who said so.
#[derive(Debug)]
pub struct Setting {
    pub text: String,
    pub origin: Origin,
}

/// The options that all commands have.
#[derive(Debug, Default, Clone)]
pub struct Flags {
    pub database: Option<String>,
    pub artifacts: Option<String>,
    pub workspace: Option<String>,
    pub server: Option<String>,
    pub context: Option<String>,
    pub token_file: Option<String>,
}

/// What files say, and the options that all commands have.
#[derive(Debug, Clone)]
pub struct Config {
    flags: Flags,
    /// The strongest first.
    layers: Vec<Layer>,
}

impl Config {
    /// Reads the files there are.
    ///
    /// # Errors
    /// When one of them is wrong, with the place.
    pub fn load(flags: Flags) -> Result<Self> {
        Ok(Self { flags, layers: file::read_all()? })
    }

    /// The same, with another database.
    pub fn at(&self, database: String) -> Self {
        let flags = Flags { database: Some(database), ..self.flags.clone() };
        Self { flags, layers: self.layers.clone() }
    }

    /// What applies to a key. `flag` is the option of the command at hand, if it was given.
    ///
    /// # Errors
    /// When a variable cannot be read.
    pub fn setting(&self, key: &Key, flag: Option<String>) -> Result<Setting> {
        if let Some(text) = flag {
            return Ok(Setting { text, origin: Origin::Flag(key.flag) });
        }
        // An empty variable is how scripts leave one out.
        if let Some(text) = std::env::var(key.variable).ok().filter(|text| !text.is_empty()) {
            let wrong = |why| Refusal::usage(format!("the variable `{}`: {why}", key.variable));
            key.check(&text).map_err(wrong)?;
            return Ok(Setting { text, origin: Origin::Variable(key.variable) });
        }
        for layer in &self.layers {
            if let Some((_, text, line)) = layer.values.iter().find(|(known, ..)| known.name == key.name) {
                return Ok(Setting { text: text.clone(), origin: Origin::File(layer.path.clone(), *line) });
            }
        }
        Ok(Setting { text: key.default.to_owned(), origin: Origin::Default })
    }

    /// The database, and who said so.
    ///
    /// # Errors
    /// When it is no URL of a database that this build knows.
    pub fn database_setting(&self) -> Result<(Database, Origin)> {
        let setting = self.setting(&DATABASE, self.flags.database.clone().filter(|url| !url.is_empty()))?;
        Ok((Database::locate(Some(&setting.text))?, setting.origin))
    }

    /// The database.
    ///
    /// # Errors
    /// As [`Self::database_setting`].
    pub fn database(&self) -> Result<Database> {
        Ok(self.database_setting()?.0)
    }

    /// The URL of the artifact store, and who said so. Unless somebody says otherwise it is a folder beside the database.
    ///
    /// # Errors
    /// When it names no place, or there is none beside the database.
    pub fn artifacts(&self) -> Result<Setting> {
        let mut setting = self.setting(&ARTIFACTS, self.flags.artifacts.clone().filter(|url| !url.is_empty()))?;
        if setting.origin == Origin::Default {
            setting.text = format!("file:{}", self.database()?.artifacts()?.display());
        }
        let place = setting
            .text
            .parse::<Place>()
            .map_err(|why| Refusal::usage(format!("`{}`: {why}", setting.origin)).hint("--artifacts file:PATH"))?;
        // A path that was relative is not any more, wherever it is read next.
        if let Place::Folder(_) = place {
            setting.text = place.to_string();
        }
        Ok(setting)
    }

    /// Whether a command line must name the database to find it again from here.
    pub fn is_database_named(&self) -> bool {
        let unnamed = Self { flags: Flags::default(), layers: self.layers.clone() };
        if unnamed.is_remote().unwrap_or(false) {
            return true;
        }
        self.flags.database.is_some() && unnamed.database().ok() != self.database().ok()
    }

    /// The name of the workspace, and who said so.
    ///
    /// # Errors
    /// As [`Self::setting`], and when the option is no name.
    pub fn workspace(&self) -> Result<Setting> {
        let setting = self.setting(&WORKSPACE, self.flags.workspace.clone())?;
        WORKSPACE.check(&setting.text).map_err(|why| Refusal::usage(format!("`--workspace`: {why}")))?;
        Ok(setting)
    }

    /// How many tasks may be at work at once: as many as there are cores, unless somebody says otherwise.
    ///
    /// # Errors
    /// As [`Self::setting`].
    pub fn cores(&self, key: &Key, flag: Option<usize>) -> Result<usize> {
        let setting = self.setting(key, flag.map(|number| number.to_string()))?;
        Ok(match setting.text.parse()? {
            0 => std::thread::available_parallelism().map_or(4, std::num::NonZero::get),
            asked => asked,
        })
    }

    /// Milliseconds.
    ///
    /// # Errors
    /// As [`Self::setting`].
    pub fn time_ms(&self, key: &Key, flag: Option<u64>) -> Result<u64> {
        let setting = self.setting(key, flag.map(|ms| format!("{ms}ms")))?;
        parse_ms(&setting.text).map_err(anyhow::Error::msg)
    }

    /// What may be reached although it is not public.
    ///
    /// # Errors
    /// As [`Self::setting`].
    pub fn egress(&self) -> Result<Egress> {
        Ok(self.setting(&EGRESS, None)?.text.parse()?)
    }

    /// Where a server listens.
    ///
    /// # Errors
    /// As [`Self::setting`], and when the option is no address.
    pub fn listen(&self, flag: Option<String>) -> Result<SocketAddr> {
        let setting = self.setting(&LISTEN, flag)?;
        Ok(key::address(&setting.text).map_err(|why| Refusal::usage(format!("`--listen`: {why}")))?)
    }

    /// What a worker with these operations serves: unless somebody says otherwise, their queues beside the default one.
    ///
    /// # Errors
    /// As [`Self::setting`].
    pub fn queues(&self, flag: Option<Vec<String>>, operations: &Operations) -> Result<Setting> {
        let mut setting = self.setting(&QUEUES, flag.map(|names| names.join(",")))?;
        if setting.origin == Origin::Default {
            for name in operations.keys().filter(|name| *name != QUEUES.default) {
                setting.text += &format!(",{name}");
            }
        }
        Ok(setting)
    }

    /// What serves operations: the option, and the files. For each name the strongest counts.
    ///
    /// # Errors
    /// When the option cannot be read.
    pub fn operations(&self, serving: &Serving) -> Result<Operations> {
        let mut found = serving.read(&std::env::current_dir()?)?;
        for (name, program, _) in self.layers.iter().flat_map(|layer| &layer.operations) {
            found.entry(name.clone()).or_insert_with(|| program.clone());
        }
        Ok(found)
    }

    /// What `ork config show` says of operations, by name.
    pub fn operations_shown(&self) -> Vec<(String, Value, Origin)> {
        let mut rows: Vec<(String, Value, Origin)> = Vec::new();
        for layer in &self.layers {
            for (name, program, line) in &layer.operations {
                if rows.iter().all(|(known, ..)| known != name) {
                    let value = match program {
                        Program::Argv(argv) => argv.clone().into(),
                        Program::Script(script) => script.clone().into(),
                    };
                    rows.push((name.clone(), value, Origin::File(layer.path.clone(), *line)));
                }
            }
        }
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows
    }

    /// What `ork config show` says of contexts.
    pub fn contexts_shown(&self) -> Vec<(String, Value, Origin)> {
        let value = |context: &Context| {
            let mut value = json!({"server": context.server.to_string()});
            match &context.token {
                Some(TokenFrom::File(path)) => value["token_file"] = path.display().to_string().into(),
                Some(TokenFrom::Variable(name)) => value["token_env"] = name.as_str().into(),
                None => {}
            }
            value
        };
        self.contexts().map(|(context, origin)| (context.name.clone(), value(context), origin)).collect()
    }

    /// What `ork config show` says of a key.
    ///
    /// # Errors
    /// As [`Self::setting`] and [`Self::database_setting`].
    pub fn shown(&self, key: &Key) -> Result<(Value, Origin)> {
        if key.name == DATABASE.name {
            let (database, origin) = self.database_setting()?;
            return Ok((database.to_string().into(), origin));
        }
        let setting = match key.name {
            name if name == QUEUES.name => self.queues(None, &self.operations(&Serving::default())?)?,
            name if name == ARTIFACTS.name => self.artifacts()?,
            name if name == WORKSPACE.name => self.workspace()?,
            _ => {
                let flags = &self.flags;
                let of = [(&SERVER, &flags.server), (&CONTEXT, &flags.context), (&TOKEN_FILE, &flags.token_file)];
                let flag = of.iter().find(|(known, _)| known.name == key.name).and_then(|(_, flag)| (*flag).clone());
                self.setting(key, flag.filter(|text| !text.is_empty()))?
            }
        };
        Ok((key.value(&setting.text), setting.origin))
    }
}

//! The settings there are.

use std::net::SocketAddr;

use ork_blobs::Place;
use ork_client::Address;
use ork_core::limits::is_name;
use ork_http::Egress;
use serde_json::{Map, Value, json};

use crate::config::file::{CONTEXTS, OPERATIONS};
use crate::when::parse_ms;

/// What a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The URL of a database. Relative paths in a file begin at its folder.
    Database,
    /// A whole number from 0.
    Whole,
    /// A list of names; with commas between them where it is one text.
    Names,
    /// A duration, such as `30s`.
    Time,
    /// An IP address and a port; `localhost` is one of them.
    Address,
    /// The URL of an artifact store. Relative paths in a file begin at its folder.
    Artifacts,
    /// The URL of a server.
    Server,
    /// A name.
    Name,
    /// A file. Relative paths in a file begin at its folder.
    File,
    /// A list of host names, addresses and networks.
    Egress,
    /// One of these.
    Word(&'static [&'static str]),
}

/// A setting.
#[derive(Debug)]
pub struct Key {
    /// In files; what stands before a dot is a table.
    pub name: &'static str,
    pub variable: &'static str,
    pub flag: &'static str,
    pub kind: Kind,
    /// As text; empty where it depends on the machine.
    pub default: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
}

pub const DATABASE: Key = Key {
    name: "database",
    variable: "ORK_DATABASE_URL",
    flag: "--database",
    kind: Kind::Database,
    default: "",
    about: "Where the history is: sqlite:PATH, postgres://USER@HOST/NAME, or files:DIR.",
};
pub const ARTIFACTS: Key = Key {
    name: "artifacts",
    variable: "ORK_ARTIFACTS_URL",
    flag: "--artifacts",
    kind: Kind::Artifacts,
    default: "",
    about: "Where the bytes of artifacts are: file:PATH, s3://BUCKET/PREFIX, r2://, gs:// or az://; by default beside the database.",
};
pub const JOBS: Key = Key {
    name: "jobs",
    variable: "ORK_JOBS",
    flag: "--jobs",
    kind: Kind::Whole,
    default: "0",
    about: "Tasks that one ork run has at work at once; 0 means as many as there are cores.",
};
pub const PROGRESS: Key = Key {
    name: "progress",
    variable: "ORK_PROGRESS",
    flag: "--progress",
    kind: Kind::Word(&["auto", "bar", "plain", "none"]),
    default: "auto",
    about: "How progress is told: bar, plain or none; auto is bar in a terminal.",
};
pub const QUEUES: Key = Key {
    name: "worker.queues",
    variable: "ORK_WORKER_QUEUES",
    flag: "--queues",
    kind: Kind::Names,
    default: "default",
    about: "The queues that ork worker serves; unless they are named, those of its operations too.",
};
pub const CAPACITY: Key = Key {
    name: "worker.capacity",
    variable: "ORK_WORKER_CAPACITY",
    flag: "--capacity",
    kind: Kind::Whole,
    default: "0",
    about: "Tasks that one ork worker has at work at once; 0 means as many as there are cores.",
};
pub const GRACE: Key = Key {
    name: "worker.grace",
    variable: "ORK_WORKER_GRACE",
    flag: "--grace",
    kind: Kind::Time,
    default: "30s",
    about: "How long an ork worker that was told to stop waits for what runs.",
};

pub const LISTEN: Key = Key {
    name: "listen",
    variable: "ORK_LISTEN",
    flag: "--listen",
    kind: Kind::Address,
    default: "127.0.0.1:6750",
    about: "Where ork serve and ork dev listen: an address and a port; port 0 is any that is free.",
};
pub const WORKSPACE: Key = Key {
    name: "workspace",
    variable: "ORK_WORKSPACE",
    flag: "--workspace",
    kind: Kind::Name,
    default: "default",
    about: "The workspace whose runs commands make and see.",
};
pub const SECRET_KEY_FILE: Key = Key {
    name: "secret_key_file",
    variable: "ORK_SECRET_KEY_FILE",
    flag: "--secret-key-file",
    kind: Kind::File,
    default: "",
    about: "The file of the key that tokens are hashed and secrets sealed with, the same for all processes of a database; it must be there.",
};

pub const SERVER: Key = Key {
    name: "server",
    variable: "ORK_SERVER",
    flag: "--server",
    kind: Kind::Server,
    default: "",
    about: "The server that commands ask instead of a database, such as http://127.0.0.1:6750.",
};
pub const CONTEXT: Key = Key {
    name: "context",
    variable: "ORK_CONTEXT",
    flag: "--context",
    kind: Kind::Name,
    default: "",
    about: "The context that says which server, and which token: one of [contexts], or here for the database.",
};
pub const TOKEN_FILE: Key = Key {
    name: "token_file",
    variable: "ORK_TOKEN_FILE",
    flag: "--token-file",
    kind: Kind::File,
    default: "",
    about: "The file with the token for the server; ORK_TOKEN is the token itself.",
};

pub const EGRESS: Key = Key {
    name: "egress.allow",
    variable: "ORK_EGRESS_ALLOW",
    flag: "",
    kind: Kind::Egress,
    default: "",
    about: "What webhooks may reach although it is not public: host names, host:port, addresses, networks such as 10.0.0.0/8.",
};

/// What names look like.
const NAME: &str = "^[A-Za-z0-9._-]{1,128}$";
/// What servers look like.
const SERVER_PATTERN: &str = "^https?://[^@?#]+$";

/// All of them, in the order of `ork config show`.
pub const KEYS: [&Key; 14] = [
    &DATABASE,
    &SERVER,
    &CONTEXT,
    &TOKEN_FILE,
    &JOBS,
    &PROGRESS,
    &LISTEN,
    &QUEUES,
    &CAPACITY,
    &GRACE,
    &WORKSPACE,
    &SECRET_KEY_FILE,
    &EGRESS,
    &ARTIFACTS,
];

impl Key {
    /// What is wrong with a text, for the end of a sentence.
    ///
    /// # Errors
    /// When something is.
    pub fn check(&self, text: &str) -> Result<(), String> {
        match self.kind {
            Kind::Whole if text.parse::<usize>().is_err() => Err(format!("`{text}` is not a whole number")),
            Kind::Time => parse_ms(text).map(|_| ()).map_err(|rule| format!("`{text}`: {rule}")),
            Kind::Address => address(text).map(|_| ()),
            Kind::Artifacts => text.parse::<Place>().map(|_| ()),
            Kind::Server => text.parse::<Address>().map(|_| ()).map_err(|error| error.to_string()),
            Kind::Name if !is_name(text) => Err(format!("`{text}` is not a name")),
            Kind::Egress => text.parse::<Egress>().map(|_| ()).map_err(|error| error.to_string()),
            Kind::Word(words) if !words.contains(&text) => Err(format!("`{text}` is none of {}", words.join(", "))),
            Kind::Database | Kind::Whole | Kind::Names | Kind::Name | Kind::File | Kind::Word(_) => Ok(()),
        }
    }

    /// A text as a value of its kind.
    pub fn value(&self, text: &str) -> Value {
        match self.kind {
            Kind::Whole => text.parse::<usize>().map_or(Value::Null, Into::into),
            Kind::Names | Kind::Egress => text.split(',').filter(|word| !word.is_empty()).collect(),
            _ => text.into(),
        }
    }

    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Whole => json!({"type": "integer", "minimum": 0}),
            Kind::Names => {
                json!({"type": "array", "minItems": 1, "items": {"type": "string", "pattern": NAME}})
            }
            Kind::Egress => json!({"type": "array", "items": {"type": "string", "minLength": 1}}),
            Kind::Database => json!({"type": "string", "pattern": "^(sqlite:.|files:.|postgres://|postgresql://)"}),
            Kind::Artifacts => json!({"type": "string", "minLength": 1}),
            Kind::Address => json!({"type": "string", "pattern": "^.+:[0-9]+$"}),
            Kind::Server => json!({"type": "string", "pattern": SERVER_PATTERN}),
            Kind::Name => json!({"type": "string", "pattern": NAME}),
            Kind::File => json!({"type": "string", "minLength": 1}),
            Kind::Word(words) => json!({"enum": words}),
            Kind::Time => json!({"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}),
        };
        schema["description"] = self.about.into();
        if !self.default.is_empty() {
            schema["default"] = self.value(self.default);
        }
        schema
    }
}

/// An address to listen on.
///
/// # Errors
/// When it is none, for the end of a sentence.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric.parse().map_err(|_| format!("`{text}` is not an address: it looks like 127.0.0.1:6750"))
}

fn operations() -> Value {
    json!({
        "type": "object",
        "description": "Operations that ork run and ork worker serve by commands.",
        "propertyNames": {"pattern": NAME},
        "additionalProperties": {"anyOf": [
            {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "A program and its arguments."},
            {"type": "string", "pattern": "\\S", "description": "A shell script."},
        ]},
    })
}

fn contexts() -> Value {
    json!({
        "type": "object",
        "description": "Servers by name, each with its token. In the user's config.toml only.",
        "propertyNames": {"pattern": NAME},
        "additionalProperties": {
            "type": "object",
            "additionalProperties": false,
            "required": ["server"],
            "properties": {
                "server": {"type": "string", "pattern": SERVER_PATTERN, "description": "The URL of the server."},
                "token_file": {"type": "string", "minLength": 1, "description": "The file with its token."},
                "token_env": {"type": "string", "minLength": 1, "description": "The variable with its token."},
            },
        },
    })
}

/// The JSON Schema (2020-12) of `ork.toml`.
pub fn schema() -> Value {
    let object = |properties: Map<String, Value>| json!({"type": "object", "additionalProperties": false, "properties": properties});
    let mut top = Map::new();
    let mut tables: Vec<(&str, Map<String, Value>)> = Vec::new();
    for key in KEYS {
        let Some((table, name)) = key.name.split_once('.') else {
            top.insert(key.name.to_owned(), key.schema());
            continue;
        };
        match tables.iter_mut().find(|(known, _)| *known == table) {
            Some((_, keys)) => keys.insert(name.to_owned(), key.schema()),
            None => {
                tables.push((table, Map::from_iter([(name.to_owned(), key.schema())])));
                None
            }
        };
    }
    top.extend(tables.into_iter().map(|(table, keys)| (table.to_owned(), object(keys))));
    top.insert(OPERATIONS.to_owned(), operations());
    top.insert(CONTEXTS.to_owned(), contexts());
    let mut schema = object(top);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "ork.toml".into();
    schema
}

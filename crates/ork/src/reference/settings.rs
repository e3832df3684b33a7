//! Every setting.

use clap::Command;

use super::{full_name, leaves, page, root};
use crate::config::{ARTIFACTS, DATABASE, KEYS, Key, Kind, SECRET_KEY_FILE};

const ABOUT: &str = "\
# Settings

A setting is what its option says, else its variable, else the nearest `ork.toml` from the current folder upwards, else
`$XDG_CONFIG_HOME/ork/config.toml` (`~/.config/ork/config.toml`), else the default. An empty variable counts as none. A
key that does not exist is an error, and a relative path in a file begins at the folder of that file.

`ork config show --origin` shows what applies here and who said so. `ork schema config` is the JSON Schema of both files.
Written by `cargo xtask reference`; not edited by hand.

```toml
database = \"postgres://ork@localhost/ork\"
jobs = 4

[worker]
queues = [\"default\", \"render\"]
grace = \"5m\"

[operations]
generateVideo = [\"./generate.sh\", \"--fast\"]
```

`[contexts]` and `token_file` stand in the user's `config.toml` only: [Ask a server](../guide/servers.md).

`[operations]` names what serves each [operation](../workflow-file.md#operations): a command as a list, or a shell script
as a text. `--operation NAME=COMMAND` of `ork run`, `ork runs retry` and `ork worker` goes before it.

| key | what it is | type | variable | option | default |
|---|---|---|---|---|---|
";

fn text() -> String {
    let root = root();
    let mut text = ABOUT.to_owned();
    for key in KEYS {
        let default = match key.default {
            "" if [SECRET_KEY_FILE.name, ARTIFACTS.name].contains(&key.name) => "beside the database".to_owned(),
            "" if matches!(key.kind, Kind::Server | Kind::Name | Kind::File | Kind::Egress) => "none".to_owned(),
            "" if key.name == DATABASE.name => "`sqlite:$XDG_DATA_HOME/ork/ork.db`".to_owned(),
            _ => format!("`{}`", toml(key)),
        };
        text += &format!(
            "| `{}` | {} | {} | `{}` | {} | {default} |\n",
            key.name,
            key.about,
            kind(key),
            key.variable,
            option(&root, key)
        );
    }
    text
}

const fn kind(key: &Key) -> &'static str {
    match key.kind {
        Kind::Database | Kind::Artifacts => "a URL",
        Kind::Whole => "a whole number",
        Kind::Names => "a list of names; with commas between them in the variable",
        Kind::Time => "a duration: `500ms`, `30s`, `10m`, `2h`",
        Kind::Address => "an address and a port",
        Kind::Server => "a URL",
        Kind::Name => "a name",
        Kind::Egress => "a list of names, addresses and networks; with commas between them in the variable",
        Kind::File => "a path",
        Kind::Word(_) => "one of the words of `ork schema config`",
    }
}

/// The default as it is written in `ork.toml`.
fn toml(key: &Key) -> String {
    match key.kind {
        Kind::Whole => key.default.to_owned(),
        Kind::Names => format!("[\"{}\"]", key.default.replace(',', "\", \"")),
        _ => format!("\"{}\"", key.default),
    }
}

/// The option, and the commands that have it.
fn option(root: &Command, key: &Key) -> String {
    if key.flag.is_empty() {
        return "none".to_owned();
    }
    let has = |command: &&Command| {
        command.get_arguments().any(|arg| arg.get_long().is_some_and(|long| key.flag.strip_prefix("--") == Some(long)))
    };
    let commands: Vec<&Command> = leaves(root).into_iter().filter(has).collect();
    if has(&root) {
        return format!("`{}`", key.flag);
    }
    // An option of the same name may stand for something else elsewhere: it belongs to the command of its table.
    let table = key.name.split_once('.').map(|(table, _)| format!("ork {table}"));
    let names = commands.iter().map(|command| full_name(command));
    let names: Vec<String> =
        names.filter(|name| table.as_ref().is_none_or(|table| name == table)).map(|name| format!("`{name}`")).collect();
    assert!(!names.is_empty(), "no command has `{}`", key.flag);
    format!("`{}` of {}", key.flag, names.join(", "))
}

#[test]
fn the_page_of_settings_is_fresh() {
    page::check("reference/settings.md", &text());
}

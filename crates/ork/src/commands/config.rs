//! `ork config`: which settings apply, and who said so.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::config::{CONTEXTS, Config, KEYS, OPERATIONS};
use crate::exit_code::Exit;
use crate::output::{Output, faint};
use crate::table;

/// What there is to do with settings.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show every setting as it applies here.
    Show(Args),
}

/// Options of `ork config show`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A setting is what its option says, else its variable (ORK_…), else the nearest `ork.toml` from the current folder upwards, \
else `$XDG_CONFIG_HOME/ork/config.toml`, else the default.

Examples:
  ork config show --origin
  ork config show --json")]
pub struct Args {
    /// Say where each value comes from.
    #[arg(long)]
    pub origin: bool,
}

/// Carries out `ork config`.
pub fn run(command: &Command, out: Output, config: &Config) -> Result<Exit> {
    let Command::Show(args) = command;
    let mut shown = Vec::new();
    for key in KEYS {
        let (value, origin) = config.shown(key)?;
        let words = text(&value);
        shown.push((key.name.to_owned(), value, words, origin));
    }
    for (name, value, origin) in config.operations_shown() {
        // As in the file: a list and a script must look different.
        let words = value.to_string();
        shown.push((format!("{OPERATIONS}.{name}"), value, words, origin));
    }
    for (name, value, origin) in config.contexts_shown() {
        let words = value.to_string();
        shown.push((format!("{CONTEXTS}.{name}"), value, words, origin));
    }
    let mut rows = Vec::new();
    for (key, value, words, origin) in shown {
        if out.json {
            let place = origin.to_string();
            out.value(&json!({"key": key, "value": value, "origin": origin.word(), "place": place}))?;
            continue;
        }
        let mut cells = vec![key, words];
        if args.origin {
            cells.push(origin.to_string());
        }
        rows.push(cells);
    }
    let paint = |column: usize, cell: &str| if column == 2 { faint(cell) } else { cell.to_owned() };
    for line in table::lines(&rows, paint) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

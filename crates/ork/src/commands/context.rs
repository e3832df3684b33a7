//! `ork context`: servers by name.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::config::{Config, HERE, Origin, choose, own_path};
use crate::exit_code::{Exit, Refusal};
use crate::output::{Output, faint};
use crate::table;

/// What there is to do with contexts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the contexts; a star marks the one that applies.
    #[command(after_long_help = "\
A context is a table of `$XDG_CONFIG_HOME/ork/config.toml`:
  [contexts.prod]
  server = \"https://ork.example.com\"
  token_file = \"~/.config/ork/prod.token\"
Instead of `token_file`, `token_env` names a variable. The context `here` is always there: it is the database.

Examples:
  ork context list
  ork context list --json")]
    List,
    /// Make a context the one that applies from now on.
    ///
    /// It is written into `$XDG_CONFIG_HOME/ork/config.toml`. An option, a variable or an `ork.toml` goes before it.
    #[command(after_long_help = "\
Examples:
  ork context use prod
  ork context use here")]
    Use {
        /// A context; `here` is the database.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Show what commands ask from here, and who said so.
    #[command(after_long_help = "\
Examples:
  ork context show
  ork context show --json")]
    Show,
}

/// Carries out `ork context`.
pub fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::List => list(out, config)?,
        Command::Use { name } => choose_one(out, config, &name)?,
        Command::Show => show(out, config)?,
    }
    Ok(Exit::Success)
}

/// The name of the context that applies; `None` when a server was named by itself.
fn current(config: &Config) -> Result<Option<String>> {
    let applies = config.applies()?;
    Ok(if applies.server.is_some() { applies.context } else { Some(HERE.to_owned()) })
}

fn list(out: Output, config: &Config) -> Result<()> {
    let current = current(config)?;
    let database = config.database()?.to_string();
    let mut rows = vec![(HERE, database, None)];
    rows.extend(config.contexts().map(|(context, _)| {
        (context.name.as_str(), context.server.to_string(), context.token.as_ref().map(ToString::to_string))
    }));
    let mut cells = Vec::new();
    for (name, at, token) in rows {
        let is_current = current.as_deref() == Some(name);
        if out.json {
            out.value(&json!({"name": name, "at": at, "token": token, "current": is_current}))?;
            continue;
        }
        let token = token.map(|token| format!("token in {token}")).unwrap_or_default();
        cells.push(vec![if is_current { "*" } else { " " }.to_owned(), name.to_owned(), at, token]);
    }
    for line in table::lines(&cells, |column, cell| if column == 3 { faint(cell) } else { cell.to_owned() }) {
        out.data(line)?;
    }
    Ok(())
}

fn choose_one(out: Output, config: &Config, name: &str) -> Result<()> {
    let found = config.contexts().find(|(context, _)| context.name == name);
    if found.is_none() && name != HERE {
        let known: Vec<&str> = config.contexts().map(|(context, _)| context.name.as_str()).chain([HERE]).collect();
        let refusal = Refusal::no_match(format!("there is no context `{name}`"));
        return Err(match ork_workflow::nearest(name, known.iter().copied()) {
            Some(near) => refusal.hint(format!("did you mean `{near}`?")),
            None => refusal.hint(format!("known: {}", known.join(", "))),
        }
        .into());
    }
    let missing = || Refusal::usage("neither `XDG_CONFIG_HOME` nor `HOME` says where settings belong");
    let path = own_path().ok_or_else(missing)?;
    let server = found.map(|(context, _)| context.server.to_string());
    choose(&path, name)?;
    if out.json {
        return Ok(out.value(&json!({"name": name, "server": server, "file": path.display().to_string()}))?);
    }
    let at = server.unwrap_or_else(|| "the database".to_owned());
    out.data(format!("context {name}: {at}"))?;
    // What was there before may go before it.
    let applies = config.applies()?;
    if matches!(applies.origin, Origin::Variable(_)) {
        out.talk(format!("but {} says otherwise here", applies.origin));
    }
    Ok(())
}

fn show(out: Output, config: &Config) -> Result<()> {
    let applies = config.applies()?;
    let name = current(config)?;
    let at = applies.server.as_ref().map_or_else(|| config.database().map(|d| d.to_string()), |s| Ok(s.to_string()))?;
    let token = applies.token.as_ref().map(ToString::to_string);
    if out.json {
        let value: Value = json!({
            "name": name, "at": at, "token": token,
            "origin": applies.origin.word(), "place": applies.origin.to_string(),
        });
        return Ok(out.value(&value)?);
    }
    let rows = [
        ("context", name.unwrap_or_default()),
        ("at", at),
        ("token", token.unwrap_or_default()),
        ("said by", applies.origin.to_string()),
    ];
    for (what, text) in rows.into_iter().filter(|(_, text)| !text.is_empty()) {
        out.data(format!("{what:<9} {text}"))?;
    }
    Ok(())
}

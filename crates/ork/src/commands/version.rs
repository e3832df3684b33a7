//! `ork version`.

use anyhow::Result;
use serde_json::json;

use crate::VERSION;
use crate::config::{Config, Flags};
use crate::exit_code::Exit;
use crate::history::client;
use crate::output::Output;

/// Options of `ork version`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
With `--server`, `--context` or one of their variables it says the server's version as well.

Examples:
  ork version
  ork version --json
  ork version --server http://127.0.0.1:6750")]
pub struct Args {}

/// Carries out `ork version`.
pub async fn run(out: Output, flags: &Flags) -> Result<Exit> {
    if !out.json {
        out.data(format!("ork {VERSION}"))?;
    }
    // What a file says is not asked for: a version must be had where settings are wrong.
    let named = |name| std::env::var_os(name).is_some_and(|text| !text.is_empty());
    let is_asked = flags.server.is_some() || flags.context.is_some() || named("ORK_SERVER") || named("ORK_CONTEXT");
    let server = if is_asked { Config::load(flags.clone())?.server()? } else { None };
    let Some(server) = server else {
        if out.json {
            out.value(&json!({"version": VERSION}))?;
        }
        return Ok(Exit::Success);
    };
    let theirs = client(&server)?.version().await?;
    if out.json {
        let of = json!({"url": server.address.to_string(), "version": theirs.version, "api": theirs.api});
        out.value(&json!({"version": VERSION, "server": of}))?;
    } else {
        out.data(format!("server {} at {}", theirs.version, server.address))?;
    }
    Ok(Exit::Success)
}

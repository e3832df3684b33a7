//! `ork version`.

use anyhow::Result;
use serde_json::json;

use crate::VERSION;
use crate::exit_code::Exit;
use crate::output::Output;

/// Options of `ork version`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork version
  ork version --json")]
pub struct Args {}

/// Carries out `ork version`.
pub fn run(_: &Args, out: Output) -> Result<Exit> {
    if out.json {
        out.value(&json!({"version": VERSION}))?;
    } else {
        out.data(format!("ork {VERSION}"))?;
    }
    Ok(Exit::Success)
}

//! `ork prompts get`.

use anyhow::Result;
use ork_core::pin::split;

use super::missing;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::output::Output;
use crate::view;

/// Options of `ork prompts get`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
With --json also its variables, and the stored workflows that use it.

Examples:
  ork prompts get captions
  ork prompts get captions@2
  ork prompts get captions --json")]
pub struct Args {
    /// A prompt, in its newest version or in this one.
    #[arg(value_name = "NAME[@VERSION]")]
    pub id: String,
}

/// Carries out `ork prompts get`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let (id, version) = split(&args.id)
        .ok_or_else(|| Refusal::usage(format!("`{}` names no version: a version is a number", args.id)))?;
    let history = History::find(out, config).await?;
    let found = history.prompt(id, version).await?.ok_or_else(|| missing(&args.id))?;
    if out.json {
        out.value(&view::value(found))?;
    } else {
        out.bytes(found.version.text.as_bytes())?;
        if !found.version.text.ends_with('\n') {
            out.data("")?;
        }
    }
    Ok(Exit::Success)
}

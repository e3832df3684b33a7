//! `ork db export`.

use std::path::PathBuf;

use anyhow::Result;

use super::copy::{moved, tell};
use crate::config::Config;
use crate::database::tables;
use crate::exit_code::Exit;
use crate::files::FileSink;
use crate::output::Output;

/// Options of `ork db export`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
One file a row: `runs/ID.json`, `tasks/ID.json`, `workflows/ID.json`, and so for all tables, from one moment, while others work \
on the database. The folder appears under its name when it is complete. Tokens are in it as the keyed hashes that the \
database has, and no secret in the clear.

Examples:
  ork db export ./everything
  ork db export /backup/ork --database postgres://ork@localhost/ork")]
pub struct Args {
    /// A folder that does not exist, or is empty.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// Carries out `ork db export`.
pub async fn run(args: &Args, out: Output, config: &Config) -> Result<Exit> {
    let folder = std::path::absolute(&args.folder)?;
    let mut source = config.database()?.source().await?;
    let mut sink = FileSink::new(&folder, tables());
    let counts = moved(source.as_mut(), &mut sink, out).await?;
    let runs = counts.get("runs").copied().unwrap_or_default();
    tell(&folder.display().to_string(), &counts, (runs, None), out)?;
    Ok(Exit::Success)
}

//! `ork db import`.

use std::path::PathBuf;

use anyhow::Result;

use super::copy::{checked, moved};
use crate::config::Config;
use crate::database::tables;
use crate::exit_code::Exit;
use crate::files::FileSource;
use crate::output::Output;

/// Options of `ork db import`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The database is empty: a file that does not exist, or a migrated database in which nothing was ever done. It gets everything or \
nothing: a file that is broken, missing or unknown is named, with the place in it, and nothing is changed. Afterwards it is \
checked as `ork doctor` does.

Examples:
  ork db import ./everything --database sqlite:new.db
  ork db import /backup/ork --database postgres://ork@localhost/ork")]
pub struct Args {
    /// A folder that `ork db export` wrote.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// Carries out `ork db import`.
pub async fn run(args: &Args, out: Output, config: &Config) -> Result<Exit> {
    let mut source = FileSource::open(&args.folder, &tables())?;
    let to = config.database()?;
    let mut sink = to.sink().await?;
    let counts = moved(&mut source, sink.as_mut(), out).await?;
    drop(sink);
    checked(&to, &counts, out).await
}

//! `ork db backup`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ork_core::transfer::Counts;
use serde_json::json;

use super::copy::moved;
use crate::commands::doctor::inspect;
use crate::config::Config;
use crate::database::Database;
use crate::exit_code::{Exit, Refusal};
use crate::output::Output;

/// Options of `ork db backup`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The new file is an SQLite database of its own, whatever the database is, and all others may go on working meanwhile. It is checked as \
`ork doctor` does, and appears under its name only then. To go back to it, use it (--database sqlite:PATH), or \
copy it: ork db copy --from sqlite:PATH --to URL. The key of the tokens is a file beside the database: keep a copy of it too.

Examples:
  ork db backup before-the-upgrade.db
  ork db backup /backup/ork.db --database postgres://ork@localhost/ork")]
pub struct Args {
    /// A file that does not exist.
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
}

/// Carries out `ork db backup`.
pub async fn run(args: &Args, out: Output, config: &Config) -> Result<Exit> {
    let (database, path) = (config.database()?, std::path::absolute(&args.path)?);
    let exists = || Refusal::usage(format!("`{}` exists already", path.display())).hint("name a file that does not");
    if path.symlink_metadata().is_ok() {
        return Err(exists().into());
    }
    let part = Part::beside(&path);
    write(&database, &part.0, out).await?;
    let (runs, problems) = inspect_file(&part.0).await?;
    // A link and not a new name: what came to be there meanwhile is not replaced.
    match fs::hard_link(&part.0, &path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists().into()),
        Err(error) => return Err(error).with_context(|| format!("failed to write `{}`", path.display())),
    }
    sync_folder(&path)?;
    tell(&path, (runs, &problems), out)?;
    Ok(if problems.is_empty() { Exit::Success } else { Exit::Failed })
}

async fn write(database: &Database, part: &Path, out: Output) -> Result<()> {
    // SQLite copies its own pages, which is faster than row by row.
    if matches!(database, Database::Postgres(_)) {
        let (mut source, mut sink) = (database.source().await?, Database::Sqlite(part.to_owned()).sink().await?);
        let _: Counts = moved(source.as_mut(), sink.as_mut(), out).await?;
        return Ok(());
    }
    drop(database.source().await?);
    database.back_up(part).await?;
    Ok(())
}

/// Looks at what was written, and leaves one file without a log beside it.
async fn inspect_file(part: &Path) -> Result<(u64, Vec<String>)> {
    let copy = Database::Sqlite(part.to_owned());
    let mut problems = copy.verify().await?.unwrap_or_default().problems;
    let store = copy.open().await?;
    let (runs, found) = inspect(store.as_ref()).await?;
    problems.extend(found);
    Ok((runs, problems))
}

fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let synced = File::open(path).and_then(|file| file.sync_all());
    let synced = synced.and_then(|()| File::open(folder)?.sync_all());
    synced.with_context(|| format!("failed to write `{}`", path.display()))
}

fn tell(path: &Path, (runs, problems): (u64, &[String]), out: Output) -> Result<()> {
    let bytes = path.metadata()?.len();
    if out.json {
        out.value(&json!({"path": path.display().to_string(), "bytes": bytes, "runs": runs, "problems": problems}))?;
        return Ok(());
    }
    for problem in problems {
        out.data(problem)?;
    }
    let whose = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
    let found = if problems.is_empty() { "nothing is wrong" } else { "something is wrong, and was in the database" };
    out.data(format!("{}: {whose}; {found}", path.display()))?;
    Ok(())
}

/// A file under another name until it is complete, with what SQLite and Ork keep beside it. Gone when this is dropped.
struct Part(PathBuf);

impl Part {
    fn beside(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".part-{}", std::process::id()));
        Self(name.into())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm", "-journal"] {
            let mut name: OsString = self.0.as_os_str().to_owned();
            name.push(ending);
            fs::remove_file(name).ok();
        }
        fs::remove_file(self.0.with_extension("migrate.lock")).ok();
    }
}

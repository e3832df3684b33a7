//! Running again whenever a file changes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use notify::event::ModifyKind;
use notify::{Event, EventKind, RecursiveMode, Watcher};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::config::Config;
use crate::database::Database;
use crate::exit_code::{Exit, Refusal};
use crate::output::{Output, warn};
use crate::signals::Signals;

/// Editors write in several steps: what comes within this time of another change belongs to it.
const QUIET: Duration = Duration::from_millis(100);

/// Runs `once`, and again after each change in the folder of `file`, until somebody ends it.
///
/// # Errors
/// When the folder cannot be watched, or a run could not be carried out at all.
pub async fn repeat(
    out: Output,
    config: &Config,
    file: &Path,
    mut once: impl AsyncFnMut() -> Result<Exit>,
) -> Result<Exit> {
    if file.as_os_str() == "-" {
        return Err(Refusal::usage("the standard input cannot be watched").hint("give a file").into());
    }
    let folder = std::path::absolute(file)?.parent().map_or_else(|| PathBuf::from("/"), Path::to_path_buf);
    let (sender, mut changes) = unbounded_channel();
    let mut watcher = notify::recommended_watcher(move |event| drop(sender.send(event)))?;
    let refused = || format!("failed to watch `{}`", folder.display());
    watcher.watch(&folder, RecursiveMode::Recursive).with_context(refused)?;
    let ours = match config.database()? {
        Database::Sqlite(path) | Database::Files(path) => Some(path),
        Database::Postgres(_) => None,
    };
    let eyes = Eyes { folder, ours };
    loop {
        let before = fs::read(file).ok();
        let exit = once().await?;
        if matches!(exit, Exit::Cancelled | Exit::Interrupted) {
            return Ok(exit);
        }
        // The run may have written anything but its own file.
        while changes.try_recv().is_ok() {}
        if fs::read(file).ok() == before {
            // Before it is said that one ends it: what comes while nobody listens is lost.
            let mut signals = Signals::listen()?;
            out.talk(format!("watching {}; Ctrl-C ends it", eyes.folder.display()));
            tokio::select! {
                changed = eyes.next(&mut changes) => {
                    out.talk(format!("\nchanged: {}", eyes.name(changed, file)));
                }
                _ = signals.next() => {
                    warn("stopped watching");
                    return Ok(Exit::Interrupted);
                }
            }
        } else {
            out.talk(format!("\nchanged meanwhile: {}", file.display()));
        }
    }
}

/// Sees what changes in a folder, hidden files and the database apart.
struct Eyes {
    folder: PathBuf,
    ours: Option<PathBuf>,
}

impl Eyes {
    /// The next changes: paths within the folder.
    async fn next(&self, changes: &mut UnboundedReceiver<notify::Result<Event>>) -> BTreeSet<PathBuf> {
        let mut changed = BTreeSet::new();
        loop {
            let event = if changed.is_empty() {
                changes.recv().await
            } else {
                match timeout(QUIET, changes.recv()).await {
                    Ok(event) => event,
                    Err(_) => return changed,
                }
            };
            match event {
                Some(Ok(event)) if is_change(event.kind) => {
                    changed.extend(event.paths.iter().filter_map(|path| self.seen(path)));
                }
                Some(_) => {}
                // The watcher lives as long as its reader.
                None => std::future::pending().await,
            }
        }
    }

    /// What changed, the workflow file first. Editors write into files that are gone by now: those are named only where
    /// nothing else is.
    fn name(&self, mut changed: BTreeSet<PathBuf>, file: &Path) -> String {
        let is_there = |path: &PathBuf| self.folder.join(path).exists();
        if changed.iter().any(is_there) {
            changed.retain(is_there);
        }
        let own = changed.iter().find(|path| path.file_name() == file.file_name() && path.components().count() == 1);
        let first = own.or(changed.first()).map(|path| path.display().to_string()).unwrap_or_default();
        let more = if changed.len() > 1 { format!(" and {} more", changed.len() - 1) } else { String::new() };
        format!("{first}{more}")
    }

    fn seen(&self, path: &Path) -> Option<PathBuf> {
        let within = path.strip_prefix(&self.folder).ok()?;
        let is_hidden = |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
        let is_backup = path.as_os_str().as_encoded_bytes().ends_with(b"~");
        // The files beside the database begin with its name.
        let bytes = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
        let is_ours = self.ours.as_deref().is_some_and(|ours| bytes(path).starts_with(&bytes(ours)));
        (!within.components().any(is_hidden) && !is_backup && !is_ours).then(|| within.to_path_buf())
    }
}

const fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Any | EventKind::Other => true,
        EventKind::Modify(what) => !matches!(what, ModifyKind::Metadata(_)),
        EventKind::Access(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_files_backups_and_the_database_are_not_looked_at() {
        let eyes = Eyes { folder: "/p".into(), ours: Some("/p/ork.db".into()) };
        let seen = ["/p/a.sh", "/p/.git/index", "/p/a/.b.swp", "/p/a~", "/p/ork.db-wal", "/p/sub/b", "/q/c"]
            .map(|path| eyes.seen(path.as_ref()).is_some());
        assert_eq!(seen, [true, false, false, false, false, true, false]);
    }
}

//! Whether the tests, or files that are derived from others, changed what is committed. Git is not asked: a machine
//! that only has a copy of the tree runs this too.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::shell;
use crate::tidy::files::{self, Files};

/// The command that writes the derived files: pages of the documentation that the program writes about itself.
pub fn derive() -> Command {
    let mut command = shell::cargo();
    // Of the whole workspace: one package by itself has other features, and would be built once more.
    command.args(["test", "--quiet", "--workspace", "--all-targets", "reference::"]).env("ORK_WRITE_REFERENCE", "1");
    command
}

/// Compares the tree with what it was `before` the run.
///
/// # Errors
/// When a file differs, came or went.
pub fn compare(before: &Files) -> Result<()> {
    let after = files::read(shell::root())?;
    let changed = changes(before, &after);
    ensure!(
        changed.is_empty(),
        "these files changed during the run; commit what is derived, and let no test write here:\n{}",
        changed.join("\n")
    );
    Ok(())
}

fn changes<'a>(before: &'a Files, after: &'a Files) -> Vec<&'a str> {
    let gone_or_changed = before.iter().filter(|(path, text)| after.get(*path) != Some(text));
    let new = after.iter().filter(|(path, _)| !before.contains_key(*path));
    gone_or_changed.chain(new).map(|(path, _)| path.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::files::sample;

    #[test]
    fn what_came_went_or_changed_is_named() {
        let before = sample(&[("changed", "a"), ("gone", "a"), ("same", "a")]);
        let after = sample(&[("changed", "b"), ("new", "a"), ("same", "a")]);
        assert_eq!(changes(&before, &after), ["changed", "gone", "new"]);
        assert_eq!(changes(&before, &before), Vec::<&str>::new());
    }
}

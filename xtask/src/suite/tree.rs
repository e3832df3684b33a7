//! Whether the tests, or files that are derived from others, changed what git sees.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::shell;

/// Commands, in words for cargo, that write files which are committed. What they change was out of date.
const DERIVED: &[&[&str]] = &[];

/// What differed from the last commit at one time.
pub struct Tree(BTreeSet<String>);

impl Tree {
    /// # Errors
    /// When git is missing, or does not know this folder.
    pub fn read() -> Result<Tree> {
        let status = shell::capture(Command::new("git").args(["status", "--porcelain"]).current_dir(shell::root()))?;
        Ok(Tree(status.lines().map(str::to_owned).collect()))
    }

    /// Writes the derived files anew and looks again.
    ///
    /// # Errors
    /// When something differs that did not differ then.
    pub fn compare(&self) -> Result<()> {
        for words in DERIVED {
            shell::run(shell::cargo().args(*words))?;
        }
        let now = Tree::read()?;
        let new: Vec<&str> = now.0.difference(&self.0).map(String::as_str).collect();
        ensure!(
            new.is_empty(),
            "the run changed the tree; commit what is derived, and let no test write here:\n{}",
            new.join("\n")
        );
        Ok(())
    }
}

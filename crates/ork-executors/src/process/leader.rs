//! The first process of an attempt, as somebody's responsibility.

use std::process::ExitStatus;
use std::sync::Arc;

use ork_core::attempt::Usage;
use rustix::process::Pid;

use super::kernel;
use super::tree::Tree;

/// A child that is not reaped. Until it is, its id is nobody else's, and neither is its group's number.
///
/// Dropped before that, as when the runtime shuts down in the middle of an attempt, it is killed with its whole tree.
pub struct Leader {
    pid: Pid,
    tree: Arc<Tree>,
    is_reaped: bool,
}

impl Leader {
    pub fn new(tree: Tree) -> Self {
        Self { pid: tree.leader(), tree: Arc::new(tree), is_reaped: false }
    }

    pub const fn pid(&self) -> Pid {
        self.pid
    }

    pub const fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// Reaps it; `None` while it runs.
    pub fn reap(&mut self) -> Option<(ExitStatus, Usage)> {
        // An error means that it is no child of ours, which it is until it is reaped, here.
        let reaped = kernel::reap(self.pid).ok().flatten();
        self.is_reaped |= reaped.is_some();
        reaped
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if !self.is_reaped {
            // One pass, which waits at most 100 ms. What is not dead by then has been killed all the same, and whoever
            // reaps orphans next finds its remains.
            self.tree.kill(true);
            self.reap();
        }
    }
}

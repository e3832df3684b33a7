//! Packages of the system that tests need.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell;

/// Installs a package of Debian where we may.
///
/// # Errors
/// When this is not root on a system with apt, with what to install; or when apt fails.
pub fn install(package: &str) -> Result<()> {
    let is_root = shell::user_id(None)? == 0;
    ensure!(
        is_root && Path::new("/usr/bin/apt-get").exists(),
        "install it, for example with `sudo apt-get install {package}`"
    );
    shell::run(Command::new("apt-get").args(["update", "--quiet"]))?;
    shell::run(
        Command::new("apt-get")
            .args(["install", "--yes", "--quiet", "--no-install-recommends", package])
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

/// Sees to it that a program is there whose package has its name.
///
/// # Errors
/// As [`install`].
pub fn bring(program: &str) -> Result<()> {
    if has(program) { Ok(()) } else { install(program).with_context(|| format!("failed to find `{program}`")) }
}

/// Whether a program is on the `PATH`.
pub fn has(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

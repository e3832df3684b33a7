//! The tester that makes up requests from an OpenAPI document: a Python program, in an environment of its own below the
//! target folder.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{apt, shell};

/// The variable that names the program.
pub const VARIABLE: &str = "ORK_SCHEMATHESIS";
/// Another version finds other things: a new one is a change like any other.
const VERSION: &str = "4.32.5";

/// Finds it, or installs it from the Python registry.
///
/// # Errors
/// When there is no Python and none can be installed, or the registry does not answer.
pub fn bring() -> Result<PathBuf> {
    let folder = shell::target().join(format!("schemathesis-{VERSION}"));
    let program = folder.join("bin/schemathesis");
    let is_there = || Command::new(&program).arg("--version").output().is_ok_and(|output| output.status.success());
    if is_there() {
        return Ok(program);
    }
    let make = || shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
    if make().is_err() {
        apt::install("python3-venv")?;
        make()?;
    }
    let mut install = Command::new(folder.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check", &format!("schemathesis=={VERSION}")]);
    shell::run(&mut install).with_context(|| format!("failed to install schemathesis {VERSION}"))?;
    Ok(program)
}

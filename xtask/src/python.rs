//! Python programs that tests need, each in an environment of its own below the target folder.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{apt, shell};

/// A program of the Python registry. Another version finds other things: a new one is a change like any other.
pub struct Python {
    /// The variable that names the program to those who need it.
    pub variable: &'static str,
    package: &'static str,
    /// What of it is wanted besides: `[server]`.
    extra: &'static str,
    version: &'static str,
    program: &'static str,
}

/// The tester that makes up requests from an OpenAPI document.
pub const SCHEMATHESIS: Python = Python {
    variable: "ORK_SCHEMATHESIS",
    package: "schemathesis",
    extra: "",
    version: "4.32.5",
    program: "schemathesis",
};

/// A server that speaks S3's protocol.
pub const MOTO: Python =
    Python { variable: "ORK_TEST_S3", package: "moto", extra: "[server]", version: "5.2.5", program: "moto_server" };

impl Python {
    /// Finds it, or installs it from the Python registry.
    ///
    /// # Errors
    /// When there is no Python and none can be installed, or the registry does not answer.
    pub fn bring(&self) -> Result<PathBuf> {
        let Self { package, extra, version, program, .. } = self;
        let folder = shell::target().join(format!("{package}-{version}"));
        let program = folder.join("bin").join(program);
        let is_there = || Command::new(&program).arg("--help").output().is_ok_and(|output| output.status.success());
        if is_there() {
            return Ok(program);
        }
        let make = || shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        if make().is_err() {
            apt::install("python3-venv")?;
            make()?;
        }
        let mut install = Command::new(folder.join("bin/pip"));
        install.args(["install", "--quiet", "--disable-pip-version-check", &format!("{package}{extra}=={version}")]);
        shell::run(&mut install).with_context(|| format!("failed to install {package} {version}"))?;
        Ok(program)
    }
}

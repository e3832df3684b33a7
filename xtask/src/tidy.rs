//! What no compiler checks: sizes, names, words, SQL, dead files and links, arrows, packages, licences.

mod exemptions;
pub mod files;
mod lines;
mod links;
mod names;
mod reach;
mod sql;
mod words;

use anyhow::{Result, ensure};

use crate::packages::Packages;
use crate::shell;

/// Runs every check and prints each finding.
///
/// # Errors
/// When there is a finding.
pub fn run() -> Result<()> {
    let files = files::read(shell::root())?;
    let mut findings = lines::check(&files);
    findings.extend(exemptions::check(&files));
    findings.extend(names::check(&files));
    findings.extend(words::check(&files));
    findings.extend(sql::check(&files));
    findings.extend(reach::check(&files));
    findings.extend(links::check(&files));
    let packages = Packages::read()?;
    findings.extend(packages.check());
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    ensure!(findings.is_empty(), "tidy has {} findings", findings.len());
    println!("{} files and {} packages are tidy", files.len(), packages.0.len());
    Ok(())
}

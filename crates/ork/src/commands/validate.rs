//! `ork validate`: files, checked.

mod github;
mod sarif;

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use ork_workflow::{Diagnostics, Workflow};
use serde_json::{Value, json};

use crate::exit_code::Exit;
use crate::output::{Output, warn};
use crate::workflow_file::WorkflowFile;

/// Options of `ork validate`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Every error of every file is reported at once, with its place and a code that `ork explain` knows. Required inputs \
need not be given: they are checked when the file is run.

Examples:
  ork validate examples/hello.yaml examples/logs.yaml
  ork validate --json flow.yaml
  ork validate --format github .ork/*.yaml
  ork validate --format sarif flow.yaml >ork.sarif")]
pub struct Args {
    /// Workflow files; - is the standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// For whom the errors are written [default: human, or json with --json]
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    pub format: Option<Format>,
}

/// Who reads what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// People: each error with its line and a caret.
    Human,
    /// Programs: an object a line for each file.
    Json,
    /// GitHub Actions: an annotation for each error.
    Github,
    /// Code scanners: one SARIF 2.1.0 document.
    Sarif,
}

/// Carries out `ork validate`.
pub fn run(args: &Args, out: Output) -> Result<Exit> {
    let format = args.format.unwrap_or(if out.json { Format::Json } else { Format::Human });
    let mut wrong = Vec::new();
    for path in &args.files {
        let file = WorkflowFile::read(path)?;
        match file.parse() {
            Ok(workflow) => tell_valid(&file, &workflow, format, out)?,
            Err(diagnostics) => {
                tell_invalid(&diagnostics, format, out)?;
                wrong.push(diagnostics);
            }
        }
    }
    if format == Format::Sarif {
        out.data(format!("{:#}", sarif::document(&wrong)))?;
    }
    Ok(if wrong.is_empty() { Exit::Success } else { Exit::Invalid })
}

fn tell_valid(file: &WorkflowFile, workflow: &Workflow, format: Format, out: Output) -> Result<()> {
    match format {
        Format::Human => out.data(format!("valid: {} ({})", file.name, workflow.name()))?,
        Format::Json => {
            let inputs: Vec<Value> = workflow.inputs().iter().map(|i| i.name.clone().into()).collect();
            out.value(&json!({"file": file.name, "name": workflow.name(), "inputs": inputs, "errors": []}))?;
        }
        Format::Github | Format::Sarif => {}
    }
    Ok(())
}

fn tell_invalid(diagnostics: &Diagnostics, format: Format, out: Output) -> Result<()> {
    let (file, more) = (&diagnostics.file, diagnostics.more);
    match format {
        Format::Human => {
            warn(diagnostics);
            let count = diagnostics.items.len() + more;
            out.data(format!("invalid: {file} ({count} {})", if count == 1 { "error" } else { "errors" }))?;
        }
        Format::Json => out.value(&diagnostics.to_json())?,
        Format::Github => {
            for line in github::lines(diagnostics) {
                out.data(line)?;
            }
        }
        Format::Sarif => {}
    }
    // The other two say so themselves.
    if more > 0 && matches!(format, Format::Github | Format::Sarif) {
        warn(format!("`{file}` has at least {more} more"));
    }
    Ok(())
}

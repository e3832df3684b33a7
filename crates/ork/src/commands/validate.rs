//! `ork validate`: files, checked.

use std::path::PathBuf;

use anyhow::Result;
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
  ork validate --json flow.yaml")]
pub struct Args {
    /// Workflow files; - is the standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Carries out `ork validate`.
pub fn run(args: &Args, out: Output) -> Result<Exit> {
    let mut exit = Exit::Success;
    for path in &args.files {
        let file = WorkflowFile::read(path)?;
        match file.parse() {
            Ok(workflow) if out.json => {
                let inputs: Vec<Value> = workflow.inputs().iter().map(|i| i.name.clone().into()).collect();
                out.value(&json!({"file": file.name, "name": workflow.name(), "inputs": inputs, "errors": []}))?;
            }
            Ok(workflow) => out.data(format!("valid: {} ({})", file.name, workflow.name()))?,
            Err(diagnostics) => {
                exit = Exit::Invalid;
                if out.json {
                    out.value(&diagnostics.to_json())?;
                } else {
                    warn(&diagnostics);
                    let count = diagnostics.items.len() + diagnostics.more;
                    out.data(format!(
                        "invalid: {} ({count} {})",
                        file.name,
                        if count == 1 { "error" } else { "errors" }
                    ))?;
                }
            }
        }
    }
    Ok(exit)
}

//! `ork workflows apply`.

use std::path::PathBuf;

use anyhow::Result;
use ork_workflow::Workflow;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::Output;
use crate::view;
use crate::workflow_file::{WorkflowFile, tell};

/// Options of `ork workflows apply`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A workflow is stored under its `name:`, or the name of its file. A text that differs from the newest one is a new revision; \
the same text again changes nothing. When one file is wrong, nothing is stored.

Examples:
  ork workflows apply nightly.yaml
  ork workflows apply flows/*.yaml")]
pub struct Args {
    /// Workflow files: YAML, or JSON if their name ends in .json.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// Carries out `ork workflows apply`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let mut checked: Vec<(Workflow, String)> = Vec::new();
    let mut is_wrong = false;
    for path in &args.files {
        let file = WorkflowFile::read(path)?;
        match file.parse() {
            Ok(workflow) => checked.push((workflow, file.text)),
            Err(diagnostics) => {
                tell(out, &diagnostics)?;
                is_wrong = true;
            }
        }
    }
    if is_wrong {
        return Ok(Exit::Invalid);
    }
    let history = History::open(out, config).await?;
    for (workflow, source) in checked {
        let done = history.apply_workflow(&workflow, &source).await?;
        if out.json {
            out.value(&view::value(done))?;
        } else {
            let summary = &done.workflow;
            out.data(format!("{}: {}, revision {}", done.applied, summary.name, summary.revision.number))?;
        }
    }
    Ok(Exit::Success)
}

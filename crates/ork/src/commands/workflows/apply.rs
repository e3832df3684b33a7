//! `ork workflows apply`.

use std::path::PathBuf;

use anyhow::Result;
use ork_core::id::{RevisionId, WorkflowId, WorkspaceId};
use ork_core::store::{Expected, NewRevision};
use ork_server::workflows::{applied, hash, word};
use ork_workflow::Workflow;

use super::row;
use crate::config::Config;
use crate::entropy::OsEntropy;
use crate::exit_code::Exit;
use crate::output::Output;
use crate::view;
use crate::workflow_file::{WorkflowFile, tell};
use crate::world::World;

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
    let world = World::open(out, config).await?;
    for (workflow, source) in checked {
        let new = new_revision(&world, &workflow, source);
        let done = world.store.apply_workflow(&new).await?;
        let row = row(&world, &new.name).await?;
        if out.json {
            out.value(&view::value(applied(done, &row)))?;
        } else {
            out.data(format!("{}: {}, revision {}", word(done), row.name, row.revision.number))?;
        }
    }
    Ok(Exit::Success)
}

fn new_revision(world: &World, workflow: &Workflow, source: String) -> NewRevision {
    let now = world.now();
    NewRevision {
        workspace: WorkspaceId::DEFAULT,
        name: workflow.name().to_owned(),
        workflow: WorkflowId::new(now, &mut OsEntropy),
        revision: RevisionId::new(now, &mut OsEntropy),
        description: workflow.description().map(str::to_owned),
        hash: hash(&source),
        source,
        expected: Expected::Anything,
        actor: world.actor(),
        now,
    }
}

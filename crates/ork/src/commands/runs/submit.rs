//! `ork runs submit`: a run for workers.

use std::path::PathBuf;

use anyhow::Result;
use ork_core::graph::RevisionRef;
use ork_core::limits::is_name;
use serde_json::json;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::{History, Submission};
use crate::output::Output;
use crate::why::{self, Reason};
use crate::workflow_file::{Inputs, WorkflowFile, bind};

/// Options of `ork runs submit`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The run is pinned to this host, because its file and what lies beside it are here: an `ork worker` on this host takes \
it. With --anywhere any worker of the database does; its tasks then have no project folder. A server gets the text of \
the file and nothing else of this machine, so any worker takes its runs.

The name of a stored workflow stands for its newest revision: any worker may have it, and so has it no project folder. A \
file that is there goes before a workflow of that name.

Examples:
  ork runs submit nightly
  ork runs submit flow.yaml --database postgres://ork@db/ork
  ork runs submit flow.yaml --anywhere -i name=Ada
  ork runs submit flow.yaml --server http://127.0.0.1:6750")]
pub struct Args {
    /// A file, YAML, or JSON if its name ends in .json; or the name of a stored workflow.
    #[arg(value_name = "FILE|NAME")]
    pub file: PathBuf,
    #[command(flatten)]
    pub inputs: Inputs,
    /// Let workers of any host take it.
    #[arg(long)]
    pub anywhere: bool,
}

/// Carries out `ork runs submit`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    // A file that is wrong is told before a database is opened, or made.
    let sent = match args.stored_name() {
        Some(_) => None,
        None => {
            let file = WorkflowFile::read(&args.file)?;
            let Some(bound) = bind(out, &file, &args.inputs)? else { return Ok(Exit::Invalid) };
            Some((file, bound, None))
        }
    };
    let history = History::open(out, config).await?;
    let (file, mut bound, stored) = match sent {
        Some(sent) => sent,
        None => {
            let (file, stored) = args.workflow(&history).await?;
            let Some(bound) = bind(out, &file, &args.inputs)? else { return Ok(Exit::Invalid) };
            (file, bound, stored)
        }
    };
    if stored.is_some() {
        bound.plan.name.clone_from(&file.name);
    }
    let name = bound.plan.name.clone();
    let anywhere = args.anywhere || stored.is_some();
    let id = history.submit(Submission { file: &file, bound, anywhere, stored }).await?;
    if out.json {
        out.value(&json!({"run_id": id.to_string(), "name": name}))?;
    } else {
        out.data(id)?;
        out.talk(format!("queued; follow it with: ork runs watch {id}{}", history.flags()));
        if let Some(reason) = why::of_run(&history, id).await?.filter(Reason::needs_worker) {
            out.talk(reason.text);
        }
    }
    Ok(Exit::Success)
}

impl Args {
    /// What may be the name of a stored workflow, because no file has it.
    fn stored_name(&self) -> Option<&str> {
        self.file.to_str().filter(|name| is_name(name) && *name != "-" && !self.file.is_file())
    }

    /// The file, or the stored workflow of that name. Where neither is, it is a file that is missing.
    async fn workflow(&self, history: &History) -> Result<(WorkflowFile, Option<RevisionRef>)> {
        if let Some(name) = self.stored_name()
            && let Some(found) = history.workflow(name, None).await?
        {
            let of = found.summary.id.parse().ok().zip(found.summary.revision.id.parse().ok());
            let of = of.map(|(workflow, revision)| RevisionRef { workflow, revision });
            return Ok((WorkflowFile { name: name.to_owned(), text: found.source }, of));
        }
        Ok((WorkflowFile::read(&self.file)?, None))
    }
}

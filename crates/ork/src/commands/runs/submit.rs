//! `ork runs submit`: a run for workers.

use std::path::PathBuf;

use anyhow::Result;
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

Examples:
  ork runs submit flow.yaml --database postgres://ork@db/ork
  ork runs submit flow.yaml --anywhere -i name=Ada
  ork runs submit flow.yaml --server http://127.0.0.1:6750")]
pub struct Args {
    /// The workflow: YAML, or JSON if its name ends in .json.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub inputs: Inputs,
    /// Let workers of any host take it.
    #[arg(long)]
    pub anywhere: bool,
}

/// Carries out `ork runs submit`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let file = WorkflowFile::read(&args.file)?;
    let Some(bound) = bind(out, &file, &args.inputs)? else { return Ok(Exit::Invalid) };
    let history = History::open(out, config).await?;
    let name = bound.plan.name.clone();
    let id = history.submit(Submission { file: &file, bound, anywhere: args.anywhere }).await?;
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

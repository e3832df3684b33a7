//! `ork runs submit`: a run for workers.

use std::path::PathBuf;

use anyhow::Result;
use ork_core::graph::Pin;
use serde_json::json;

use crate::carry::project;
use crate::commands::run::new_run;
use crate::config::Config;
use crate::exit_code::Exit;
use crate::host;
use crate::output::Output;
use crate::why;
use crate::workflow_file::{Inputs, WorkflowFile, bind};
use crate::world::World;

/// Options of `ork runs submit`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The run is pinned to this host, because its file and what lies beside it are here: an `ork worker` on this host takes \
it. With --anywhere any worker of the database does; its tasks then have no project folder.

Examples:
  ork runs submit flow.yaml --database postgres://ork@db/ork
  ork runs submit flow.yaml --anywhere -i name=Ada")]
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
    let (pin, project) =
        if args.anywhere { (Pin::Anywhere, None) } else { (Pin::Host(host::identity()), Some(project(&args.file)?)) };
    let world = World::open(out, config).await?;
    let new = new_run(&world, &file, bound, pin, project)?;
    world.store.submit(&new).await?;
    if out.json {
        out.value(&json!({"run_id": new.id.to_string(), "name": new.plan.name}))?;
    } else {
        out.data(new.id)?;
        out.talk(format!("queued; follow it with: ork runs watch {}{}", new.id, world.flags()));
        if let Some(reason) = why::of_run(&world, new.id).await?.filter(why::needs_worker) {
            out.talk(reason.text);
        }
    }
    Ok(Exit::Success)
}

//! `ork runs submit`: a run for workers.

use std::path::PathBuf;

use anyhow::Result;
use ork_core::graph::{NewRun, Pin};
use ork_core::limits::is_name;
use ork_server::workflows::newest;
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

The name of a stored workflow stands for its newest revision: any worker may have it, and so has it no project folder. A \
file that is there goes before a workflow of that name.

Examples:
  ork runs submit nightly
  ork runs submit flow.yaml --database postgres://ork@db/ork
  ork runs submit flow.yaml --anywhere -i name=Ada")]
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
    let Some((world, new)) = new(&args, out, config).await? else { return Ok(Exit::Invalid) };
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

/// The run to be; `None` when something is wrong with its workflow, which is told by then.
async fn new(args: &Args, out: Output, config: &Config) -> Result<Option<(World, NewRun)>> {
    if let Some(name) = args.name()
        && let Some(world) = World::open_existing(out, config).await?
        && let Some((of, text)) = newest(world.look(), name).await?
    {
        let file = WorkflowFile { name: name.to_owned(), text };
        let Some(bound) = bind(out, &file, &args.inputs)? else { return Ok(None) };
        let new = new_run(&world, &file, bound, Pin::Anywhere, None)?;
        return Ok(Some((world, NewRun { plan_source: None, revision: Some(of), ..new })));
    }
    let file = WorkflowFile::read(&args.file)?;
    let Some(bound) = bind(out, &file, &args.inputs)? else { return Ok(None) };
    let (pin, project) =
        if args.anywhere { (Pin::Anywhere, None) } else { (Pin::Host(host::identity()), Some(project(&args.file)?)) };
    let world = World::open(out, config).await?;
    let new = new_run(&world, &file, bound, pin, project)?;
    Ok(Some((world, new)))
}

impl Args {
    /// The name of a stored workflow, if it can be one.
    fn name(&self) -> Option<&str> {
        self.file.to_str().filter(|name| is_name(name) && *name != "-" && !self.file.is_file())
    }
}

//! `ork workflows show`.

use anyhow::Result;
use ork_core::limits::PAGE_MAX;
use ork_core::store::{RevisionRow, WorkflowRow};
use ork_server::workflows::{revision, workflow};

use super::row;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::output::Output;
use crate::view;
use crate::when::ago;
use crate::world::{SCOPE, World};

/// Options of `ork workflows show`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The text goes to stdout as it was stored, so that it can be written to a file; what else there is to say to stderr.

Examples:
  ork workflows show nightly
  ork workflows show nightly --revisions
  ork workflows show nightly --revision 1 >nightly.yaml")]
pub struct Args {
    /// A stored workflow.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// This revision [default: the newest]
    #[arg(long, value_name = "NUMBER", conflicts_with = "revisions")]
    pub revision: Option<u32>,
    /// List its revisions, newest first.
    #[arg(long)]
    pub revisions: bool,
}

/// Carries out `ork workflows show`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let row = row(&world, &args.name).await?;
    if args.revisions {
        return revisions(&world, &args.name).await;
    }
    let of = match args.revision {
        None => row.revision.clone(),
        Some(number) => {
            let before = Some(number.saturating_add(1));
            let found = world.store.revisions(SCOPE, row.id, before, 1).await?.pop();
            found.filter(|found| found.number == number).ok_or_else(|| {
                let message = format!("`{}` has no revision {number}: the newest is {}", row.name, row.revision.number);
                Refusal::no_match(message).hint(format!("ork workflows show {} --revisions{}", row.name, world.flags()))
            })?
        }
    };
    let source = world.store.revision_source(SCOPE, of.id).await?.unwrap_or_default();
    if out.json {
        out.value(&view::value(workflow(&WorkflowRow { revision: of, ..row }, source)))?;
        return Ok(Exit::Success);
    }
    out.talk(line(&world, &of));
    out.bytes(source.as_bytes())?;
    Ok(Exit::Success)
}

async fn revisions(world: &World, name: &str) -> Result<Exit> {
    let id = row(world, name).await?.id;
    let mut before = None;
    loop {
        let rows = world.store.revisions(SCOPE, id, before, PAGE_MAX).await?;
        for row in &rows {
            match world.out.json {
                true => world.out.value(&view::value(revision(row)))?,
                false => world.out.data(line(world, row))?,
            }
        }
        before = rows.last().map(|row| row.number);
        if rows.len() < PAGE_MAX as usize {
            return Ok(Exit::Success);
        }
    }
}

fn line(world: &World, row: &RevisionRow) -> String {
    format!("revision {}  {}  by {}", row.number, ago(row.created_at, world.now()), row.created_by)
}

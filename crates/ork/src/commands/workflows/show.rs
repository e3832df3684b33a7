//! `ork workflows show`.

use anyhow::Result;
use ork_api::Revision;

use super::missing;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::output::Output;
use crate::view;
use crate::when::{ago, moment};

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
    let history = History::find(out, config).await?;
    let name = args.name.as_str();
    if args.revisions {
        let rows = history.revisions(name).await?.ok_or_else(|| missing(&history, name))?;
        for row in &rows {
            match out.json {
                true => out.value(&view::value(row))?,
                false => out.data(line(&history, row))?,
            }
        }
        return Ok(Exit::Success);
    }
    let Some(found) = history.workflow(name, args.revision).await? else {
        let Some(number) = args.revision else { return Err(missing(&history, name).into()) };
        return Err(Refusal::no_match(format!("there is no revision {number} of a stored workflow `{name}`"))
            .hint(format!("ork workflows show {name} --revisions{}", history.flags()))
            .into());
    };
    if out.json {
        out.value(&view::value(found))?;
        return Ok(Exit::Success);
    }
    out.talk(line(&history, &found.summary.revision));
    out.bytes(found.source.as_bytes())?;
    Ok(Exit::Success)
}

fn line(history: &History, row: &Revision) -> String {
    let at = ago(moment(&row.created_at), history.now());
    format!("revision {}  {at}  by {}", row.number, row.created_by)
}

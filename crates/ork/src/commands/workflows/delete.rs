//! `ork workflows delete`.

use anyhow::Result;
use serde_json::json;

use super::missing;
use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::Output;

/// Options of `ork workflows delete`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Runs of it stay, go on, and can be repeated. `ork workflows apply` brings it back with all of its revisions.

Examples:
  ork workflows delete nightly")]
pub struct Args {
    /// A stored workflow.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Carries out `ork workflows delete`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let name = args.name.as_str();
    if !history.delete_workflow(name).await? {
        return Err(missing(&history, name).into());
    }
    if out.json {
        out.value(&json!({"name": name, "deleted": true}))?;
    } else {
        out.data(format!("deleted: {name}"))?;
    }
    Ok(Exit::Success)
}

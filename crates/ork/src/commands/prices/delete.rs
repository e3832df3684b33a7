//! `ork prices delete`.

use anyhow::Result;
use serde_json::json;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::output::Output;

/// Options of `ork prices delete`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork prices delete some-model")]
pub struct Args {
    /// The model, as steps name it.
    #[arg(value_name = "MODEL")]
    pub model: String,
}

/// Carries out `ork prices delete`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    if !history.delete_price(&args.model).await? {
        return Err(Refusal::no_match(format!("`{}` has no price", args.model)).hint("ork prices list").into());
    }
    if out.json {
        out.value(&json!({"model": args.model, "deleted": true}))?;
    } else {
        out.data(format!("deleted: {}", args.model))?;
    }
    Ok(Exit::Success)
}

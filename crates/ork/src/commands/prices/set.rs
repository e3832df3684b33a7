//! `ork prices set`.

use anyhow::Result;
use ork_api::{SetPrice, Usd};

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::Output;
use crate::view;

/// Options of `ork prices set`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Calls that begin from now on are counted by it. Budgets of money need the prices of the models that are asked.

Examples:
  ork prices set some-model --input 3 --output 15 --cached 0.30
  ork prices set vendor/some-model:free --input 0 --output 0")]
pub struct Args {
    /// The model, as steps name it.
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// US dollars for a million tokens that it reads.
    #[arg(long, value_name = "USD")]
    pub input: Usd,
    /// US dollars for a million tokens that it writes.
    #[arg(long, value_name = "USD")]
    pub output: Usd,
    /// US dollars for a million tokens that it reads from its cache [default: as --input]
    #[arg(long, value_name = "USD")]
    pub cached: Option<Usd>,
}

/// Carries out `ork prices set`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let Args { model, input, output, cached } = args;
    let history = History::open(out, config).await?;
    let price = history.set_price(&model, &SetPrice { input, output, cached }).await?;
    if out.json {
        out.value(&view::value(price))?;
    } else {
        out.data(format!("set: {model}"))?;
    }
    Ok(Exit::Success)
}

//! `ork gates approve` and `ork gates reject`.

use anyhow::Result;
use ork_api::{Allowance, Decide, Usd};

use super::{meant, name};
use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::Output;
use crate::view;

/// Options of `ork gates approve`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The first decision counts; the same one again changes nothing. Who decides is the token's principal, and on a database the user \
of this machine.

Examples:
  ork gates approve last
  ork gates approve last/review --comment 'looks good'
  ork gates approve gate_01920000-0000-7000-8000-000000000000 --tokens 100000 --usd 2.50")]
pub struct Approve {
    /// A gate, or a run or a task of which one gate is open.
    #[arg(value_name = "GATE|RUN|TASK")]
    pub target: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// At a gate about the run's budget: tokens that it may use more [default: as much again as its plan says]
    #[arg(long, value_name = "N")]
    pub tokens: Option<u64>,
    /// The same for money, in US dollars.
    #[arg(long, value_name = "AMOUNT")]
    pub usd: Option<Usd>,
}

/// Options of `ork gates reject`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The first decision counts; the same one again changes nothing. The step fails: the attempt begins another round if it has one \
left, or else fails.

Examples:
  ork gates reject last --comment 'the second clip is too long'")]
pub struct Reject {
    /// A gate, or a run or a task of which one gate is open.
    #[arg(value_name = "GATE|RUN|TASK")]
    pub target: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
}

/// Carries out `ork gates approve`.
pub async fn approve(args: Approve, out: Output, config: &Config) -> Result<Exit> {
    let Approve { target, comment, tokens, usd } = args;
    let grant = (tokens.is_some() || usd.is_some()).then_some(Allowance { tokens, usd });
    decide((&target, true), &Decide { comment, grant }, out, config).await
}

/// Carries out `ork gates reject`.
pub async fn reject(args: Reject, out: Output, config: &Config) -> Result<Exit> {
    decide((&args.target, false), &Decide { comment: args.comment, grant: None }, out, config).await
}

async fn decide((target, approve): (&str, bool), wish: &Decide, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let id = meant(&history, target).await?;
    let gate = history.decide(id, approve, wish).await?;
    if out.json {
        out.value(&view::value(&gate))?;
    } else {
        out.data(format!("{}: {}  {}", gate.status, name(&gate), gate.id))?;
    }
    Ok(Exit::Success)
}

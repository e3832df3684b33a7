//! `ork gates link`.

use anyhow::Result;
use ork_api::NewLink;

use super::meant;
use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::Output;
use crate::view;
use crate::when::parse_ms;

/// Options of `ork gates link`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The link leads to a page of the server with a form, which needs no token. Who looks at it changes nothing. It works once, and \
every decision about the gate ends it. Whoever knows it can decide, so send it to one person.

Examples:
  ork gates link last --for bob@example.com
  ork gates link last --for bob@example.com --decision approve --expires 24h")]
pub struct Args {
    /// A gate, or a run or a task of which one gate is open.
    #[arg(value_name = "GATE|RUN|TASK")]
    pub target: String,
    /// For whom it is: the decision is written down as theirs.
    #[arg(long = "for", value_name = "NAME")]
    pub principal: String,
    /// What may be decided with it.
    #[arg(long, value_name = "WORD", default_value = "any", value_parser = ["approve", "reject", "any"])]
    pub decision: String,
    /// After how long it ends: 12h, 30m [default and most: 7 days, or the gate's own time if that is over sooner]
    #[arg(long, value_name = "TIME", value_parser = parse_ms)]
    pub expires: Option<u64>,
}

/// Carries out `ork gates link`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let id = meant(&history, &args.target).await?;
    let wish = NewLink { principal: args.principal, decision: Some(args.decision), expires_in_ms: args.expires };
    let (link, address) = history.link(id, wish).await?;
    if out.json {
        out.value(&view::value(&link))?;
        return Ok(Exit::Success);
    }
    out.data(&address)?;
    let below = if address == link.path { ", below the server's address" } else { "" };
    out.talk(format!("a link for `{}` until {}{below}; it is shown only now", link.principal, link.expires_at));
    Ok(Exit::Success)
}

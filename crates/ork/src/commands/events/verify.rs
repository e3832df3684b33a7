//! `ork events verify`.

use anyhow::Result;
use ork_api::VerifiedEvents;
use ork_core::id::RunId;
use ork_core::limits::PAGE_MAX;
use ork_core::seal::Link;

use super::counted;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::{History, Wanted};
use crate::ids;
use crate::output::Output;

/// Options of `ork events verify`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Events are sealed some seconds after the end of their run, with a key that is not in the database. This makes all seals anew \
and compares: an event that was changed, removed, added or moved is found and named. Exits with 1 when something is found. Of \
events that are not sealed yet nothing can be told.

Examples:
  ork events verify last
  ork events verify --all
  ork events verify last --head 7f3a9c0e5b1d2f48a6c3e0917d5b2f84c6a1e3097b5d2f4861c3a0e97d5b2f48")]
pub struct Args {
    /// A run [default: the newest]
    #[arg(value_name = "RUN", default_value = "last", hide_default_value = true)]
    pub run: String,
    /// All runs.
    #[arg(long, conflicts_with_all = ["run", "head"])]
    pub all: bool,
    /// A head that you have kept, as `ork events seal` printed it: whether it is one of the run's.
    #[arg(long, value_name = "HEX", value_parser = parse_link)]
    pub head: Option<Link>,
}

fn parse_link(text: &str) -> Result<Link, String> {
    Link::parse(text.trim()).ok_or_else(|| "a head has 64 hexadecimal digits".to_owned())
}

/// Carries out `ork events verify`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    if args.all {
        return all(&history, out).await;
    }
    // Of one that was removed there is something to say, too.
    let id = match args.run.parse::<RunId>() {
        Ok(id) => id,
        Err(_) => ids::run(&history, &args.run).await?,
    };
    let found = verified(&history, id, args.head).await?;
    tell(&found, out)?;
    if !out.json {
        out.data(summary(found.sealed, found.unsealed, found.findings.len()))?;
    }
    Ok(if found.intact { Exit::Success } else { Exit::Failed })
}

async fn verified(history: &History, id: RunId, head: Option<Link>) -> Result<VerifiedEvents> {
    let found = history.verify_events(id, head).await?;
    Ok(found.ok_or_else(|| Refusal::no_match(format!("there is no run `{id}`")))?)
}

/// Every run that is there, the newest first.
async fn all(history: &History, out: Output) -> Result<Exit> {
    let (mut runs, mut sealed, mut unsealed, mut findings) = (0_u64, 0, 0, 0);
    let mut wanted = Wanted::newest(PAGE_MAX);
    loop {
        let page = history.runs(&wanted).await?;
        for row in &page {
            // One that was removed meanwhile is none any more.
            let Some(found) = history.verify_events(row.id, None).await? else { continue };
            (runs, sealed, unsealed) = (runs + 1, sealed + found.sealed, unsealed + found.unsealed);
            findings += found.findings.len();
            tell(&found, out)?;
        }
        wanted.before = page.last().map(|row| row.id);
        if page.len() < PAGE_MAX as usize {
            break;
        }
    }
    if !out.json {
        out.data(format!("{}: {}", counted(runs, "run"), summary(sealed, unsealed, findings)))?;
    }
    Ok(if findings == 0 { Exit::Success } else { Exit::Failed })
}

/// What was found; as JSON the whole answer.
fn tell(found: &VerifiedEvents, out: Output) -> Result<()> {
    if out.json {
        return Ok(out.value(&serde_json::to_value(found)?)?);
    }
    for finding in &found.findings {
        out.data(format!("{}: {}", found.run_id, finding.message))?;
    }
    Ok(())
}

fn summary(sealed: u64, unsealed: u64, findings: usize) -> String {
    let told = format!("{} sealed, {unsealed} not yet", counted(sealed, "event"));
    match findings {
        0 if sealed == 0 && unsealed > 0 => format!("{told}: nothing to compare them with"),
        0 => format!("{told}: nothing is wrong"),
        findings => format!("{told}: {}", counted(findings as u64, "finding")),
    }
}

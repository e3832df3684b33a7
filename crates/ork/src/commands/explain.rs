//! `ork explain`: a code of an error message.

use anyhow::Result;
use ork_workflow::codes;
use serde_json::json;

use crate::exit_code::{Exit, Refusal};
use crate::output::Output;

/// Options of `ork explain`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork explain ORK-E0410
  ork explain")]
pub struct Args {
    /// A code, such as ORK-E0410; without one all are listed.
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// Carries out `ork explain`.
pub fn run(args: &Args, out: Output) -> Result<Exit> {
    let Some(wanted) = &args.code else {
        for known in codes::ALL {
            if out.json {
                out.value(&json!({"code": known.code, "title": known.title}))?;
            } else {
                out.data(format!("{}  {}", known.code, known.title))?;
            }
        }
        return Ok(Exit::Success);
    };
    let Some(known) = codes::find(wanted) else {
        return Err(Refusal::no_match(format!("there is no code `{wanted}`")).hint("ork explain").into());
    };
    if out.json {
        out.value(&json!({"code": known.code, "title": known.title, "page": known.page}))?;
    } else {
        out.data(format!("{}: {}\n\n{}", known.code, known.title, known.page))?;
    }
    Ok(Exit::Success)
}

//! `ork explain`: a code of an error message.

use anyhow::Result;
use serde_json::json;

use crate::exit_code::{Exit, Refusal};
use crate::output::Output;
use crate::pages;

/// Options of `ork explain`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork explain ORK-E0410
  ork explain exit-5
  ork explain")]
pub struct Args {
    /// A code: ORK-E0410, exit-5 for an exit code, G4 for a guarantee that `ork doctor` names; without one all are listed.
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// Carries out `ork explain`.
pub fn run(args: &Args, out: Output) -> Result<Exit> {
    let Some(wanted) = &args.code else {
        for known in pages::all() {
            if out.json {
                out.value(&json!({"code": known.code, "title": known.title}))?;
            } else {
                out.data(format!("{}  {}", known.code, known.title))?;
            }
        }
        return Ok(Exit::Success);
    };
    let Some(known) = pages::find(wanted) else {
        let refusal = Refusal::no_match(format!("there is no code `{wanted}`"));
        let hint = pages::near(wanted).map_or_else(|| "ork explain".to_owned(), |near| format!("ork explain {near}"));
        return Err(refusal.hint(hint).into());
    };
    if out.json {
        out.value(&json!({"code": known.code, "title": known.title, "page": known.page}))?;
    } else {
        out.data(format!("{}: {}\n\n{}", known.code, known.title, known.page))?;
    }
    Ok(Exit::Success)
}

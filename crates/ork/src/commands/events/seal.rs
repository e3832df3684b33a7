//! `ork events seal`.

use anyhow::Result;
use ork_api::VerifiedEvents;
use ork_core::id::RunId;

use super::counted;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::ids;
use crate::log_text::clean;
use crate::output::Output;

/// Options of `ork events seal`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Seals what is not sealed yet, and prints the head: 64 digits that stand for all events of the run so far. Keep it where nobody can \
change it who can change the database; `ork events verify RUN --head HEX` then also finds that all was taken back together, seals \
included. Servers and workers seal runs by themselves, some seconds after their end.

Examples:
  ork events seal last > kept-elsewhere.txt")]
pub struct Args {
    /// A run.
    #[arg(value_name = "RUN")]
    pub run: String,
}

/// What there is to say of events that are as they were sealed.
async fn intact(history: &History, id: RunId) -> Result<VerifiedEvents> {
    let found = history.verify_events(id, None).await?;
    let found = found.ok_or_else(|| Refusal::no_match(format!("there is no run `{id}`")))?;
    let Some(finding) = found.findings.first() else { return Ok(found) };
    let message = format!("nothing is sealed: of `{id}`, {}", clean(&finding.message));
    let hint = "bring back the events as they were, or the key that sealed them";
    Err(Refusal::new(Exit::Failed, message).hint(hint).into())
}

/// Carries out `ork events seal`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let id = ids::run(&history, &args.run).await?;
    // What is wrong is not sealed on.
    intact(&history, id).await?;
    history.seal_events(id).await?;
    let found = intact(&history, id).await?;
    let Some(head) = found.head.as_ref().filter(|_| found.unsealed == 0) else {
        let message = format!("{} of `{id}` are not sealed yet", counted(found.unsealed, "event"));
        return Err(Refusal::new(Exit::Failed, message)
            .hint("the server does that some seconds after the run's end")
            .into());
    };
    if out.json {
        out.value(&serde_json::to_value(&found)?)?;
    } else {
        out.talk(format!(
            "{} sealed with the key {}; keep this elsewhere:",
            counted(found.sealed, "event"),
            head.key_id
        ));
        out.data(&head.link)?;
    }
    Ok(Exit::Success)
}

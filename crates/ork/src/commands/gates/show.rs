//! `ork gates show`.

use anyhow::Result;

use super::{find, name};
use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::log_text::clean;
use crate::output::{Output, status};
use crate::view;
use crate::when::{ago, moment, until};

/// Options of `ork gates show`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork gates show last
  ork gates show gate_01920000-0000-7000-8000-000000000000 --json")]
pub struct Args {
    /// A gate, or a run or a task of which one gate is open.
    #[arg(value_name = "GATE|RUN|TASK")]
    pub target: String,
}

/// Carries out `ork gates show`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let gate = find(&history, &args.target).await?;
    if out.json {
        out.value(&view::value(&gate))?;
        return Ok(Exit::Success);
    }
    let now = history.now();
    out.data(format!("{}  {}  {}", status(&gate.status), name(&gate), gate.id))?;
    let not_self = if gate.allow_self { "" } else { ", but not for whoever started or owns the run" };
    let mut facts = vec![
        ("run", format!("{}  {}, started by {}", gate.run_name, gate.run_id, gate.started_by)),
        ("attempt", format!("{}, round {}", gate.attempt, gate.round)),
        ("for", format!("the role {} or a higher one{not_self}", gate.required_role)),
        ("asked", ago(moment(&gate.opened_at), now)),
    ];
    facts.extend(
        gate.expires_at
            .as_ref()
            .map(|at| ("until", format!("{at} ({}), then {}", until(moment(at), now), gate.on_expiry))),
    );
    if let (Some(by), Some(at)) = (&gate.decided_by, &gate.decided_at) {
        facts.push(("decided", format!("by {} {}, {}", by.kind, by.id, ago(moment(at), now))));
    }
    facts.extend(gate.comment.as_deref().map(|comment| ("comment", clean(comment))));
    for (what, text) in facts {
        out.data(format!("  {what:<9} {text}"))?;
    }
    for (at, line) in gate.message.iter().flat_map(|message| message.lines()).enumerate() {
        out.data(format!("{}{}", if at == 0 { "\n" } else { "" }, clean(line)))?;
    }
    if gate.status == "open" {
        out.talk(format!("\ndecide with: ork gates approve {}{}, or reject", gate.id, history.flags()));
    }
    Ok(Exit::Success)
}

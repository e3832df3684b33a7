//! `ork gates`: decisions that runs wait for, one file each.

mod decide;
mod link;
mod list;
mod show;

use anyhow::Result;
use clap::Subcommand;
use ork_api::Gate;
use ork_core::id::GateId;
use ork_core::limits::PAGE_MAX;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::{History, WantedGates};
use crate::ids::Target;
use crate::log_text::clean;
use crate::output::{Output, warn};

/// What there is to do with gates.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the decisions that runs wait for.
    List(list::Args),
    /// Show a gate: what is asked, of whom, until when, and what was decided.
    Show(show::Args),
    /// Let the work go on that waits at a gate.
    Approve(decide::Approve),
    /// Stop the work that waits at a gate: its step fails.
    Reject(decide::Reject),
    /// Make a link with which somebody decides who has no token.
    Link(link::Args),
}

/// Carries out `ork gates`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::List(args) => list::run(args, out, config).await,
        Command::Show(args) => show::run(args, out, config).await,
        Command::Approve(args) => decide::approve(args, out, config).await,
        Command::Reject(args) => decide::reject(args, out, config).await,
        Command::Link(args) => link::run(args, out, config).await,
    }
}

/// The gate that a text means: its id, or a run or a task of which exactly one gate is open.
async fn meant(history: &History, text: &str) -> Result<GateId> {
    if text.starts_with(GateId::PREFIX) {
        return Ok(text.parse().map_err(|error| Refusal::no_match(format!("{error}")))?);
    }
    let (run, task) = match history.resolve(text).await? {
        Target::Run(run) => (run, None),
        Target::Task(task) => (task.run, Some(task.id().to_string())),
    };
    let mut open = history.gates(WantedGates { run: Some(run), all: false, limit: PAGE_MAX }).await?;
    open.retain(|gate| task.as_ref().is_none_or(|task| *task == gate.task_id));
    let id = |gate: &Gate| gate.id.parse().map_err(|_| Refusal::no_match(format!("`{}` is no gate", gate.id)));
    match &open[..] {
        [] => Err(Refusal::no_match(format!("no gate of `{text}` is open")).into()),
        [gate] => Ok(id(gate)?),
        several => {
            several.iter().for_each(|gate| warn(format!("  {}  {}", gate.id, name(gate))));
            let message = format!("{} gates of `{text}` are open: say which", several.len());
            Err(Refusal::usage(message).hint(format!("ork gates show {}{}", several[0].id, history.flags())).into())
        }
    }
}

/// A gate that must be there.
async fn find(history: &History, text: &str) -> Result<Gate> {
    let id = meant(history, text).await?;
    let found = history.gate(id).await?;
    found.ok_or_else(|| Refusal::no_match(format!("there is no gate `{id}`")).hint("ork gates list --all").into())
}

/// `review/approve`: the task and the step that ask.
fn name(gate: &Gate) -> String {
    let sibling = if gate.task_index == 0 { String::new() } else { format!("/{}", gate.task_index) };
    format!("{}{sibling}/{}", gate.key, gate.step)
}

/// What is asked, in a line.
fn asked(gate: &Gate) -> String {
    let first = gate.message.as_deref().and_then(|message| message.lines().next()).map(clean);
    first.unwrap_or_else(|| match gate.kind.as_str() {
        "budget" => "may it use more than its budget?".to_owned(),
        _ => String::new(),
    })
}

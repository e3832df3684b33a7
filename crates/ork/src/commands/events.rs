//! `ork events`: what happened to a run, and what there is to do with that, one file each.

mod append;
mod seal;
mod verify;

use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;
use ork_core::event::{Actor, ActorKind, BotType, EventRow, EventType};
use ork_core::id::TaskRef;
use serde_json::Value;
use tokio::time::timeout;

use crate::config::Config;
use crate::exit_code::{Exit, is_transient};
use crate::follow::Follower;
use crate::history::History;
use crate::ids;
use crate::log_text::clean;
use crate::names::Names;
use crate::output::{Output, faint, warn};
use crate::view;
use crate::when::rfc3339;

/// Options of `ork events`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_long_help = "\
Events of a run are numbered from 1 without a gap and never change. With --json each is an object, as `ork run --json` \
writes it. A program that reads on remembers the last `seq` and asks for what comes after it.

Programs write events of their own with `ork events append`. Events are sealed after the end of a run, and `ork events verify` \
finds what was changed since.

Examples:
  ork events last
  ork events last --type task.failed,task.retrying
  ork events last --after 120 --follow --json"
)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// A run [default: the newest]
    #[arg(value_name = "RUN", default_value = "last", hide_default_value = true)]
    pub run: String,
    /// Only events after this number.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub after: u64,
    /// Only these, such as `task.failed`, or all that begin with `run`, `task`, `gate` or `bot`; with commas between them.
    #[arg(long = "type", value_name = "TYPES", value_delimiter = ',', value_parser = parse_type)]
    pub types: Vec<String>,
    /// Go on until the run is over.
    #[arg(long, short)]
    pub follow: bool,
}

/// What there is to do with events.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write an event of your own into a run.
    Append(append::Args),
    /// Look whether events are as they were sealed, and name those that are not.
    Verify(verify::Args),
    /// Seal the events of a run, and print the head to be kept elsewhere.
    Seal(seal::Args),
}

/// How often a run is looked at when nothing says that anything happens.
const QUIET: Duration = Duration::from_secs(2);
/// What all types of bots begin with.
const BOT: &str = "bot";
/// The column of types, as wide as the longest of Ork's own.
const TYPE: usize = 21;

fn parse_type(text: &str) -> Result<String, String> {
    let is_known = |word: &str| word == text || word.split('.').next() == Some(text);
    if text == BOT || EventType::words().any(is_known) || BotType::parse(text).is_some() {
        return Ok(text.to_owned());
    }
    let words: Vec<&str> = EventType::words().collect();
    Err(match ork_workflow::nearest(text, words.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("an event is {}, or `bot.` and a name", words.join(", ")),
    })
}

/// Carries out `ork events`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    match args.command {
        Some(Command::Append(args)) => append::run(args, out, config).await,
        Some(Command::Verify(args)) => verify::run(args, out, config).await,
        Some(Command::Seal(args)) => seal::run(args, out, config).await,
        None => show(args, out, config).await,
    }
}

/// `1 event`, `2 events`.
fn counted(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

async fn show(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let id = ids::run(&history, &args.run).await?;
    let mut follower = Follower::new(id, args.after);
    let (mut is_down, mut is_silent) = (false, true);
    loop {
        // Looked at first: once it is over, nothing comes after the events that are read now.
        match look(&history, &mut follower).await {
            Ok((rows, is_over)) => {
                is_down = false;
                for row in rows.iter().filter(|row| is_wanted(&args.types, row.event_type)) {
                    is_silent &= !print(out, row, args.after, &follower.names)?;
                }
                if rows.is_empty() && (is_over || !args.follow) {
                    break;
                }
                if !rows.is_empty() {
                    continue;
                }
            }
            Err(error) if args.follow && is_transient(&error) => {
                if !std::mem::replace(&mut is_down, true) {
                    warn(format!("waiting: {error}"));
                }
            }
            Err(error) => return Err(error),
        }
        // A bell that is not heard is no reason not to look.
        timeout(QUIET, follower.wait(&history)).await.ok();
    }
    if is_silent {
        out.talk("no event matches");
    }
    Ok(Exit::Success)
}

async fn look(history: &History, follower: &mut Follower) -> Result<(Vec<EventRow>, bool)> {
    let is_over = history.row(follower.run).await?.status.is_terminal();
    Ok((follower.next(history).await?, is_over))
}

fn is_wanted(types: &[String], kind: EventType) -> bool {
    let word = kind.word();
    types.is_empty() || types.iter().any(|wanted| wanted == word || word.split('.').next() == Some(wanted))
}

/// Prints the events of a row that come after number `after`; whether there was one.
fn print(out: Output, row: &EventRow, after: u64, names: &Names) -> Result<bool> {
    if out.json {
        let events = view::events(row, names).into_iter().filter(|event| event["seq"].as_u64() > Some(after));
        let mut printed = false;
        for event in events {
            out.value(&event)?;
            printed = true;
        }
        return Ok(printed);
    }
    let task = |n| match names.place(n) {
        // That is about the group: its first task is only where it is noted.
        Some(place) if row.event_type == EventType::TaskExpanded => place.key.to_owned(),
        Some(place) => place.to_string(),
        None => TaskRef { run: row.run, n }.id().to_string(),
    };
    let subjects: Vec<(u64, String)> = match row.tasks.is_empty() {
        true => vec![(row.seq, String::new())],
        false => (row.seq..).zip(row.tasks.iter().map(task)).collect(),
    };
    let mut printed = false;
    for (seq, subject) in subjects.into_iter().filter(|(seq, _)| *seq > after) {
        let at = rfc3339(row.created_at);
        let at = at.as_str().unwrap_or_default();
        let rest: Vec<String> = [subject, details(row), by(&row.actor)].into_iter().filter(|t| !t.is_empty()).collect();
        out.data(format!("{seq:>5}  {}  {:TYPE$}  {}", faint(at), row.event_type.word(), rest.join("  ")).trim_end())?;
        printed = true;
    }
    Ok(printed)
}

/// `attempt=2 reason=lost`
fn details(row: &EventRow) -> String {
    let Some(Value::Object(fields)) = row.payload.as_ref().map(ork_core::json::Json::value) else {
        return String::new();
    };
    let is_plain = |text: &&str| !text.contains("  ") && !text.chars().any(char::is_control);
    let text = |value: &Value| value.as_str().filter(is_plain).map_or_else(|| value.to_string(), str::to_owned);
    let shown = |(key, value): (&String, &Value)| clean(&format!("{key}={}", text(value)));
    fields.iter().map(shown).collect::<Vec<_>>().join(" ")
}

/// Who did it, where that is not Ork itself.
fn by(actor: &Actor) -> String {
    match actor.kind {
        ActorKind::System | ActorKind::Worker => String::new(),
        _ => format!("by {}", clean(&actor.id)),
    }
}

//! `ork runs list`.

use anyhow::Result;
use ork_core::clock::Timestamp;
use ork_core::limits::PAGE_MAX;
use ork_core::state::RunStatus;
use ork_core::store::RunRow;
use ork_filter::{Filter, FilterError, quoted};
use ork_workflow::nearest;

use crate::carrier::orphans;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::{History, Wanted};
use crate::ids;
use crate::output::{Output, faint, status};
use crate::table;
use crate::view;
use crate::when::{ago, duration};

/// Options of `ork runs list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A run is listed when every word is true of it:
  status:failed,cancelled  one of these: pending, running, paused, success, failed, cancelled
  is:retrying              a task waits for its next attempt
  is:held                  it waits for a slot of its concurrency key
  is:unacknowledged        it is over, and nobody has taken note of it
  name:etl                 the workflow
  label.team=media         a label; with blanks label.team=\"a b\"
  created>-2h              at that time or later; `<` is before it; also started, finished
  created<2026-11-01       times are -30s, -5m, -2h, -7d, -2w, or in UTC: a date, 2026-11-01T12:00:00Z
To a shell `<` and `>` mean files: put such words in quotes.

Examples:
  ork runs list status:failed 'started>-2h'
  ork runs list name:etl label.team=media --limit 5
  ork runs list --all 'created>2026-11-01' | jq .name")]
pub struct Args {
    /// Only runs of which these words are true, such as status:failed or 'started>-2h'.
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// Only these: pending, running, paused, success, failed, cancelled; with commas between them.
    #[arg(long, value_name = "WORDS", value_delimiter = ',', value_parser = parse_status)]
    pub status: Vec<RunStatus>,
    /// Only runs of this workflow.
    #[arg(long)]
    pub name: Option<String>,
    /// Only runs with this label; more than once for more labels.
    #[arg(long, value_name = "KEY=VALUE")]
    pub label: Vec<String>,
    /// Only runs before this one in the list: the last one of the page before.
    #[arg(long, value_name = "RUN")]
    pub before: Option<String>,
    /// At most so many, up to 200.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE_MAX)))]
    pub limit: u32,
    /// All of them, however many, as JSON: one object a line.
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
}

fn parse_status(word: &str) -> Result<RunStatus, String> {
    RunStatus::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = RunStatus::ALL.iter().map(|status| status.word()).collect();
        format!("a run is {}", words.join(", "))
    })
}

/// Carries out `ork runs list`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let filter = filter(&args, out)?;
    let Some(history) = History::open_existing(out, config).await? else {
        out.talk("no run yet; start one with: ork run FILE");
        return Ok(Exit::Success);
    };
    let before = match &args.before {
        Some(text) => Some(ids::run(&history, text).await?),
        None => None,
    };
    let wanted = Wanted { filter: filter.clone(), before, limit: PAGE_MAX, results: out.json || args.all };
    if args.all {
        return all(&history, wanted).await;
    }
    let wanted = Wanted { limit: args.limit, ..wanted };
    let rows = history.runs(&wanted).await?;
    if out.json {
        for row in &rows {
            out.value(&view::run(row))?;
        }
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        match near(&history, filter.name.as_deref()).await? {
            Some(name) => out.talk(format!("no run matches; did you mean `{name}`?")),
            None => out.talk("no run matches"),
        }
        return Ok(Exit::Success);
    }
    let now = history.now();
    let orphans = orphans(&history, &rows).await?;
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row, orphans.contains(&row.id), now)).collect();
    let paint = |column: usize, cell: &str| match column {
        1 => status(cell),
        4 | 5 => faint(cell),
        _ => cell.to_owned(),
    };
    for line in table::lines(&cells, paint) {
        out.data(line)?;
    }
    if let Some(last) = rows.last().filter(|_| rows.len() == args.limit as usize) {
        out.talk(format!("older: ork runs list{} --before {}{}", pasted(&filter), last.id, history.flags()));
    }
    Ok(Exit::Success)
}

/// Pages through everything. What is created meanwhile is newer, and not in it.
async fn all(history: &History, mut wanted: Wanted) -> Result<Exit> {
    loop {
        let rows = history.runs(&wanted).await?;
        for row in &rows {
            history.out.value(&view::run(row))?;
        }
        if rows.len() < wanted.limit as usize {
            return Ok(Exit::Success);
        }
        wanted.before = rows.last().map(|row| row.id);
    }
}

/// Words and options as one filter: an option is a short way to write a word.
fn filter(args: &Args, out: Output) -> Result<Filter> {
    let mut words = args.words.clone();
    if !args.status.is_empty() {
        let statuses: Vec<&str> = args.status.iter().map(|status| status.word()).collect();
        words.push(format!("status:{}", statuses.join(",")));
    }
    words.extend(args.name.iter().map(|name| format!("name:{}", quoted(name))));
    for text in &args.label {
        let (key, value) =
            text.split_once('=').ok_or_else(|| Refusal::usage(format!("`--label {text}` has no value")))?;
        words.push(format!("label.{key}={}", quoted(value)));
    }
    let text = words.join(" ");
    Ok(text.parse().map_err(|error| refusal(&text, error, out))?)
}

/// An error of a filter with its place: a caret for people, the number of a character for programs.
fn refusal(text: &str, error: FilterError, out: Output) -> Refusal {
    let before = text[..error.at.start].chars().count();
    let message = if out.json {
        format!("{} (character {})", error.message, before + 1)
    } else {
        let width = text[error.at.clone()].chars().count().max(1);
        format!("{}\n  {text}\n  {}{}", error.message, " ".repeat(before), "^".repeat(width))
    };
    Refusal { hint: error.hint, ..Refusal::usage(message) }
}

/// A filter as it is pasted into a shell, with a blank before it.
fn pasted(filter: &Filter) -> String {
    let text = filter.to_string();
    if text.is_empty() {
        return text;
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " .,:=_-".contains(c);
    if text.chars().all(is_plain) { format!(" {text}") } else { format!(" '{}'", text.replace('\'', r"'\''")) }
}

/// The name of a run among the newest that was meant by one of no run.
async fn near(history: &History, name: Option<&str>) -> Result<Option<String>> {
    let Some(name) = name else { return Ok(None) };
    let rows = history.runs(&Wanted::newest(PAGE_MAX)).await?;
    let known = nearest(name, rows.iter().map(|row| row.name.as_str()));
    Ok(known.filter(|known| *known != name).map(str::to_owned))
}

fn cells(row: &RunRow, is_orphan: bool, now: Timestamp) -> Vec<String> {
    let done = row.tasks_total - row.tasks_left;
    let took = row.finished_at.unwrap_or(now).since_ms(row.created_at);
    let gone = if is_orphan { ", its process is gone" } else { "" };
    vec![
        row.id.to_string(),
        row.status.word().into(),
        row.name.clone(),
        format!("{done}/{} tasks{gone}", row.tasks_total),
        duration(took),
        ago(row.created_at, now),
    ]
}

//! `ork tasks show`.

use anyhow::Result;
use ork_api::{Spent, Usd};
use ork_core::id::TaskRef;
use ork_core::json::Json;
use ork_core::store::AttemptRow;
use serde_json::Value;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::ids;
use crate::output::{Output, status};
use crate::progress::thousands;
use crate::view;
use crate::when::duration;
use crate::why;

/// Options of `ork tasks show`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork tasks show last/greet
  ork tasks show 9def/cut/3 --json")]
pub struct Args {
    /// A task: RUN/KEY, RUN/KEY/INDEX, or its id.
    #[arg(value_name = "TASK")]
    pub task: String,
}

/// Carries out `ork tasks show`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let task = ids::task(&history, &args.task).await?;
    show_task(&history, task).await?;
    Ok(Exit::Success)
}

/// Shows a task with its attempts.
pub async fn show_task(history: &History, task: TaskRef) -> Result<()> {
    let row = history.task_row(task).await?;
    let attempts = history.attempts(task).await?;
    if history.out.json {
        let mut value = view::task(&row);
        value["spent"] = view::value(history.spent(task).await?);
        value["attempts"] = attempts.iter().map(view::attempt).collect::<Vec<Value>>().into();
        return Ok(history.out.value(&value)?);
    }
    let names = history.names(task.run).await?;
    history.out.data(format!("{}  {}  {}", status(row.status.word()), names.of_task(&row), task.id()))?;
    if let Some(reason) = why::of_task(history, task).await? {
        history.out.data(format!("  why       {}", reason.text))?;
    }
    // A lane that begins with `#` is one process: no worker serves it.
    if !row.lane.starts_with('#') {
        history.out.data(format!("  queue     {}", row.lane))?;
    }
    if let Some(output) = row.output.as_ref().map(Json::value).filter(|output| !output.is_null()) {
        history.out.data(format!("  output    {}", cut(&output.to_string())))?;
    }
    if let Some(Spent { tokens, cost_micros }) = history.spent(task).await? {
        let used = format!("{} tokens, {} USD", thousands(tokens), Usd(cost_micros));
        history.out.data(format!("  steps     {used}: ork tasks steps {}{}", task.id(), history.flags()))?;
    }
    for attempt in &attempts {
        history.out.data(format!("  attempt   {}", attempt_words(attempt, history)))?;
    }
    Ok(())
}

fn attempt_words(attempt: &AttemptRow, history: &History) -> String {
    let end = attempt.finished_at.unwrap_or_else(|| history.now());
    let took = duration(end.since_ms(attempt.started_at.unwrap_or(attempt.dispatched_at)));
    let outcome = attempt.outcome.as_deref().unwrap_or("running");
    let error = attempt.error.as_ref().map(|error| format!(": {}", error.message)).unwrap_or_default();
    format!("{}  {}  {took}{error}", attempt.attempt, status(outcome))
}

/// Characters of a value in a line.
const VALUE_MAX: usize = 100;

/// A value, shortened to a line.
pub fn cut(text: &str) -> String {
    if text.chars().count() <= VALUE_MAX {
        text.to_owned()
    } else {
        format!("{}…", text.chars().take(VALUE_MAX).collect::<String>())
    }
}

//! `ork tasks steps`.

use anyhow::Result;
use ork_api::{Step, Usd};

use super::show::cut;
use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::ids;
use crate::output::{Output, faint, status};
use crate::progress::{first_line, thousands};
use crate::table;
use crate::view;
use crate::when::duration;

/// Options of `ork tasks steps`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Each try of each step, as attempt.round, with what it used. Those that have not begun are not there.

Examples:
  ork tasks steps last/review
  ork tasks steps last/review --json")]
pub struct Args {
    /// A task: RUN/KEY, RUN/KEY/INDEX, or its id.
    #[arg(value_name = "TASK")]
    pub task: String,
}

/// Carries out `ork tasks steps`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let task = ids::task(&history, &args.task).await?;
    let steps = history.steps(task).await?;
    if out.json {
        for step in &steps {
            out.value(&view::value(step))?;
        }
        return Ok(Exit::Success);
    }
    if steps.is_empty() {
        out.talk("no step of it has begun");
    }
    let cells: Vec<Vec<String>> = steps.iter().map(cells).collect();
    let paint = |column: usize, cell: &str| match column {
        1 => status(cell),
        4 | 5 => faint(cell),
        _ => cell.to_owned(),
    };
    for line in table::lines(&cells, paint) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

fn cells(step: &Step) -> Vec<String> {
    let tried = if step.tried > 1 { format!(" (try {})", step.tried) } else { String::new() };
    let used = step.input_tokens.saturating_add(step.output_tokens);
    let used = match (used, step.cost_micros) {
        (0, 0) => String::new(),
        (tokens, micros) => format!("{} tokens, {} USD", thousands(tokens), Usd(micros)),
    };
    let error = step.error.as_ref().map(|error| cut(first_line(&error.message))).unwrap_or_default();
    vec![
        format!("{}.{}", step.attempt, step.round),
        step.status.clone(),
        step.phase.clone(),
        format!("{}{tried}", step.name),
        step.duration_ms.map(duration).unwrap_or_default(),
        used,
        error,
    ]
}

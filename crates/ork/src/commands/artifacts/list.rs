//! `ork artifacts list`.

use anyhow::Result;

use super::{bytes, task};
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::{History, WantedArtifacts};
use crate::ids::{self, Target};
use crate::log_text::clean;
use crate::output::{Output, faint};
use crate::table;
use crate::view;
use crate::when::{ago, moment};

/// Options of `ork artifacts list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Names may repeat; the newest one is meant by RUN/NAME. One that is elsewhere is shown with its address.

Examples:
  ork artifacts list last
  ork artifacts list last --kind video
  ork artifacts list --json")]
pub struct Args {
    /// Only artifacts of this run.
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Only those of this kind.
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Only those of this task: KEY or KEY/INDEX of the run, or any task.
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// At most so many, the newest.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
}

/// Carries out `ork artifacts list`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let none = "no artifact is kept";
    let Some(history) = History::open_existing(out, config).await? else {
        out.talk(none);
        return Ok(Exit::Success);
    };
    let run = match &args.run {
        Some(text) => Some(ids::run(&history, text).await?),
        None => None,
    };
    let task_ref = match (&args.task, run) {
        (None, _) => None,
        (Some(text), Some(run)) if !text.starts_with("task_") => {
            Some(ids::task(&history, &format!("{run}/{text}")).await?)
        }
        (Some(text), _) => match history.resolve(text).await? {
            Target::Task(task) => Some(task),
            Target::Run(_) => return Err(Refusal::usage(format!("`{text}` is a run, not a task")).into()),
        },
    };
    let wanted = WantedArtifacts { run, task: task_ref, kind: args.kind, name: None, limit: args.limit };
    let found = history.artifacts(&wanted).await?;
    if out.json {
        for artifact in &found {
            out.value(&view::value(artifact))?;
        }
        return Ok(Exit::Success);
    }
    if found.is_empty() {
        out.talk(none);
    }
    let now = history.now();
    let cells = found.iter().map(|artifact| {
        vec![
            artifact.id.clone(),
            clean(&artifact.name),
            clean(&artifact.kind),
            artifact.size.map_or_else(|| "?".to_owned(), bytes),
            clean(&artifact.content_type),
            task(artifact),
            ago(moment(&artifact.created_at), now),
            artifact.url.as_deref().map(clean).unwrap_or_default(),
        ]
    });
    let cells: Vec<Vec<String>> = cells.collect();
    let paint = |column: usize, cell: &str| if column > 3 { faint(cell) } else { cell.to_owned() };
    for line in table::lines(&cells, paint) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

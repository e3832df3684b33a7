//! `ork runs logs`.

use std::time::Duration;

use anyhow::Result;
use ork_core::executor::Stream;
use ork_core::id::{RunId, TaskRef};
use ork_core::limits::PAGE_MAX;
use ork_core::store::{LogChunk, TaskFilter, TaskRow};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::carrier;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::{History, Outputs};
use crate::ids::Target;
use crate::log_text::{self, Lines, page};
use crate::names::Names;
use crate::output::{Output, faint};

/// Options of `ork runs logs`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
One task's log is printed as it was written, both streams together. Logs of a whole run have each line behind the name \
of its task, in the order of the tasks. With --json each line is an object.

Examples:
  ork runs logs last
  ork runs logs last/cut/3 --attempt 1
  ork runs logs last/encode --follow")]
pub struct Args {
    /// A run or a task [default: the newest run]
    #[arg(value_name = "RUN|TASK", default_value = "last", hide_default_value = true)]
    pub target: String,
    /// This attempt of a task, from 1 [default: the last]
    #[arg(long, value_name = "N")]
    pub attempt: Option<u32>,
    /// Only the last N lines of each task; 0 means all.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub tail: usize,
    /// Go on until the task is over, or the process that carried it is gone.
    #[arg(long, short)]
    pub follow: bool,
}

/// How often a log is looked at.
const LOOK: Duration = Duration::from_millis(300);
/// How often the process that writes it is looked for.
const CARRIER_LOOK: Duration = Duration::from_secs(2);

/// Carries out `ork runs logs`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    match history.resolve(&args.target).await? {
        Target::Task(task) => {
            let row = history.task_row(task).await?;
            one(&history, &args, &row, None).await?;
        }
        Target::Run(run) => all(&history, &args, run).await?,
    }
    Ok(Exit::Success)
}

async fn all(history: &History, args: &Args, run: RunId) -> Result<()> {
    if args.attempt.is_some() || args.follow {
        let hint = format!("{run}/TASK{}", history.flags());
        return Err(Refusal::usage("`--attempt` and `--follow` are for one task").hint(hint).into());
    }
    let names = history.names(run).await?;
    // Siblings of an `each` over outputs are born after everything else: all siblings are looked up behind their first.
    let mut filter = TaskFilter { limit: PAGE_MAX, ..TaskFilter::default() };
    loop {
        let tasks = history.tasks(run, &filter, Outputs::Without).await?;
        for task in tasks.iter().filter(|task| task.task_index == 0) {
            attempted(history, args, task, &names).await?;
            if names.place(task.task.n).and_then(|place| place.size).is_some_and(|size| size > 1) {
                siblings(history, args, task, &names).await?;
            }
        }
        filter.after = tasks.last().map(|task| task.task.n);
        if tasks.len() < PAGE_MAX as usize {
            return Ok(());
        }
    }
}

/// The other tasks of the group of `first`.
async fn siblings(history: &History, args: &Args, first: &TaskRow, names: &Names) -> Result<()> {
    let after = Some(first.task.n);
    let mut filter = TaskFilter { g: Some(first.g), after, limit: PAGE_MAX, ..TaskFilter::default() };
    loop {
        let tasks = history.tasks(first.task.run, &filter, Outputs::Without).await?;
        for task in &tasks {
            attempted(history, args, task, names).await?;
        }
        filter.after = tasks.last().map(|task| task.task.n);
        if tasks.len() < PAGE_MAX as usize {
            return Ok(());
        }
    }
}

async fn attempted(history: &History, args: &Args, task: &TaskRow, names: &Names) -> Result<()> {
    if task.attempt == 0 {
        return Ok(());
    }
    one(history, args, task, Some(&names.of_task(task))).await
}

async fn one(history: &History, args: &Args, task: &TaskRow, name: Option<&str>) -> Result<()> {
    let attempt = args.attempt.unwrap_or(task.attempt);
    if attempt > task.attempt || attempt == 0 {
        let had = if task.attempt == 1 { "1 attempt".to_owned() } else { format!("{} attempts", task.attempt) };
        let message = format!("`{}` has had {had}", task.key);
        return Err(Refusal::no_match(message).hint(format!("ork why {}{}", args.target, history.flags())).into());
    }
    let printer = Printer { history, task, attempt, name };
    let mut from = 0;
    if args.tail > 0 {
        let (lines, end) = log_text::tail(history, task.task, attempt, args.tail).await?;
        printer.lines(lines)?;
        from = end;
        if !args.follow {
            return Ok(());
        }
    }
    let mut open = Lines::default();
    let mut next_look = Instant::now();
    loop {
        let is_over = !args.follow || is_over(history, task.task, attempt).await?;
        let mut is_orphan = false;
        if !is_over && Instant::now() >= next_look {
            is_orphan = carrier::is_orphan(history, &history.row(task.task.run).await?).await?;
            next_look = Instant::now() + CARRIER_LOOK;
        }
        loop {
            let found = page(history, task.task, attempt, from).await?;
            for chunk in &found.chunks {
                printer.chunk(&mut open, chunk)?;
                from = chunk.position + 1;
            }
            if found.next.is_none() {
                break;
            }
        }
        if is_over || is_orphan {
            printer.lines(open.rest())?;
        }
        if is_orphan {
            return Err(carrier::refusal(history, task.task.run).into());
        }
        if is_over {
            return Ok(());
        }
        sleep(LOOK).await;
    }
}

async fn is_over(history: &History, task: TaskRef, attempt: u32) -> Result<bool> {
    let row = history.task_row(task).await?;
    Ok(row.status.is_terminal() || row.attempt > attempt || !row.status.is_leased())
}

/// Prints the log of one attempt.
struct Printer<'a> {
    history: &'a History,
    task: &'a TaskRow,
    attempt: u32,
    /// Printed before each line; `None` for a log of one task, which is printed as it is.
    name: Option<&'a str>,
}

impl Printer<'_> {
    fn chunk(&self, open: &mut Lines, chunk: &LogChunk) -> Result<()> {
        if self.history.out.json || self.name.is_some() {
            return self.lines(open.take(chunk));
        }
        Ok(self.history.out.bytes(&chunk.bytes)?)
    }

    fn lines(&self, lines: Vec<(Stream, String)>) -> Result<()> {
        for (stream, line) in lines {
            if self.history.out.json {
                self.history.out.value(&json!({
                    "task_id": self.task.task.id().to_string(),
                    "key": self.task.key,
                    "task_index": self.task.task_index,
                    "attempt": self.attempt,
                    "stream": stream.word(),
                    "line": line,
                }))?;
            } else if let Some(name) = self.name {
                // A carriage return would write the line over the name.
                let line = line.replace('\r', " ");
                self.history.out.data(format!("{} {line}", faint(&format!("{name} |"))))?;
            } else {
                self.history.out.data(line)?;
            }
        }
        Ok(())
    }
}

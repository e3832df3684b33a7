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
use crate::carry::row;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::ids::{self, Target};
use crate::log_text::{self, Lines, page};
use crate::names::Names;
use crate::output::{Output, faint};
use crate::world::World;

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
    let world = World::find(out, config).await?;
    match ids::target(world.store.as_ref(), world.scope(), &args.target).await? {
        Target::Task(task) => {
            let row = task_row(&world, task).await?;
            one(&world, &args, &row, None).await?;
        }
        Target::Run(run) => all(&world, &args, run).await?,
    }
    Ok(Exit::Success)
}

async fn all(world: &World, args: &Args, run: RunId) -> Result<()> {
    if args.attempt.is_some() || args.follow {
        let hint = format!("{run}/TASK{}", world.flags());
        return Err(Refusal::usage("`--attempt` and `--follow` are for one task").hint(hint).into());
    }
    let names = Names::read(world.store.as_ref(), world.scope(), run).await?;
    // Siblings of an `each` over outputs are born after everything else: all siblings are looked up behind their first.
    let mut filter = TaskFilter { limit: PAGE_MAX, ..TaskFilter::default() };
    loop {
        let tasks = world.store.tasks(world.scope(), run, &filter).await?;
        for task in tasks.iter().filter(|task| task.task_index == 0) {
            attempted(world, args, task, &names).await?;
            if names.place(task.task.n).and_then(|place| place.size).is_some_and(|size| size > 1) {
                siblings(world, args, task, &names).await?;
            }
        }
        filter.after = tasks.last().map(|task| task.task.n);
        if tasks.len() < PAGE_MAX as usize {
            return Ok(());
        }
    }
}

/// The other tasks of the group of `first`.
async fn siblings(world: &World, args: &Args, first: &TaskRow, names: &Names) -> Result<()> {
    let after = Some(first.task.n);
    let mut filter = TaskFilter { g: Some(first.g), after, limit: PAGE_MAX, ..TaskFilter::default() };
    loop {
        let tasks = world.store.tasks(world.scope(), first.task.run, &filter).await?;
        for task in &tasks {
            attempted(world, args, task, names).await?;
        }
        filter.after = tasks.last().map(|task| task.task.n);
        if tasks.len() < PAGE_MAX as usize {
            return Ok(());
        }
    }
}

async fn attempted(world: &World, args: &Args, task: &TaskRow, names: &Names) -> Result<()> {
    if task.attempt == 0 {
        return Ok(());
    }
    one(world, args, task, Some(&names.of_task(task))).await
}

async fn one(world: &World, args: &Args, task: &TaskRow, name: Option<&str>) -> Result<()> {
    let attempt = args.attempt.unwrap_or(task.attempt);
    if attempt > task.attempt || attempt == 0 {
        let had = if task.attempt == 1 { "1 attempt".to_owned() } else { format!("{} attempts", task.attempt) };
        let message = format!("`{}` has had {had}", task.key);
        return Err(Refusal::no_match(message).hint(format!("ork why {}{}", args.target, world.flags())).into());
    }
    let printer = Printer { world, task, attempt, name };
    let mut from = 0;
    if args.tail > 0 {
        let (lines, end) = log_text::tail(world.look(), task.task, attempt, args.tail).await?;
        printer.lines(lines)?;
        from = end;
        if !args.follow {
            return Ok(());
        }
    }
    let mut open = Lines::default();
    let mut next_look = Instant::now();
    loop {
        let is_over = !args.follow || is_over(world, task.task, attempt).await?;
        let mut is_orphan = false;
        if !is_over && Instant::now() >= next_look {
            is_orphan = carrier::is_orphan(world, &row(world, task.task.run).await?).await?;
            next_look = Instant::now() + CARRIER_LOOK;
        }
        loop {
            let found = page(world.look(), task.task, attempt, from).await?;
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
            return Err(carrier::refusal(world, task.task.run).into());
        }
        if is_over {
            return Ok(());
        }
        sleep(LOOK).await;
    }
}

async fn is_over(world: &World, task: TaskRef, attempt: u32) -> Result<bool> {
    let row = task_row(world, task).await?;
    Ok(row.status.is_terminal() || row.attempt > attempt || !row.status.is_leased())
}

async fn task_row(world: &World, task: TaskRef) -> Result<TaskRow> {
    let found = world.store.task(world.scope(), task).await?;
    found.ok_or_else(|| Refusal::no_match(format!("nothing matches `{}`", task.id())).into())
}

/// Prints the log of one attempt.
struct Printer<'a> {
    world: &'a World,
    task: &'a TaskRow,
    attempt: u32,
    /// Printed before each line; `None` for a log of one task, which is printed as it is.
    name: Option<&'a str>,
}

impl Printer<'_> {
    fn chunk(&self, open: &mut Lines, chunk: &LogChunk) -> Result<()> {
        if self.world.out.json || self.name.is_some() {
            return self.lines(open.take(chunk));
        }
        Ok(self.world.out.bytes(&chunk.bytes)?)
    }

    fn lines(&self, lines: Vec<(Stream, String)>) -> Result<()> {
        for (stream, line) in lines {
            if self.world.out.json {
                self.world.out.value(&json!({
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
                self.world.out.data(format!("{} {line}", faint(&format!("{name} |"))))?;
            } else {
                self.world.out.data(line)?;
            }
        }
        Ok(())
    }
}

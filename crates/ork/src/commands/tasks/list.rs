//! `ork tasks list`.

use anyhow::Result;
use ork_core::attempt::FailureKind;
use ork_core::id::RunId;
use ork_core::limits::PAGE_MAX;
use ork_core::state::TaskStatus;
use ork_core::store::{TaskFilter, TaskRow};

use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::{History, Outputs};
use crate::ids;
use crate::output::{Output, faint, status};
use crate::progress::because;
use crate::table;
use crate::view;
use crate::when::{duration, until};

/// Options of `ork tasks list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork tasks list last --status failed,retrying
  ork tasks list 9def --key cut --limit 0 --json")]
pub struct Args {
    /// A run [default: the newest]
    #[arg(value_name = "RUN", default_value = "last", hide_default_value = true)]
    pub run: String,
    /// Only these: pending, queued, dispatched, running, waiting, retrying, paused, success, failed, skipped, cancelled; with commas between them.
    #[arg(long, value_name = "WORDS", value_delimiter = ',', value_parser = parse_status)]
    pub status: Vec<TaskStatus>,
    /// Only this task of the workflow file, with all of its siblings.
    #[arg(long)]
    pub key: Option<String>,
    /// At most so many; 0 means all.
    #[arg(long, value_name = "N", default_value_t = PAGE_MAX)]
    pub limit: u32,
}

fn parse_status(word: &str) -> Result<TaskStatus, String> {
    TaskStatus::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = TaskStatus::ALL.iter().map(|status| status.word()).collect();
        match ork_workflow::nearest(word, words.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("a task is {}", words.join(", ")),
        }
    })
}

/// Carries out `ork tasks list`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let run = ids::run(&history, &args.run).await?;
    let names = history.names(run).await?;
    let g = args.key.as_deref().map(|key| ids::group(&names, run, key)).transpose()?.map(|group| group.g);
    let filter = TaskFilter { g, statuses: args.status, ..TaskFilter::default() };
    let outputs = if out.json { Outputs::With } else { Outputs::Without };
    let (tasks, is_all) = read(&history, run, (filter, outputs), args.limit).await?;
    if out.json {
        for task in &tasks {
            out.value(&view::task(task))?;
        }
        return Ok(Exit::Success);
    }
    let cells = |task: &TaskRow| vec![task.status.word().into(), names.of_task(task), words(&history, task)];
    let cells: Vec<Vec<String>> = tasks.iter().map(cells).collect();
    let paint = |column: usize, cell: &str| match column {
        0 => status(cell),
        2 => faint(cell),
        _ => cell.to_owned(),
    };
    for line in table::lines(&cells, paint) {
        out.data(line)?;
    }
    if tasks.is_empty() {
        out.talk("no task matches");
    } else if !is_all {
        out.talk(format!("and more; all of them: ork tasks list {run} --limit 0{}", history.flags()));
    }
    Ok(Exit::Success)
}

/// The first tasks by number, in the order of the file, siblings by index; and whether they are all.
async fn read(
    history: &History,
    run: RunId,
    (mut filter, outputs): (TaskFilter, Outputs),
    limit: u32,
) -> Result<(Vec<TaskRow>, bool)> {
    let wanted = if limit == 0 { usize::MAX } else { limit as usize };
    let mut tasks = Vec::new();
    filter.limit = PAGE_MAX;
    loop {
        let page = history.tasks(run, &filter, outputs).await?;
        filter.after = page.last().map(|task| task.task.n);
        let is_last = page.len() < PAGE_MAX as usize;
        tasks.extend(page);
        if is_last || tasks.len() > wanted {
            break;
        }
    }
    let is_all = tasks.len() <= wanted;
    tasks.truncate(wanted);
    tasks.sort_by_key(|task| (task.g, task.task_index));
    Ok((tasks, is_all))
}

/// How long, which attempt, how far, and what it waits for.
pub fn words(history: &History, task: &TaskRow) -> String {
    let now = history.now();
    let mut words = Vec::new();
    if let (Some(from), Some(to)) = (task.started_at, task.finished_at) {
        words.push(duration(to.since_ms(from)));
    } else if let (Some(from), false) = (task.started_at, task.status.is_terminal()) {
        words.push(format!("for {}", duration(now.since_ms(from))));
    }
    if let (Some(at), TaskStatus::Retrying) = (task.available_at, task.status) {
        let what = if task.error.as_ref().is_some_and(|error| error.kind == FailureKind::Unserved) {
            "given back".to_owned()
        } else {
            format!("failure {} of {}", task.failures, task.max_attempts)
        };
        words.push(format!("{what}, again {}", until(at, now)));
    } else if task.attempt > 1 {
        words.push(format!("attempt {}", task.attempt));
    }
    if let Some(progress) = task.progress.as_ref().filter(|_| !task.status.is_terminal()) {
        words.push(format!("{} %", progress.percent));
    }
    if task.held {
        words.push("waits for a slot".into());
    }
    let because = task.reason.map(|reason| because(reason.word())).filter(|words| !words.is_empty());
    words.extend(because.map(str::to_owned));
    words.join(", ")
}

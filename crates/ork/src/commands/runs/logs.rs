//! `ork runs logs`.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Result;
use ork_core::executor::Stream;
use ork_core::id::{RunId, TaskRef};
use ork_core::limits::{LOG_LINES_MAX, PAGE_MAX};
use ork_core::store::{TaskFilter, TaskRow};
use ork_logs::{LineRow, LinesPage, Pattern};
use ork_server::logs::Wish;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::carrier;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal, is_transient};
use crate::history::{History, Outputs};
use crate::ids::Target;
use crate::log_text::shown;
use crate::names::Names;
use crate::output::{Output, faint, warn};

/// Options of `ork runs logs`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Lines are in the order in which they came, both streams and Ork's own notes together. Logs of a whole run have each line \
behind the name of its task, in the order of the tasks. Colours are shown as they were written; other escapes and control \
characters are written out, and a line that only looks like a note of Ork's has a backslash before it. With --raw the log \
of one task is printed byte for byte. With --json each line is an object.

Examples:
  ork runs logs last
  ork runs logs last/cut/3 --attempt 1
  ork runs logs last/encode --follow
  ork runs logs last/encode --grep 'frame=\\d+9' --regex --line-numbers")]
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
    /// Only lines behind the first N.
    #[arg(long, value_name = "N", conflicts_with = "tail")]
    pub after_line: Option<u64>,
    /// Only lines with this text in them.
    #[arg(long, short, value_name = "TEXT")]
    pub grep: Option<String>,
    /// The text is a regular expression.
    #[arg(long, short = 'E', requires = "grep")]
    pub regex: bool,
    /// Capital letters are the same as small ones.
    #[arg(long, short, requires = "grep")]
    pub ignore_case: bool,
    /// Show the number of each line.
    #[arg(long, short = 'n')]
    pub line_numbers: bool,
    /// Print the log of one task byte for byte.
    #[arg(long, conflicts_with_all = ["tail", "after_line", "grep", "line_numbers"])]
    pub raw: bool,
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
    if let Some(text) = &args.grep {
        let pattern = Pattern::new(text, args.regex, args.ignore_case);
        pattern.map_err(|why| Refusal::usage(format!("`--grep` is wrong: {why}")))?;
    }
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
    if args.attempt.is_some() || args.follow || args.raw {
        let hint = format!("{run}/TASK{}", history.flags());
        return Err(Refusal::usage("`--attempt`, `--follow` and `--raw` are for one task").hint(hint).into());
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
    let mut log = Log { history, args, task, attempt, name, at: 0 };
    log.begin().await?;
    let (mut next_look, mut is_down) = (Instant::now(), false);
    loop {
        match log.look(&mut next_look).await {
            Ok(true) => return Ok(()),
            Ok(false) => is_down = false,
            Err(error) if args.follow && is_transient(&error) => {
                if !std::mem::replace(&mut is_down, true) {
                    warn(format!("waiting: {error}"));
                }
            }
            Err(error) => return Err(error),
        }
        sleep(LOOK).await;
    }
}

async fn is_over(history: &History, task: TaskRef, attempt: u32) -> Result<bool> {
    let row = history.task_row(task).await?;
    Ok(row.status.is_terminal() || row.attempt > attempt || !row.status.is_leased())
}

/// Prints the log of one attempt.
struct Log<'a> {
    history: &'a History,
    args: &'a Args,
    task: &'a TaskRow,
    attempt: u32,
    /// Printed before each line; `None` for a log of one task.
    name: Option<&'a str>,
    /// Where it goes on: behind so many lines, or so many bytes of a raw one.
    at: u64,
}

impl Log<'_> {
    /// Prints what is new. True when nothing more will come.
    async fn look(&mut self, next_look: &mut Instant) -> Result<bool> {
        let (history, task) = (self.history, self.task.task);
        let is_over = !self.args.follow || is_over(history, task, self.attempt).await?;
        let mut is_orphan = false;
        if !is_over && Instant::now() >= *next_look {
            is_orphan = carrier::is_orphan(history, &history.row(task.run).await?).await?;
            *next_look = Instant::now() + CARRIER_LOOK;
        }
        self.go_on(is_over || is_orphan).await?;
        if is_orphan {
            return Err(carrier::refusal(history, task.run).into());
        }
        Ok(is_over)
    }

    /// Finds the place from which on it is printed.
    async fn begin(&mut self) -> Result<()> {
        let count = self.args.tail as u64;
        self.at = self.args.after_line.unwrap_or(0);
        if count == 0 {
            return Ok(());
        }
        if self.args.grep.is_some() {
            return self.last_found().await;
        }
        let last = self.page(Wish { tail: Some(1), ..Wish::default() }).await?;
        self.at = last.lines.last().map_or(0, |line| line.number).saturating_sub(count);
        Ok(())
    }

    /// The last lines that match, of all that there are now.
    async fn last_found(&mut self) -> Result<()> {
        let mut found = VecDeque::new();
        loop {
            let page = self.page(self.wish()).await?;
            self.at = page.after;
            found.extend(page.lines.into_iter().filter(|line| line.is_whole || !self.args.follow));
            found.drain(..found.len().saturating_sub(self.args.tail));
            if !page.more {
                break;
            }
        }
        found.iter().try_for_each(|line| self.print(line))?;
        if !self.args.follow {
            // The last one may have no end: it was printed.
            self.at = u64::MAX;
        }
        Ok(())
    }

    fn wish(&self) -> Wish {
        let Args { grep, regex, ignore_case, .. } = self.args;
        Wish {
            after_line: Some(self.at),
            limit: Some(LOG_LINES_MAX.into()),
            grep: grep.clone(),
            regex: *regex,
            ignore_case: *ignore_case,
            ..Wish::default()
        }
    }

    async fn page(&self, wish: Wish) -> Result<LinesPage> {
        self.history.log_lines((self.task.task, self.attempt), &wish).await
    }

    /// Prints what there is now. A line that is not over is waited for, unless `is_over`.
    async fn go_on(&mut self, is_over: bool) -> Result<()> {
        if self.args.raw && !self.history.out.json {
            return self.bytes().await;
        }
        while self.at < u64::MAX {
            let page = self.page(self.wish()).await?;
            let mut lines = page.lines.iter().filter(|line| line.is_whole || is_over);
            lines.try_for_each(|line| self.print(line))?;
            self.at = page.after;
            if !page.more {
                break;
            }
        }
        Ok(())
    }

    async fn bytes(&mut self) -> Result<()> {
        loop {
            let pieces = self.history.log_bytes((self.task.task, self.attempt), self.at).await?;
            for block in &pieces.blocks {
                self.history.out.bytes(&block.bytes)?;
                self.at = block.end_offset();
            }
            match pieces.next {
                Some(next) => self.at = next,
                None => return Ok(()),
            }
        }
    }

    fn print(&self, line: &LineRow) -> Result<()> {
        let out = self.history.out;
        if out.json {
            return Ok(out.value(&json!({
                "task_id": self.task.task.id().to_string(),
                "key": self.task.key,
                "task_index": self.task.task_index,
                "attempt": self.attempt,
                "line": line.number,
                "offset": line.offset,
                "stream": line.stream.word(),
                "text": line.text(),
            }))?);
        }
        let text = shown(line.stream, &line.text());
        let text = if line.stream == Stream::Ork { faint(&text) } else { text };
        let number = if self.args.line_numbers { faint(&format!("{:>7}  ", line.number)) } else { String::new() };
        let name = self.name.map(|name| faint(&format!("{name} |")) + " ").unwrap_or_default();
        Ok(out.data(format!("{name}{number}{text}"))?)
    }
}

//! What a shell completes besides commands and options: runs, tasks, workflows, filters. It is asked at each press of a
//! key, so it is quick, changes nothing, and says nothing about errors.

mod bash;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use clap::{Command, CommandFactory};
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::{CompleteEnv, Elvish, Fish, Powershell, Shells, Zsh};
use ork_core::clock::Timestamp;
use ork_core::id::RunId;
use ork_core::limits::PAGE_MAX;
use ork_core::state::RunStatus;
use ork_core::store::{GroupRow, RunRow, TaskFilter};
use ork_filter::Known;
use ork_workflow::{InputSpec, Workflow};
use serde_json::Map;

use crate::cli::Cli;
use crate::config::{Config, Flags, HERE};
use crate::history::{History, Outputs, Wanted, WantedArtifacts};
use crate::ids;
use crate::log_text::clean;
use crate::names::number;
use crate::output::Output;
use crate::pages;
use crate::when::ago;
use crate::workflow_file::WorkflowFile;

/// Set by the scripts of `ork completions`: this process is to complete, for the shell of that name.
pub const VARIABLE: &str = "ORK_COMPLETE";

/// The shells that there are scripts for.
pub const SHELLS: Shells<'static> = Shells(&[&bash::Bash, &Elvish, &Fish, &Powershell, &Zsh]);

/// How long a database may take. Whoever types does not wait for it.
const WAIT: Duration = Duration::from_millis(200);
/// Runs, the newest, that are offered.
const RUNS_MAX: u32 = 50;
/// Siblings of a task that are offered.
const SIBLINGS_MAX: u32 = 50;

type Candidates = Vec<CompletionCandidate>;

/// Answers the shell that asks for completions, if one does. Then nothing else is to be done.
pub fn answer() -> bool {
    let Some(shell) = std::env::var_os(VARIABLE) else { return false };
    let after = std::env::args_os().skip_while(|arg| arg != "--").skip(1);
    let mut words: Vec<String> = after.map(|word| word.to_string_lossy().into_owned()).collect();
    if shell == "bash" {
        words = bash::split(words.first().map_or("", String::as_str)).words;
    }
    let factory = || with_completers(Cli::command(), &Asker { flags: flags(&words), words: words.clone() });
    let env = CompleteEnv::with_factory(factory).var(VARIABLE).completer("ork").shells(SHELLS);
    // What cannot be completed is not: a message would stand in the middle of somebody's command line.
    env.try_complete(std::env::args_os(), std::env::current_dir().ok().as_deref()).unwrap_or(true)
}

/// Where the history is that the command line names so far.
fn flags(words: &[String]) -> Flags {
    let value = |flag: &str| {
        let at = words
            .iter()
            .position(|word| word.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')))?;
        let after = words[at].strip_prefix(flag)?.strip_prefix('=').map(str::to_owned);
        after.or_else(|| words.get(at + 1).cloned())
    };
    Flags {
        database: value("--database"),
        artifacts: None,
        workspace: value("--workspace"),
        server: value("--server"),
        context: value("--context"),
        token_file: value("--token-file"),
    }
}

/// The command line, whose arguments know what they can be. One place for all commands: an argument is known by its name,
/// which means the same everywhere.
fn with_completers(command: Command, asker: &Asker) -> Command {
    let lists_runs = command.get_name() == "list" && command.get_arguments().any(|arg| arg.get_id() == "words");
    let draws = command.get_name() == "graph";
    let chooses = command.get_name() == "use";
    let command = command.mut_args(|arg| {
        let asker = asker.clone();
        let completer = match arg.get_id().as_str() {
            "resume" => ArgValueCompleter::new(move |word: &OsStr| asker.live_runs(word)),
            "from" => ArgValueCompleter::new(move |word: &OsStr| beginning(asker.tasks_of_file(), word)),
            "inputs" => ArgValueCompleter::new(move |word: &OsStr| beginning(asker.inputs_of_file(), word)),
            "context" => ArgValueCompleter::new(move |word: &OsStr| beginning(asker.contexts(), word)),
            "name" if chooses => ArgValueCompleter::new(move |word: &OsStr| beginning(asker.contexts(), word)),
            "code" => return arg.add(ArgValueCandidates::new(codes)),
            "run" | "before" => ArgValueCompleter::new(move |word: &OsStr| asker.runs(word)),
            "target" if draws => ArgValueCompleter::new(move |word: &OsStr| {
                let mut found = PathCompleter::any().complete(word);
                found.extend(asker.runs(word));
                found
            }),
            "artifact" | "kept" => ArgValueCompleter::new(move |word: &OsStr| asker.artifacts(word)),
            "target" => ArgValueCompleter::new(move |word: &OsStr| asker.targets(word)),
            "status" if lists_runs => return arg.add(ArgValueCandidates::new(statuses)),
            "words" if lists_runs => ArgValueCompleter::new(move |word: &OsStr| asker.words(word)),
            "name" if lists_runs => ArgValueCompleter::new(move |word: &OsStr| asker.names(word)),
            "label" if lists_runs => ArgValueCompleter::new(move |word: &OsStr| asker.labels(word)),
            _ => return arg,
        };
        arg.add(completer)
    });
    command.mut_subcommands(|sub| with_completers(sub, asker))
}

fn candidate(word: impl Into<OsString>, help: impl Into<String>) -> CompletionCandidate {
    CompletionCandidate::new(word).help(Some(help.into().into()))
}

fn statuses() -> Candidates {
    RunStatus::ALL.iter().map(|status| CompletionCandidate::new(status.word())).collect()
}

fn codes() -> Candidates {
    pages::all().map(|page| candidate(page.code, page.title)).collect()
}

/// Asks the database, and the file that the command line names.
#[derive(Clone)]
struct Asker {
    /// The words of the command line.
    words: Vec<String>,
    /// What says where the history is.
    flags: Flags,
}

impl Asker {
    /// Asks a question, in a thread that is left alone when it takes too long.
    fn ask<T, Q>(&self, question: Q) -> T
    where
        T: Default + Send + 'static,
        Q: AsyncFnOnce(&History) -> Result<T> + Send + 'static,
    {
        let asker = self.clone();
        let (sender, answer) = mpsc::channel();
        thread::spawn(move || {
            // Nobody hears it when the time is over.
            let _ = sender.send(asker.look(question));
        });
        answer.recv_timeout(WAIT).ok().and_then(Result::ok).unwrap_or_default()
    }

    fn look<T, Q>(&self, question: Q) -> Result<T>
    where
        T: Default,
        Q: AsyncFnOnce(&History) -> Result<T>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let config = Config::load(self.flags.clone())?;
            let Some(history) = History::peek(Output { json: false }, &config).await? else { return Ok(T::default()) };
            question(&history).await
        })
    }

    /// The workflow of the first file on the line that is one.
    fn workflow(&self) -> Option<Workflow> {
        let files = self.words.iter().map(Path::new);
        let mut files = files.filter(|path| path.extension().is_some() && path.is_file());
        files.find_map(|path| WorkflowFile::read(path).ok()?.parse().ok())
    }

    /// Servers by name, and the database.
    fn contexts(&self) -> Candidates {
        let Ok(config) = Config::load(self.flags.clone()) else { return Vec::new() };
        let known = config.contexts().map(|(context, _)| candidate(&context.name, context.server.to_string()));
        known.chain([candidate(HERE, "the database")]).collect()
    }

    fn tasks_of_file(&self) -> Candidates {
        let plan = self.workflow().and_then(|workflow| workflow.sketch(&Map::new()).ok()).unwrap_or_default();
        plan.nodes.into_iter().map(|node| CompletionCandidate::new(node.key)).collect()
    }

    fn inputs_of_file(&self) -> Candidates {
        let Some(workflow) = self.workflow() else { return Vec::new() };
        let about = |input: &InputSpec| input.description.clone().unwrap_or_default();
        workflow.inputs().iter().map(|input| candidate(format!("{}=", input.name), about(input))).collect()
    }

    fn runs(&self, word: &OsStr) -> Candidates {
        let typed = word.to_string_lossy().into_owned();
        let found =
            self.ask(async move |history: &History| Ok(runs(&newest(history, RUNS_MAX).await?, &typed, history.now())));
        beginning(found, word)
    }

    /// Runs that are not over.
    fn live_runs(&self, word: &OsStr) -> Candidates {
        let typed = word.to_string_lossy().into_owned();
        let found = self.ask(async move |history: &History| {
            let mut rows = newest(history, RUNS_MAX).await?;
            let is_last_over = rows.first().is_some_and(|row| row.status.is_terminal());
            rows.retain(|row| !row.status.is_terminal());
            let mut found = runs(&rows, &typed, history.now());
            // `last` is the newest of all.
            found.retain(|candidate| !is_last_over || candidate.get_value() != "last");
            Ok(found)
        });
        beginning(found, word)
    }

    /// Runs, and the tasks of one that is named.
    fn targets(&self, word: &OsStr) -> Candidates {
        let typed = word.to_string_lossy().into_owned();
        let found = self.ask(async move |history: &History| {
            if let Some((run, key)) = typed.split_once('/') {
                return tasks(history, run, key).await;
            }
            let mut found = runs(&newest(history, RUNS_MAX).await?, &typed, history.now());
            if typed == "last" || typed.parse::<RunId>().is_ok() {
                found.extend(tasks(history, &typed, "").await?);
            }
            Ok(found)
        });
        beginning(found, word)
    }

    /// Runs, and the artifacts of one that is named.
    fn artifacts(&self, word: &OsStr) -> Candidates {
        let typed = word.to_string_lossy().into_owned();
        let found = self.ask(async move |history: &History| {
            let Some((run, _)) = typed.split_once('/') else {
                return Ok(runs(&newest(history, RUNS_MAX).await?, &typed, history.now()));
            };
            let id = ids::run(history, run).await?;
            let wanted = WantedArtifacts { run: Some(id), limit: PAGE_MAX, ..WantedArtifacts::default() };
            let found = history.artifacts(&wanted).await?;
            // A name with a control character in it would be typed.
            let is_plain = |name: &str| clean(name) == name;
            let found = found.iter().filter(|artifact| is_plain(&artifact.name));
            Ok(found.map(|artifact| candidate(format!("{run}/{}", artifact.name), clean(&artifact.kind))).collect())
        });
        beginning(found, word)
    }

    /// Words of a filter; the last one, where several are in one pair of quotes. Most need no database.
    fn words(&self, word: &OsStr) -> Candidates {
        let text = word.to_string_lossy();
        let rows: Vec<RunRow> = self.ask(async |history: &History| newest(history, PAGE_MAX).await);
        let known = Known { names: names(&rows), labels: labels(&rows) };
        let (before, last) = text.split_at(text.rfind(' ').map_or(0, |at| at + 1));
        let found = ork_filter::complete(last, &known).into_iter();
        found.map(|found| candidate(format!("{before}{}", found.word), found.help)).collect()
    }

    fn names(&self, word: &OsStr) -> Candidates {
        let rows: Vec<RunRow> = self.ask(async |history: &History| newest(history, PAGE_MAX).await);
        beginning(names(&rows).into_iter().map(CompletionCandidate::new).collect(), word)
    }

    fn labels(&self, word: &OsStr) -> Candidates {
        let rows: Vec<RunRow> = self.ask(async |history: &History| newest(history, PAGE_MAX).await);
        let labels = labels(&rows).into_iter().map(|(key, value)| format!("{key}={value}"));
        beginning(labels.map(CompletionCandidate::new).collect(), word)
    }
}

/// Those that begin with what was typed.
fn beginning(mut found: Candidates, word: &OsStr) -> Candidates {
    let typed = word.to_string_lossy();
    found.retain(|candidate| candidate.get_value().to_string_lossy().starts_with(&*typed));
    found
}

async fn newest(history: &History, limit: u32) -> Result<Vec<RunRow>> {
    history.runs(&Wanted::newest(limit)).await
}

fn names(rows: &[RunRow]) -> Vec<String> {
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    names.into_iter().map(str::to_owned).collect()
}

fn labels(rows: &[RunRow]) -> Vec<(String, String)> {
    let labels: BTreeSet<(&String, &String)> = rows.iter().flat_map(|row| &row.labels).collect();
    labels.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// `last`, and the newest runs, with their prefix unless digits were typed without it.
fn runs(rows: &[RunRow], word: &str, now: Timestamp) -> Candidates {
    let is_bare = word.starts_with(|c: char| c.is_ascii_hexdigit());
    let mut found = Vec::new();
    if let Some(row) = rows.first() {
        found.push(candidate("last", format!("the newest: {}", about(row, now))));
    }
    found.extend(rows.iter().map(|row| {
        let id = if is_bare { row.id.uuid().to_string() } else { row.id.to_string() };
        candidate(id, about(row, now))
    }));
    found
}

fn about(row: &RunRow, now: Timestamp) -> String {
    format!("{} {}, {}", row.name, row.status, ago(row.created_at, now))
}

/// The tasks of a run; the siblings of one, once there is a `/` after its key.
async fn tasks(history: &History, run: &str, key: &str) -> Result<Candidates> {
    let id = ids::run(history, run).await?;
    let names = history.names(id).await?;
    let filter = TaskFilter { limit: PAGE_MAX, ..TaskFilter::default() };
    let page = history.tasks(id, &filter, Outputs::Without).await?;
    let status = |n: u32| page.iter().find(|row| row.task.n == n).map_or("", |row| row.status.word());
    if let Some((key, _)) = key.split_once('/') {
        let Some(group) = names.group(key) else { return Ok(Vec::new()) };
        let siblings = 0..group.size.unwrap_or(0).min(SIBLINGS_MAX);
        let sibling = |index: u32| candidate(format!("{run}/{key}/{index}"), status(number(group, index)));
        return Ok(siblings.map(sibling).collect());
    }
    let task = |group: &GroupRow| {
        let help = match group.size {
            Some(size) if size > 1 => format!("{size} tasks, {} left", group.tasks_left),
            _ => status(group.first).to_owned(),
        };
        candidate(format!("{run}/{}", group.key), help)
    };
    Ok(names.groups().iter().take(PAGE_MAX as usize).map(task).collect())
}

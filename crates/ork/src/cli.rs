//! The command line.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};

use crate::commands::{
    artifacts, budgets, completions, config, context, db, dev, doctor, events, explain, gates, graph, hooks, init, man,
    prices, prompts, queues, run, runs, schedules, schema, secrets, serve, tasks, tokens, validate, version, webhooks,
    why, worker, workers, workflows, workspaces,
};
use crate::exit_code::Refusal;

/// Ork runs pipelines and remembers everything.
#[derive(Debug, Parser)]
#[command(name = "ork", version, max_term_width = 100, after_help = AFTER)]
pub struct Cli {
    /// Write data as JSON: one object a line for lists and streams, one object otherwise.
    #[arg(long, global = true)]
    pub json: bool,
    /// Where the history is: sqlite:PATH, postgres://USER@HOST/NAME, or files:DIR [variable: ORK_DATABASE_URL] [default: sqlite:$XDG_DATA_HOME/ork/ork.db]
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
    /// Where the bytes of artifacts are: file:PATH, s3://BUCKET/PREFIX, r2://, gs:// or az:// [variable: ORK_ARTIFACTS_URL] [default: a folder beside the database]
    #[arg(long, global = true, value_name = "URL")]
    pub artifacts: Option<String>,
    /// Whose runs, in a database; a server knows it from the token [variable: ORK_WORKSPACE] [default: default]
    #[arg(long, global = true, value_name = "NAME", conflicts_with_all = ["server", "context"])]
    pub workspace: Option<String>,
    /// Ask this server instead of a database: http://HOST:PORT, https://HOST [variable: ORK_SERVER]
    #[arg(long, global = true, value_name = "URL", conflicts_with_all = ["database", "context"])]
    pub server: Option<String>,
    /// Ask the server of this context; `here` is the database [variable: ORK_CONTEXT]
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "database")]
    pub context: Option<String>,
    /// The file with the token for the server [variable: ORK_TOKEN_FILE; ORK_TOKEN is the token itself]
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<String>,
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
Runs and tasks are named by their id, by a part of it (four digits or more, its beginning or its end), by `last` for \
the newest run, and tasks by RUN/KEY or RUN/KEY/INDEX.

Exit codes: 0 success, 1 the run failed, 2 wrong usage or an invalid file, 3 cancelled, 4 not allowed, 5 a wait timed \
out, 6 stopped at a gate, 7 nothing matched, 8 the database or the server cannot be reached, 70 internal error, 130 interrupted.

Examples:
  ork run examples/hello.yaml
  ork why last
  ork runs logs last/greet";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a workflow file to its end, in this process.
    Run(run::Args),
    /// Write a workflow to begin with.
    Init(init::Args),
    /// Check workflow files, and report every error.
    Validate(validate::Args),
    /// Draw a workflow, or a run with the states of its tasks.
    Graph(graph::Args),
    /// List, show, watch, pause, cancel, repeat and compare runs.
    #[command(subcommand)]
    Runs(runs::Command),
    /// List, show, retry and cancel tasks.
    #[command(subcommand)]
    Tasks(tasks::Command),
    /// List, show and take the decisions that runs wait for.
    #[command(subcommand)]
    Gates(gates::Command),
    /// List, get and put the files that runs keep, and look whether their bytes are right.
    #[command(subcommand)]
    Artifacts(artifacts::Command),
    /// Print what happened to a run, event by event.
    Events(events::Args),
    /// Say why a run or a task is not over: the one reason, and until when.
    Why(why::Args),
    /// Check that what is stored can be: every invariant, of one run or of all.
    Doctor(doctor::Args),
    /// Serve queues of a database until it is told to stop.
    Worker(worker::Args),
    /// Serve the HTTP API, and the queues as a worker does.
    Serve(serve::Args),
    /// Serve the HTTP API to this machine, open to all of its users, to try things out.
    Dev(dev::Args),
    /// Make, list and revoke the tokens that the HTTP API asks for.
    #[command(subcommand)]
    Tokens(tokens::Command),
    /// Make and list hooks: messages of others that start runs.
    #[command(subcommand)]
    Hooks(hooks::Command),
    /// Say who is told of runs, see what became of the messages, and send them again.
    #[command(subcommand)]
    Webhooks(webhooks::Command),
    /// Make and list workspaces, and change what they decide for themselves.
    #[command(subcommand)]
    Workspaces(workspaces::Command),
    /// List workers, what they serve, and whether they live.
    Workers(workers::Args),
    /// List queues, what waits in them, and who serves them; pause and resume them.
    Queues(queues::Args),
    /// Store workflows under their names, and look at them.
    #[command(subcommand)]
    Workflows(workflows::Command),
    /// List schedules of stored workflows, enable and disable them.
    #[command(subcommand)]
    Schedules(schedules::Command),
    /// Set, list and delete secrets, and change the key that they are sealed with.
    #[command(subcommand)]
    Secrets(secrets::Command),
    /// Store prompts, with all their versions, and look at them.
    #[command(subcommand)]
    Prompts(prompts::Command),
    /// Say what models cost.
    #[command(subcommand)]
    Prices(prices::Command),
    /// Say how much models may use, and see how much is left.
    #[command(subcommand)]
    Budgets(budgets::Command),
    /// Look after the database.
    #[command(subcommand)]
    Db(db::Command),
    /// Show settings, and where they come from.
    #[command(subcommand)]
    Config(config::Command),
    /// List servers by name, and choose the one that commands ask.
    #[command(subcommand)]
    Context(context::Command),
    /// Print the JSON Schema of a file, for editors.
    Schema(schema::Args),
    /// Explain an error code, an exit code, or a guarantee.
    Explain(explain::Args),
    /// Write what a shell needs to complete command lines.
    Completions(completions::Args),
    /// Write the manual, for man(1).
    Man(man::Args),
    /// Say which version this is.
    Version(version::Args),
}

/// Commands that other tools have, and what they are here.
const FOREIGN: &[(&str, &str)] = &[
    ("approve", "ork gates approve last"),
    ("cancel", "ork runs cancel"),
    ("diff", "ork runs diff"),
    ("list", "ork runs list"),
    ("log", "ork runs logs"),
    ("logs", "ork runs logs"),
    ("ls", "ork runs list"),
    ("pause", "ork runs pause"),
    ("ps", "ork runs list is:running"),
    ("reject", "ork gates reject last"),
    ("resume", "ork run --resume last"),
    ("retry", "ork runs retry last"),
    ("rerun", "ork runs retry last"),
    ("show", "ork runs show last"),
    ("status", "ork runs show last"),
    ("stop", "ork runs cancel"),
    ("submit", "ork runs submit FILE"),
    ("watch", "ork runs watch"),
];

/// What to type for a command of another tool.
pub fn foreign(word: &str) -> Option<&'static str> {
    FOREIGN.iter().find(|(known, _)| *known == word).map(|(_, command)| *command)
}

/// What was meant by a command line that clap refuses, where its own suggestions lead astray.
pub fn meant(error: &clap::Error) -> Option<Refusal> {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = word(ContextKind::InvalidSubcommand)?;
            Some(Refusal::usage(format!("there is no command `{word}`")).hint(foreign(word)?))
        }
        ErrorKind::UnknownArgument if word(ContextKind::InvalidArg)? == "-v" => {
            Some(Refusal::usage("there is no option `-v`").hint("ork --version, or ork version for the same"))
        }
        _ => None,
    }
}

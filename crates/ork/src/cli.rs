//! The command line.

use clap::{Parser, Subcommand};

use crate::commands::{db, doctor, explain, graph, run, runs, validate, version, why, worker};

/// Ork runs pipelines and remembers everything.
#[derive(Debug, Parser)]
#[command(name = "ork", version, max_term_width = 100, after_long_help = AFTER)]
pub struct Cli {
    /// Write data as JSON: one object a line for lists and streams, one object otherwise.
    #[arg(long, global = true)]
    pub json: bool,
    /// Where the history is: sqlite:PATH, or postgres://USER@HOST/NAME [default: sqlite:$XDG_DATA_HOME/ork/ork.db]
    ///
    /// An SQLite file is made, and brought up to date, by itself. A PostgreSQL database is by `ork db migrate` only.
    #[arg(long, global = true, value_name = "URL", env = "ORK_DATABASE_URL", hide_env_values = true, hide_env = false)]
    pub database: Option<String>,
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
Runs and tasks are named by their id, by a part of it (four digits or more, its beginning or its end), by `last` for \
the newest run, and tasks by RUN/KEY or RUN/KEY/INDEX.

Exit codes: 0 success, 1 the run failed, 2 wrong usage or an invalid file, 3 cancelled, 5 a wait timed out, 7 nothing \
matched, 8 the database cannot be reached, 70 internal error, 130 interrupted.

Examples:
  ork run examples/hello.yaml
  ork why last
  ork runs logs last/greet";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a workflow file to its end, in this process.
    Run(run::Args),
    /// Check workflow files, and report every error.
    Validate(validate::Args),
    /// Draw a workflow, or a run with the states of its tasks.
    Graph(graph::Args),
    /// List, show, watch, cancel and repeat runs.
    #[command(subcommand)]
    Runs(runs::Command),
    /// Say why a run or a task is not over: the one reason, and until when.
    Why(why::Args),
    /// Check that what is stored can be: every invariant, of one run or of all.
    Doctor(doctor::Args),
    /// Serve queues of a database until it is told to stop.
    Worker(worker::Args),
    /// Look after the database.
    #[command(subcommand)]
    Db(db::Command),
    /// Explain an error code, such as ORK-E0410.
    Explain(explain::Args),
    /// Say which version this is.
    Version(version::Args),
}

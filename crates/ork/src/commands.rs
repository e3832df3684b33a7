//! The commands, one file each.

pub mod artifacts;
pub mod budgets;
pub mod completions;
pub mod config;
pub mod context;
pub mod db;
pub mod dev;
pub mod doctor;
pub mod events;
pub mod explain;
pub mod gates;
pub mod graph;
pub mod hooks;
pub mod init;
pub mod man;
pub mod prices;
pub mod prompts;
pub mod queues;
pub mod run;
pub mod runs;
pub mod schedules;
pub mod schema;
pub mod secrets;
pub mod serve;
pub mod tasks;
pub mod tokens;
pub mod validate;
pub mod version;
pub mod webhooks;
pub mod why;
pub mod worker;
pub mod workers;
pub mod workflows;
pub mod workspaces;

use anyhow::Result;

use crate::cli::{Cli, Command};
use crate::config::{Config, Flags};
use crate::exit_code::{Exit, Refusal};
use crate::files::project;
use crate::output::{Output, warn};

/// Carries out a command line.
pub async fn run(cli: Cli, out: Output) -> Result<Exit> {
    // Read where it matters only: nobody needs settings to ask for help.
    let flags = Flags {
        database: cli.database,
        artifacts: cli.artifacts,
        workspace: cli.workspace,
        server: cli.server,
        context: cli.context,
        token_file: cli.token_file,
    };
    refuse_server(&cli.command, &flags)?;
    let done = carry_out(cli.command, out, &flags).await;
    // What was written is in the files as well before anybody hears of it; and so is what a process that died had written.
    if let Ok(database) = Config::load(flags).and_then(|config| config.database())
        && let Err(error) = project(&database).await
    {
        warn(format!("warning: failed to write the files of {database}: {error:#}"));
    }
    done
}

async fn carry_out(command: Command, out: Output, flags: &Flags) -> Result<Exit> {
    let config = || Config::load(flags.clone());
    match command {
        Command::Run(args) => run::run(args, out, &config()?).await,
        Command::Init(args) => init::run(&args, out),
        Command::Validate(args) => validate::run(&args, out),
        Command::Graph(args) => graph::run(args, out, &config()?).await,
        Command::Runs(command) => runs::run(command, out, &config()?).await,
        Command::Tasks(command) => tasks::run(command, out, &config()?).await,
        Command::Gates(command) => gates::run(command, out, &config()?).await,
        Command::Artifacts(command) => artifacts::run(command, out, &config()?).await,
        Command::Events(args) => events::run(args, out, &config()?).await,
        Command::Why(args) => why::run(args, out, &config()?).await,
        Command::Doctor(args) => doctor::run(args, out, &config()?).await,
        Command::Worker(args) => worker::run(args, out, &config()?).await,
        Command::Serve(args) => serve::run(args, out, &config()?).await,
        Command::Dev(args) => dev::run(args, out, &config()?).await,
        Command::Tokens(command) => tokens::run(command, out, &config()?).await,
        Command::Hooks(command) => hooks::run(command, out, &config()?).await,
        Command::Webhooks(command) => webhooks::run(command, out, &config()?).await,
        Command::Workspaces(command) => workspaces::run(command, out, &config()?).await,
        Command::Workers(_) => workers::run(out, &config()?).await,
        Command::Queues(args) => queues::run(args, out, &config()?).await,
        Command::Schedules(command) => schedules::run(command, out, &config()?).await,
        Command::Secrets(command) => secrets::run(command, out, &config()?).await,
        Command::Workflows(command) => workflows::run(command, out, &config()?).await,
        Command::Db(command) => db::run(command, out, &config()?).await,
        Command::Prompts(command) => prompts::run(command, out, &config()?).await,
        Command::Prices(command) => prices::run(command, out, &config()?).await,
        Command::Budgets(command) => budgets::run(command, out, &config()?).await,
        Command::Config(command) => config::run(&command, out, &config()?),
        Command::Context(command) => context::run(command, out, &config()?),
        Command::Schema(args) => schema::run(&args, out),
        Command::Explain(args) => explain::run(&args, out),
        Command::Completions(args) => completions::run(&args, out),
        Command::Man(args) => man::run(&args, out),
        Command::Version(_) => version::run(out, flags).await,
    }
}

/// Which commands work against a server as they do on a database. The others ignore a server that a variable or a file
/// names, and refuse one that stands on their own command line: it cannot be what was meant.
fn refuse_server(command: &Command, flags: &Flags) -> Result<(), Refusal> {
    let (name, why, instead) = match command {
        Command::Runs(_)
        | Command::Tasks(_)
        | Command::Gates(_)
        | Command::Artifacts(_)
        | Command::Prompts(_)
        | Command::Prices(_)
        | Command::Budgets(_)
        | Command::Events(_)
        | Command::Why(_)
        | Command::Workers(_)
        | Command::Queues(_)
        | Command::Workflows(_)
        | Command::Schedules(_)
        | Command::Graph(_)
        | Command::Version(_)
        | Command::Config(_) => return Ok(()),
        Command::Run(_) => ("run", "carries the run itself", Some("ork runs submit FILE, and ork runs watch last")),
        Command::Worker(_) => ("worker", "takes its tasks from the database", None),
        Command::Serve(_) => ("serve", "is the server of a database", None),
        Command::Dev(_) => ("dev", "is the server of a database", None),
        Command::Tokens(_) => ("tokens", "is about the database", Some("POST /api/v1/tokens makes one over HTTP")),
        Command::Secrets(_) => {
            ("secrets", "is about the database", Some("PUT /api/v1/secrets/NAME sets one over HTTP"))
        }
        Command::Hooks(_) => ("hooks", "is about the database", Some("/api/v1/hooks over HTTP")),
        Command::Webhooks(_) => (
            "webhooks",
            "is about the database",
            Some("/api/v1/webhook-endpoints and /api/v1/webhook-deliveries over HTTP"),
        ),
        Command::Workspaces(_) => ("workspaces", "is about the database", None),
        Command::Doctor(_) => ("doctor", "looks at what the database holds", None),
        Command::Db(_) => ("db", "is about the database", None),
        Command::Context(_) => ("context", "is about the files of this machine", None),
        Command::Init(_) => ("init", "is about the files of this machine", None),
        Command::Validate(_) => ("validate", "is about the files of this machine", None),
        Command::Schema(_) => ("schema", "asks nobody", None),
        Command::Explain(_) => ("explain", "asks nobody", None),
        Command::Completions(_) => ("completions", "asks nobody", None),
        Command::Man(_) => ("man", "asks nobody", None),
    };
    let given = [("--server", &flags.server), ("--context", &flags.context), ("--token-file", &flags.token_file)];
    let Some((flag, _)) = given.iter().find(|(_, value)| value.is_some()) else { return Ok(()) };
    let refusal = Refusal::usage(format!("`ork {name}` {why}: `{flag}` is not for it"));
    Err(match instead {
        Some(instead) => refusal.hint(instead),
        None => refusal,
    })
}

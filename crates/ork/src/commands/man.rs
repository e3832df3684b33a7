//! `ork man`: the manual.

use anyhow::Result;
use clap::CommandFactory;

use crate::cli::Cli;
use crate::exit_code::{Exit, Refusal};
use crate::output::Output;

/// Options of `ork man`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Writes a page for man(1): what `ork help` says, as roff.

Examples:
  ork man | man -l -
  ork man runs logs >ork-runs-logs.1")]
pub struct Args {
    /// A command, such as `runs logs` [default: ork itself]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Carries out `ork man`.
pub fn run(args: &Args, out: Output) -> Result<Exit> {
    let mut root = Cli::command();
    // Gives each command its full name.
    root.build();
    let mut command = &root;
    for name in &args.command {
        let unknown =
            || Refusal::no_match(format!("there is no command `{}`", args.command.join(" "))).hint("ork help");
        command = command.find_subcommand(name).ok_or_else(unknown)?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    out.bytes(&page)?;
    Ok(Exit::Success)
}

//! `ork completions`: what a shell completes.

use anyhow::Result;
use clap_complete::Shell;

use crate::complete::{SHELLS, VARIABLE};
use crate::exit_code::Exit;
use crate::output::Output;

/// Options of `ork completions`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Completes commands, options, their words, file names, and what the database knows: runs, tasks (RUN/KEY), workflows, \
filters. The database is only read, for at most 200 ms, and never made.

Examples:
  ork completions bash >~/.local/share/bash-completion/completions/ork
  echo 'source <(ork completions zsh)' >>~/.zshrc
  ork completions fish >~/.config/fish/completions/ork.fish")]
pub struct Args {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// Carries out `ork completions`.
pub fn run(args: &Args, out: Output) -> Result<Exit> {
    let mut script = Vec::new();
    if let Some(shell) = SHELLS.completer(&args.shell.to_string()) {
        shell.write_registration(VARIABLE, "ork", "ork", "ork", &mut script)?;
    }
    out.bytes(&script)?;
    Ok(Exit::Success)
}

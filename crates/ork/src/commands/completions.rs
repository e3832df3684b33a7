//! `ork completions`: what a shell completes.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::exit_code::Exit;
use crate::output::Output;

/// Options of `ork completions`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Completes commands, options, their words, and file names.

Examples:
  ork completions bash >~/.local/share/bash-completion/completions/ork
  ork completions zsh >~/.zfunc/_ork
  ork completions fish >~/.config/fish/completions/ork.fish")]
pub struct Args {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// Carries out `ork completions`.
pub fn run(args: &Args, out: Output) -> Result<Exit> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "ork", &mut script);
    out.bytes(&script)?;
    Ok(Exit::Success)
}

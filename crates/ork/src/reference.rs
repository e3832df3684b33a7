//! The pages of the documentation that the program writes about itself: what clap, the settings and `ork explain` know, as
//! Markdown in `docs/reference/`, and the API as `docs/openapi.json`. `cargo xtask reference` writes them; the tests compare.

mod api;
mod codes;
mod commands;
mod page;
mod settings;

use clap::{Command, CommandFactory};

use crate::cli::Cli;

/// The command line with every full name.
fn root() -> Command {
    let mut root = Cli::command();
    root.build();
    root
}

/// The commands that do something, in the order of the help: those without commands of their own.
fn leaves(command: &Command) -> Vec<&Command> {
    let inner: Vec<&Command> = command.get_subcommands().filter(|inner| inner.get_name() != "help").collect();
    if inner.is_empty() { vec![command] } else { inner.into_iter().flat_map(leaves).collect() }
}

/// `ork runs list`.
fn full_name(command: &Command) -> String {
    command.get_bin_name().unwrap_or(command.get_name()).to_owned()
}

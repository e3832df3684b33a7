//! `ork man`: the manual.

use anyhow::Result;
use clap::CommandFactory;
use clap::builder::Resettable;

use crate::VERSION;
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
    let mut command = command.clone();
    let usage = command.render_usage().to_string().replacen("Usage: ", "", 1);
    let after = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
    let plain = command.after_help(Resettable::Reset).after_long_help(Resettable::Reset).override_usage(usage);
    let mut page = Vec::new();
    clap_mangen::Man::new(plain).source(format!("ork {VERSION}")).render(&mut page)?;
    out.bytes(&page)?;
    out.bytes(notes(after.as_deref().unwrap_or_default()).as_bytes())?;
    Ok(Exit::Success)
}

/// What stands behind the options: paragraphs, and examples as they are.
fn notes(text: &str) -> String {
    let (notes, examples) = text.split_once("Examples:\n").unwrap_or((text, ""));
    let mut page = String::new();
    for (title, text, (begin, end)) in [("NOTES", notes, ("", "")), ("EXAMPLES", examples, (".nf\n", ".fi\n"))] {
        if !text.trim().is_empty() {
            let lines: String = text.trim_end().lines().map(line).collect();
            page += &format!(".SH {title}\n{begin}{lines}{end}");
        }
    }
    page
}

/// One line as roff, in which a dot or a quote at the beginning would be a command.
fn line(text: &str) -> String {
    let text = text.trim_start().replace('\\', "\\e").replace('-', "\\-");
    match text.chars().next() {
        None => ".PP\n".to_owned(),
        Some('.' | '\'') => format!("\\&{text}\n"),
        Some(_) => format!("{text}\n"),
    }
}

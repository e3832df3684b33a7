//! Every command with its usage, options and examples.

use std::fmt::Write;

use clap::builder::StyledStr;
use clap::{Arg, Command, Parser};

use super::{full_name, leaves, page, root};
use crate::cli::Cli;

const ABOUT: &str = "\
# Commands

What `ork help COMMAND` says, on one page. Written by `cargo xtask reference`; not edited by hand.
[The command line](../cli.md) has what all commands have in common.
";

fn text() -> String {
    let root = root();
    let mut text = format!("{ABOUT}\n| command | what it does |\n|---|---|\n");
    for command in leaves(&root) {
        let name = full_name(command);
        let about = sentence(command.get_about()).replace('|', "\\|");
        writeln!(text, "| [`{name}`](#{}) | {about} |", name.replace(' ', "-")).expect("a string takes everything");
    }
    text += "\n## ork\n\nWhat every command takes.\n";
    // Of the root only what all commands have: they themselves follow.
    text += &body(&root, |arg| arg.is_global_set());
    for command in leaves(&root) {
        let about = sentence(command.get_long_about().or(command.get_about()));
        text += &format!("\n## {}\n\n{about}\n", full_name(command));
        text += &body(command, |arg| !arg.is_global_set());
    }
    text
}

/// Usage, options, notes and examples.
fn body(command: &Command, is_shown: impl Fn(&Arg) -> bool) -> String {
    let usage = command.clone().render_usage().to_string();
    let mut text = format!("\n```text\n{}\n```\n", usage.trim_start_matches("Usage: "));
    let is_own = |arg: &&Arg| !matches!(arg.get_id().as_str(), "help" | "version") && is_shown(arg);
    let arguments: Vec<String> = command.get_arguments().filter(is_own).map(argument).collect();
    if !arguments.is_empty() {
        text += &format!("\n{}", arguments.concat());
    }
    let (notes, examples) = after(command);
    for paragraph in notes {
        text += &format!("\n{paragraph}\n");
    }
    if !examples.is_empty() {
        text += &format!("\nExamples:\n\n```text\n{}\n```\n", examples.join("\n"));
    }
    // An item with paragraphs ends with an empty line of its own.
    text.replace("\n\n\n", "\n\n")
}

/// An option or an argument as an item of a list.
fn argument(arg: &Arg) -> String {
    let takes_value = arg.get_action().takes_values();
    let value = arg.get_value_names().and_then(<[_]>::first).filter(|_| takes_value);
    let value = value.map(|value| format!("<{value}>"));
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let mut names: Vec<String> = short.into_iter().chain(long).collect();
    match (names.last_mut(), value) {
        (Some(name), Some(value)) => *name += &format!(" {value}"),
        (Some(_), None) => {}
        (None, value) => names.extend(value),
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let mut item = format!("- {}: {}", names.join(", "), sentence(arg.get_help()));
    let defaults: Vec<_> = arg.get_default_values().iter().filter_map(|value| value.to_str()).collect();
    if takes_value && !defaults.is_empty() && !arg.is_hide_default_value_set() {
        item += &format!(" [default: {}]", defaults.join(","));
    }
    item.push('\n');
    // The long help begins with the short one.
    let long = arg.get_long_help().map(ToString::to_string).unwrap_or_default();
    for paragraph in long.split("\n\n").skip(1) {
        item += &format!("\n  {}\n\n", paragraph.trim());
    }
    for value in arg.get_possible_values().iter().filter(|value| takes_value && !value.is_hide_set()) {
        item += &match value.get_help() {
            Some(help) => format!("  - `{}`: {}\n", value.get_name(), sentence(Some(help))),
            None => format!("  - `{}`\n", value.get_name()),
        };
    }
    item
}

/// The paragraphs below the options, and the examples.
fn after(command: &Command) -> (Vec<String>, Vec<String>) {
    let all = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let (notes, examples) = all.split_once("Examples:\n").unwrap_or((&all, ""));
    let mut paragraphs: Vec<String> = Vec::new();
    for note in notes.split("\n\n").map(str::trim_end).filter(|note| !note.is_empty()) {
        // Lines that are indented are shown as they are.
        let (prose, shown): (Vec<&str>, Vec<&str>) = note.lines().partition(|line| !line.starts_with("  "));
        paragraphs.push(prose.join("\n"));
        if !shown.is_empty() {
            let shown: Vec<&str> = shown.iter().map(|line| line.trim()).collect();
            paragraphs.push(format!("```text\n{}\n```", shown.join("\n")));
        }
    }
    (paragraphs, examples.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect())
}

/// With a full stop, which clap takes away.
fn sentence(help: Option<&StyledStr>) -> String {
    let text = help.map(ToString::to_string).unwrap_or_default();
    if text.is_empty() || text.ends_with(['.', ']']) { text } else { format!("{text}.") }
}

#[test]
fn the_page_of_commands_is_fresh() {
    page::check("reference/commands.md", &text());
}

#[test]
fn every_command_has_examples_that_can_be_parsed() {
    let root = root();
    for command in leaves(&root) {
        let (_, examples) = after(command);
        assert!(!examples.is_empty(), "`{}` has no examples", full_name(command));
        for example in examples {
            // What belongs to the shell is not for clap.
            let own = example.split(['>', '|']).next().unwrap_or_default();
            if !own.starts_with("ork ") {
                continue;
            }
            // Every other part stands between quotes.
            let parts = own.split('\'').enumerate();
            let words = parts.flat_map(|(at, part)| match at % 2 {
                0 => part.split_whitespace().collect(),
                _ => vec![part],
            });
            Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{example}\n{error}"));
        }
    }
}

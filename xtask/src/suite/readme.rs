//! The README's first fenced block, run as a newcomer would: from the root of a clone, with an empty home.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell::{self, Folder};

/// The release build of the steps, as the README has it built, but in a third of the time: what it is like is not measured here.
pub const QUICK_RELEASE: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
];

/// Where the history of a run is by default, below the home.
const HISTORY: &str = ".local/share/ork";

/// Runs each command and looks at what the last one says: a finished run, and where its history is.
pub fn run() -> Result<()> {
    check(&fs::read_to_string(shell::root().join("README.md")).context("failed to read `README.md`")?)
}

fn check(readme: &str) -> Result<()> {
    let commands = commands(readme);
    ensure!(!commands.is_empty(), "README.md has no command in its first fenced block");
    let home = Folder::create("readme")?;
    let mut said = String::new();
    for text in commands {
        said.clear();
        println!("$ {text}");
        let mut command = newcomer(&home, &format!("exec 2>&1\n{text}"))?;
        let status = shell::tee(&mut command, |line| said.extend([line, "\n"]))?;
        ensure!(status.success(), "`{text}` failed: {status}");
    }
    ensure!(said.contains("success"), "the README's last command does not say `success`");
    ensure!(said.contains(HISTORY), "the README's last command does not say that the history is in `~/{HISTORY}`");
    ensure!(home.0.join(HISTORY).is_dir(), "the README's last command left no history in `~/{HISTORY}`");
    Ok(())
}

/// The lines of the first fenced block, without prompts, comments and what fetches the clone that we are in.
fn commands(readme: &str) -> Vec<&str> {
    let inside = readme.lines().skip_while(|line| !line.starts_with("```")).skip(1);
    let lines = inside.take_while(|line| !line.starts_with("```"));
    let lines = lines.map(|line| line.strip_prefix("$ ").unwrap_or(line).trim());
    let is_skipped =
        |line: &str| line.is_empty() || ["#", "git clone ", "cd "].iter().any(|start| line.starts_with(start));
    lines.filter(|line| !is_skipped(line)).collect()
}

/// A shell in an empty home, with the toolchain of the real one and nothing of ours.
fn newcomer(home: &Folder, script: &str) -> Result<Command> {
    let real_home = PathBuf::from(env::var_os("HOME").context("HOME is not set")?);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).current_dir(shell::root()).env("HOME", &home.0).envs(QUICK_RELEASE);
    for (variable, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        if env::var_os(variable).is_none() {
            command.env(variable, real_home.join(folder));
        }
    }
    for (variable, _) in env::vars_os() {
        if variable.to_string_lossy().starts_with("ORK_") || variable.to_string_lossy().starts_with("XDG_") {
            command.env_remove(variable);
        }
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_holds_the_commands() {
        let readme = "# Ork\n\n```sh\n$ git clone https://example.com/ork && cd ork\n# one\ncargo run -- run a.yaml\n\n\
                      $ ork why\n```\n\n```sh\nother\n```\n";
        assert_eq!(commands(readme), ["cargo run -- run a.yaml", "ork why"]);
        assert_eq!(commands("# Ork\n"), Vec::<&str>::new());
    }

    #[test]
    fn the_last_command_says_a_finished_run_and_its_history() {
        let make = "mkdir -p \"$HOME/.local/share/ork\"";
        for (block, expected) in [
            (format!("{make}\n[ -z \"$XDG_DATA_HOME\" ] && echo success in $HOME/.local/share/ork >&2"), ""),
            ("false\necho success".to_owned(), "`false` failed: exit status: 1"),
            (make.to_owned(), "the README's last command does not say `success`"),
            (
                format!("{make}\necho success"),
                "the README's last command does not say that the history is in `~/.local/share/ork`",
            ),
            (
                "echo success in .local/share/ork".to_owned(),
                "the README's last command left no history in `~/.local/share/ork`",
            ),
            (String::new(), "README.md has no command in its first fenced block"),
        ] {
            let outcome = check(&format!("# Ork\n```sh\n{block}\n```\n"));
            assert_eq!(outcome.err().map(|error| error.to_string()).unwrap_or_default(), expected, "{block}");
        }
    }
}

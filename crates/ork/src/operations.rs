//! Operations that a process serves by commands: named in `ork.toml`, and by `--operation`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use ork_core::executor::Program;
use ork_core::limits::is_name;
use ork_core::plan::{Action, Plan};
use ork_workflow::nearest;

use crate::exit_code::Refusal;

/// What serves each operation.
pub type Operations = BTreeMap<String, Program>;

/// The option.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct Serving {
    /// Serve an operation by a shell script; may be repeated.
    ///
    /// A task with this `operation` runs the script, which finds the task's `params` in the file $ORK_PARAMS and answers
    /// in $ORK_OUTPUT. A relative path at its beginning is a file of the current folder, and so is the name of a file there. `[operations]` in `ork.toml` does
    /// the same for good.
    #[arg(long = "operation", value_name = "NAME=COMMAND")]
    operations: Vec<String>,
}

impl Serving {
    /// What was asked for; relative paths begin at `folder`.
    ///
    /// # Errors
    /// When one is no name with a command.
    pub fn read(&self, folder: &Path) -> Result<Operations, Refusal> {
        let mut found = Operations::new();
        for given in &self.operations {
            let (name, command) = given.split_once('=').unwrap_or((given, ""));
            let refused = |why: &str| Refusal::usage(format!("`--operation {given}`: {why}"));
            if !is_name(name) {
                return Err(refused(NAME_RULE).hint("--operation merge=./merge.sh"));
            }
            if command.trim().is_empty() {
                return Err(refused("it has no command").hint(format!("--operation {name}=COMMAND")));
            }
            if found.insert(name.to_owned(), script(command, folder)).is_some() {
                return Err(refused("the operation has a command already"));
            }
        }
        Ok(found)
    }
}

/// What is wrong with a name that is none.
pub const NAME_RULE: &str = "an operation's name has 1 to 128 characters of A-Z a-z 0-9 . _ -";

/// A program and its arguments. One that is a relative path, or names such a file, is a file below `folder`, wherever the task runs.
pub fn argv(mut argv: Vec<String>, folder: &Path) -> Program {
    if let Some(program) = argv.first_mut().filter(|program| is_below(folder, program)) {
        *program = beside(program, folder);
    }
    Program::Argv(argv)
}

/// A shell script. Its first word may be such a path as well.
pub fn script(text: &str, folder: &Path) -> Program {
    let text = text.trim_start();
    let (word, rest) = text.split_at(text.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(text.len()));
    let is_plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
    Program::Script(if is_plain && is_below(folder, word) {
        format!("'{}'{rest}", beside(word, folder).replace('\'', "'\\''"))
    } else {
        text.to_owned()
    })
}

/// A relative path, or the bare name of a file there unless it is a program's on the `PATH`: `test` stays what it is.
fn is_below(folder: &Path, program: &str) -> bool {
    if program.contains('/') {
        return !program.starts_with('/');
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_program = || std::env::split_paths(&path).any(|of| of.join(program).is_file());
    !program.is_empty() && folder.join(program).is_file() && !is_program()
}

fn beside(program: &str, folder: &Path) -> String {
    // Without the dots of `./`.
    folder.join(program).components().collect::<PathBuf>().display().to_string()
}

/// Names that a message lists before it only counts.
const NAMES_MAX: usize = 3;

/// Refuses a plan with an operation that nothing here serves: its task would wait for ever. `otherwise` is what else there
/// is to do.
///
/// # Errors
/// With the names, and how to serve them.
pub fn check(plan: &Plan, served: &Operations, otherwise: Option<&str>) -> Result<(), Refusal> {
    let asked = plan.nodes.iter().filter(|node| node.action.executor == Action::WORKER);
    let mut missing: Vec<&str> = asked.filter_map(|node| node.action.operation.as_deref()).collect();
    missing.retain(|name| !served.contains_key(*name));
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let mut listed: Vec<String> = missing.iter().take(NAMES_MAX).map(|name| format!("`{name}`")).collect();
    if missing.len() > NAMES_MAX {
        listed.push(format!("{} more", missing.len() - NAMES_MAX));
    }
    let plural = if missing.len() == 1 { "" } else { "s" };
    let refusal = Refusal::usage(format!("nothing here serves the operation{plural} {}", listed.join(", ")));
    if let Some((name, near)) =
        missing.iter().find_map(|name| Some((name, nearest(name, served.keys().map(String::as_str))?)))
    {
        return Err(refusal.hint(format!("`{near}` is served: did you mean that by `{name}`?")));
    }
    let mut hint = "name commands for them in `ork.toml`:\n      [operations]".to_owned();
    for name in missing.iter().take(NAMES_MAX) {
        let is_bare = name.bytes().all(|b| b != b'.');
        let key = if is_bare { (*name).to_owned() } else { format!("\"{name}\"") };
        hint += &format!("\n      {key} = [\"./{name}.sh\"]");
    }
    if let Some(otherwise) = otherwise {
        hint += &format!("\n  or: {otherwise}");
    }
    Err(refusal.hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_programs_are_beside_whoever_names_them() {
        let folder = Path::new("/it's");
        let said = |text: &str| match script(text, folder) {
            Program::Script(text) => text,
            Program::Argv(_) => unreachable!(),
        };
        assert_eq!(said("./a.sh"), r"'/it'\''s/a.sh'");
        assert_eq!(said(" bin/a --fast"), r"'/it'\''s/bin/a' --fast");
        for text in ["a.sh", "/bin/a b", "$HOME/a", "cat ./a", "set -u\n./a"] {
            assert_eq!(said(text), text);
        }
        let list = |program: &str| argv(vec![program.into(), "./b".into()], folder);
        assert_eq!(list("../a"), Program::Argv(vec!["/it's/../a".into(), "./b".into()]));
        assert_eq!(list("a"), Program::Argv(vec!["a".into(), "./b".into()]));
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let named = format!("'{}' --x", here.join("Cargo.toml").display());
        assert!(matches!(script("Cargo.toml --x", here), Program::Script(text) if text == named));
        let bin = Path::new("/bin");
        assert!(matches!(script("sh --x", bin), Program::Script(text) if text == "sh --x"), "it is on the `PATH`");
    }
}

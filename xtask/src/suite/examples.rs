//! `NAME.yaml` or `NAME.json` in `examples/` or a folder of it, with `NAME.expected.json` beside it: run, and the run's
//! result compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Suite;
use super::readme::QUICK_RELEASE;
use crate::apt;
use crate::shell::{self, Folder};

/// Examples that need more than a shell: their names, and a program.
const NEEDS: &[(&str, &str)] = &[("video", "ffmpeg")];

/// Runs every example that has an expected result, each in a copy of its own with a database of its own.
pub fn run(suite: &mut Suite) -> Result<()> {
    shell::run(shell::cargo().args(["build", "--release", "--quiet", "--package", "ork"]).envs(QUICK_RELEASE))?;
    let ork = shell::target().join("release/ork");
    let names = names(&shell::root().join("examples"))?;
    ensure!(!names.is_empty(), "examples/ has no `NAME.yaml` with a `NAME.expected.json`");
    for name in names {
        if let Err(error) = equip(&name) {
            suite.skipped.push(format!("example `{}`: {error:#}", name.display()));
            continue;
        }
        check(&ork, &name).with_context(|| format!("example `{}` failed", name.display()))?;
        println!("ok: {}", name.display());
    }
    Ok(())
}

/// Sees to it that what an example needs is there.
fn equip(name: &Path) -> Result<()> {
    let mut needs = NEEDS.iter().filter(|(example, _)| name.file_stem().is_some_and(|stem| stem == *example));
    needs.try_for_each(|(_, program)| apt::bring(program))
}

/// The files that have an expected result, below `folder`.
fn names(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let file = entry?.path();
            if file.is_dir() {
                folders.push(file);
            } else if file.extension().is_some_and(|ending| ending == "yaml" || ending == "json")
                && expected(&file).exists()
            {
                names.push(file.strip_prefix(folder)?.to_owned());
            }
        }
    }
    names.sort();
    Ok(names)
}

fn expected(file: &Path) -> PathBuf {
    file.with_extension("expected.json")
}

/// Runs an example in a copy of `examples/`, because it may write files, and in its folder, because its settings are there.
fn check(ork: &Path, name: &Path) -> Result<()> {
    let home = Folder::create("example")?;
    shell::run(Command::new("cp").arg("-R").arg(shell::root().join("examples")).arg(&home.0))?;
    let file = home.0.join("examples").join(name);
    let wanted: Value = serde_json::from_str(&fs::read_to_string(expected(&file))?)?;
    let mut command = Command::new(ork);
    command.args(["run", "--json"]).arg(&file).current_dir(file.parent().unwrap_or(&home.0));
    command.env("XDG_DATA_HOME", &home.0).env_remove("ORK_DATABASE_URL");
    let said = shell::capture(&mut command)?;
    let result = result(&said).with_context(|| format!("no result in what `ork run --json` wrote:\n{said}"))?;
    ensure!(result == wanted, "the result is\n{result:#}\nexpected is\n{wanted:#}");
    Ok(())
}

/// The `result` in the last line, which tells the finished run.
fn result(said: &str) -> Option<Value> {
    let last: Value = serde_json::from_str(said.lines().last()?).ok()?;
    last.get("result").cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_tells_the_result() {
        assert_eq!(
            result("{\"type\": \"run.started\"}\n{\"result\": {\"a\": 1}}\n"),
            Some(serde_json::json!({"a": 1}))
        );
        assert_eq!(result("{\"result\": 1}\nnot JSON\n"), None);
        assert_eq!(result(""), None);
    }

    #[test]
    fn only_pairs_are_run() {
        let folder = Folder::create("pairs").unwrap();
        fs::create_dir(folder.0.join("d")).unwrap();
        for name in
            ["b.yaml", "b.expected.json", "a.yaml", "c.expected.json", "d/e.json", "d/e.expected.json", "d/f.json"]
        {
            fs::write(folder.0.join(name), "").unwrap();
        }
        assert_eq!(names(&folder.0).unwrap(), [PathBuf::from("b.yaml"), PathBuf::from("d/e.json")]);
    }
}

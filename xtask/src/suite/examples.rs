//! `examples/NAME.yaml` with `examples/NAME.expected.json` beside it: run, and the run's result compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::shell::{self, Folder};

/// Runs every example that has an expected result, each with a database of its own.
pub fn run() -> Result<()> {
    shell::run(shell::cargo().args(["build", "--release", "--quiet", "--package", "ork"]))?;
    let ork = shell::target().join("release/ork");
    let pairs = pairs(&shell::root().join("examples"))?;
    ensure!(!pairs.is_empty(), "examples/ has no `NAME.yaml` with a `NAME.expected.json`");
    for (file, expected) in pairs {
        check(&ork, &file, &expected).with_context(|| format!("example `{}` failed", file.display()))?;
        println!("ok: {}", file.display());
    }
    Ok(())
}

fn pairs(folder: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut pairs = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        let expected = file.with_extension("expected.json");
        if file.extension().is_some_and(|ending| ending == "yaml") && expected.exists() {
            pairs.push((file, expected));
        }
    }
    pairs.sort();
    Ok(pairs)
}

fn check(ork: &Path, file: &Path, expected: &Path) -> Result<()> {
    let expected: Value = serde_json::from_str(&fs::read_to_string(expected)?)?;
    let home = Folder::create("example")?;
    let mut command = Command::new(ork);
    command.args(["run", "--json"]).arg(file).env("XDG_DATA_HOME", &home.0).env_remove("ORK_DATABASE_URL");
    let said = shell::capture(&mut command)?;
    let result = result(&said).with_context(|| format!("no result in what `ork run --json` wrote:\n{said}"))?;
    ensure!(result == expected, "the result is\n{result:#}\nexpected is\n{expected:#}");
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
        for name in ["b.yaml", "b.expected.json", "a.yaml", "c.expected.json"] {
            fs::write(folder.0.join(name), "").unwrap();
        }
        assert_eq!(pairs(&folder.0).unwrap(), [(folder.0.join("b.yaml"), folder.0.join("b.expected.json"))]);
    }
}

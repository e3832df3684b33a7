//! Every command and every workflow file that the documentation shows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::home::Home;
use crate::postgres::with_database;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The fenced blocks of a page in one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

fn with_examples() -> Home {
    let home = Home::new();
    let copied = Command::new("cp").arg("-r").arg(root().join("examples")).arg(home.project()).status().unwrap();
    assert!(copied.success());
    home
}

/// Runs a block as somebody would who pastes it.
fn paste(home: &Home, block: &str) -> String {
    let script = block.replace("cargo run --release --", "ork");
    let output = home.program("/bin/sh").args(["-e", "-c", &script]).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}\n{said}");
    said
}

fn check_files(page: &str, count: usize) {
    let home = Home::new();
    let files = blocks(page, "yaml");
    assert_eq!(files.len(), count, "{page}");
    for file in files {
        home.file("shown.yaml", &file);
        let output = home.output(&["validate", "shown.yaml"]);
        assert!(output.status.success(), "{file}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn files_in_the_documentation_are_valid() {
    check_files("README.md", 1);
    check_files("docs/workflow-file.md", 1);
}

#[test]
fn the_workflow_of_the_reference_runs() {
    let home = Home::new();
    home.file("report.yaml", &blocks("docs/workflow-file.md", "yaml")[0]);
    home.file("source.txt", "text");
    let said = home.says("run report.yaml -i source=source.txt -i mode=final --jobs 1");
    assert!(said.starts_with("exit 0\n--- stdout\n3\n"), "{said}");
    assert!(said.contains("skipped    alarm  its condition is false"), "{said}");
}

#[test]
fn commands_of_the_readme_say_what_it_promises() {
    let home = with_examples();
    let all = blocks("README.md", "sh");
    let [start, failing, killed, many] = &all[..] else { panic!("{all:?}") };
    let said = paste(&home, start);
    assert!(said.contains("success") && said.contains(".local/share/ork/ork.db"), "{said}");
    let said = paste(&home, failing);
    assert!(said.contains("exit code 1") && said.contains("orders.csv: No such file"), "{said}");
    assert!(said.contains("taken over from the run before") && said.trim_end().contains("✓ success"), "{said}");
    let said = paste(&home, killed);
    assert!(said.contains("the process that carried the run is gone"), "{said}");
    assert!(said.contains("✓ success") && said.contains("nothing is wrong"), "{said}");
    with_database(|url| {
        let said = paste(&home, &many.replace("postgres://ork@localhost/ork", url));
        assert!(said.contains("✓ success"), "{said}");
    });
}

#[test]
fn commands_of_the_reference_run() {
    let home = with_examples();
    for block in blocks("docs/cli.md", "sh") {
        paste(&home, &block);
    }
}

#[test]
fn filters_of_the_reference_are_understood() {
    let home = with_examples();
    for block in blocks("docs/filters.md", "sh") {
        paste(&home, &block);
    }
    let page = fs::read_to_string(root().join("docs/filters.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(rows.len() >= 7, "{rows:?}");
    for row in rows {
        let output = home.output(&["runs", "list", row]);
        assert!(output.status.success(), "{row}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn settings_of_the_reference_are_those_there_are() {
    let home = Home::new();
    let files = blocks("docs/cli.md", "toml");
    assert_eq!(files.len(), 1);
    home.file("ork.toml", &files[0]);
    let page = fs::read_to_string(root().join("docs/cli.md")).unwrap();
    for row in home.values("config show --json") {
        assert!(page.contains(&format!("| `{}` | `ORK_", row["key"].as_str().unwrap())), "{row}");
    }
}

#[test]
fn examples_give_their_results() {
    let home = with_examples();
    for name in ["hello", "logs"] {
        let expected = fs::read_to_string(root().join(format!("examples/{name}.expected.json"))).unwrap();
        let output = home.output(&["run", &format!("examples/{name}.yaml")]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{name}");
    }
}

#[test]
fn limits_are_those_of_the_code() {
    let code = fs::read_to_string(root().join("crates/ork-core/src/limits.rs")).unwrap();
    let page = fs::read_to_string(root().join("docs/limits.md")).unwrap();
    let mut checked = 0;
    for line in code.lines().filter(|line| line.starts_with("pub const ") && !line.contains("BATCH_MAX")) {
        let value = line.split(" = ").nth(1).unwrap().trim_end_matches(';').replace('_', "");
        let number = match value.split_once(" << ") {
            Some((base, bits)) => base.parse::<u64>().unwrap() << bits.parse::<u32>().unwrap(),
            None => value.parse().unwrap(),
        };
        assert!(page.contains(&format!("| {number} ")), "{line}: {number} is not in docs/limits.md");
        checked += 1;
    }
    assert!(checked >= 12);
}

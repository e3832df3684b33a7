//! What tasks keep, with the real executable: its files are read again, and nothing that lies outside of a folder is among them.

use std::fs;

use ork_core::checksum::Checksum;
use serde_json::Value;

use crate::home::Home;

const FILES: &str = r#"
name: files
tasks:
  traps:
    run: |
      cd "$ORK_ARTIFACTS"
      ln -s "$SECRET" link; ln "$SECRET" hard; mkfifo pipe; ln -s "$(dirname "$SECRET")" folder
      mkdir -p a/b; printf film >a/b/one.mp4; : >empty; printf x >'back\slash'
    env: {SECRET: "{{ run.project }}/secret"}
  fails:
    run: echo why >"$ORK_ARTIFACTS/why.txt"; exit 3
  large:
    run: printf '['; yes '"äöü",' | head -n 300000 | tr -d '\n'; printf '1]'
    output: stdout_json
  reads:
    depends_on: [large]
    command: [echo, "{{ tasks.large.output.artifact }} {{ tasks.large.output.size }}"]
    output: stdout
  steps:
    steps:
      - {name: make, phase: setup, run: 'mkdir out; printf 1 >out/1.txt; printf 2 >out/2.txt; printf 3 >"$ORK_ARTIFACTS/own"'}
      - {name: keep, phase: execution, artifact: {path: "out/[1-9].txt", kind: list, meta: {of: "{{ task.key }}"}}}
      - {name: far, phase: cleanup, artifact: {url: "https://media.example/{{ run.name }}", name: far.mp4}}
on_failure: continue
"#;

/// The artifacts of the last run: name, task, step, kind and bytes.
fn kept(home: &Home) -> Vec<String> {
    let rows = home.values("artifacts list last --json");
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let id = text(row, "id");
            if let Some(url) = row["url"].as_str() {
                return format!("{} {} {} {}", text(row, "name"), text(row, "step"), text(row, "kind"), url);
            }
            let path = home.project().join("copy");
            home.ork(&["artifacts", "get", &id, "-o", "copy", "--force"]);
            let bytes = fs::read(path).unwrap();
            assert_eq!(row["checksum"].as_str(), Some(Checksum::of(&bytes).as_str()), "{row}");
            assert_eq!(row["size"].as_u64(), Some(bytes.len() as u64), "{row}");
            let shown =
                if bytes.len() < 20 { String::from_utf8(bytes).unwrap() } else { format!("{} bytes", bytes.len()) };
            format!("{} {} {} {}", text(row, "name"), text(row, "step"), text(row, "kind"), shown.trim())
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn what_tasks_keep_is_there_and_nothing_else() {
    let home = Home::new();
    home.file("flow.yaml", FILES);
    home.file("secret", "secret");
    let output = home.output(&["run", "flow.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", home.shown(&output));
    let expected = [
        "a/b/one.mp4 - file film",
        "empty - file ",
        "far.mp4 far file https://media.example/files",
        "out/1.txt keep list 1",
        "out/2.txt keep list 2",
        "output.json - value 2700003 bytes",
        "own make file 3",
        "why.txt - file why",
    ];
    assert_eq!(kept(&home), expected);
    let said = home.says("runs logs last/traps");
    for line in [
        "`hard` is left out: it has another name",
        "`link` is left out: it is a symbolic link",
        "`folder` is left out: it is a symbolic link",
        "`pipe` is left out: it is a pipe",
        "`back\\\\slash` is left out: the name holds a backslash",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    let tasks = home.values("tasks list last --json");
    let reads = tasks.iter().find(|task| task["key"] == "reads").unwrap();
    let large = home.values("artifacts list last --json").into_iter().find(|row| row["kind"] == "value").unwrap();
    assert_eq!(reads["output"].as_str(), Some(format!("{} 2700003", large["id"].as_str().unwrap()).as_str()));
    assert_eq!(
        home.says("artifacts verify last").lines().last(),
        Some("7 right, 0 damaged, 2.5 MiB read; 1 are elsewhere")
    );
}

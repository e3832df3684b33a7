//! What `ork validate` writes for programs, and what shells and man(1) are given.

use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use crate::home::Home;

fn with_bad_files() -> Home {
    let home = Home::new();
    home.file("good.yaml", "tasks:\n  a: {run: \"true\"}\n");
    home.file("50%, a:b.yaml", "name: x\ntasks:\n  a: {run: \"true\", depends_on: [c]}\n");
    home.file("empty.yaml", "");
    home
}

#[test]
fn errors_are_annotations() {
    let home = with_bad_files();
    let said = home.ork(&["validate", "--format", "github", "good.yaml", "50%, a:b.yaml", "empty.yaml"]);
    insta::assert_snapshot!(said, @r"
    exit 2
    --- stdout
    ::error file=50%25%2C a%3Ab.yaml,line=3,col=33,endColumn=33,title=ORK-E0303::task `a` depends on `c`, which does not exist
    ::error file=empty.yaml,title=ORK-E0115::the file is empty%0Ahelp: the smallest workflow is `tasks: {hello: {command: [echo, hello]}}`
    ");
    insta::assert_snapshot!(home.says("validate --format github good.yaml"), @"exit 0");
    let said = home.says("validate --format github --json good.yaml");
    assert!(said.starts_with("exit 2\n") && said.contains("cannot be used with"), "{said}");
}

#[test]
fn what_is_not_shown_is_counted() {
    let home = Home::new();
    let tasks: String = (0..60).map(|n| format!("  t{n}: {{run: \"true\", depend_on: []}}\n")).collect();
    home.file("many.yaml", &format!("tasks:\n{tasks}"));
    let said = home.says("validate --format github many.yaml");
    assert_eq!(said.matches("::error ").count(), 50);
    assert!(said.ends_with("--- stderr\n`many.yaml` has at least 10 more\n"), "{said}");
}

#[test]
fn errors_are_sarif() {
    let home = with_bad_files();
    let said = home.ork(&["validate", "--format", "sarif", "good.yaml", "50%, a:b.yaml"]);
    insta::assert_snapshot!(said.replace(env!("CARGO_PKG_VERSION"), "VERSION"), @r##"
    exit 2
    --- stdout
    {
      "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
      "version": "2.1.0",
      "runs": [
        {
          "tool": {
            "driver": {
              "name": "ork",
              "semanticVersion": "VERSION",
              "rules": [
                {
                  "id": "ORK-E0303",
                  "shortDescription": {
                    "text": "`depends_on` names tasks of this file"
                  },
                  "help": {
                    "text": "The task that it names does not exist. Names are compared exactly, case included."
                  }
                }
              ]
            }
          },
          "columnKind": "unicodeCodePoints",
          "results": [
            {
              "ruleId": "ORK-E0303",
              "level": "error",
              "message": {
                "text": "task `a` depends on `c`, which does not exist"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "50%25%2C%20a%3Ab.yaml"
                    },
                    "region": {
                      "startLine": 3,
                      "startColumn": 33,
                      "endColumn": 34
                    }
                  }
                }
              ]
            }
          ]
        }
      ]
    }
    "##);
    let whole: serde_json::Value =
        serde_json::from_slice(&home.output(&["validate", "--format", "sarif", "empty.yaml"]).stdout).unwrap();
    let place = &whole["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(*place, json!({"artifactLocation": {"uri": "empty.yaml"}}));
    let sound = home.output(&["validate", "--format", "sarif", "good.yaml"]);
    let sound: serde_json::Value = serde_json::from_slice(&sound.stdout).unwrap();
    assert_eq!((&sound["runs"][0]["results"], &sound["version"]), (&json!([]), &json!("2.1.0")));
}

#[test]
fn shells_take_their_completions() {
    let home = Home::new();
    for (shell, asks, name) in [
        ("bash", "ORK_COMPLETE=bash ork -- ", "complete -F _ork ork"),
        ("zsh", "ORK_COMPLETE=\"zsh\" ", "#compdef ork"),
        ("fish", "ORK_COMPLETE=fish ork -- ", "--command ork"),
    ] {
        let script = home.output(&["completions", shell]).stdout;
        let text = String::from_utf8(script.clone()).unwrap();
        assert!(text.contains(name) && text.contains(asks), "{shell}: {text}");
        // What is not installed cannot be asked.
        let Ok(mut child) = home.program(shell).arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn() else {
            continue;
        };
        child.stdin.take().unwrap().write_all(&script).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{shell}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn the_manual_has_every_command() {
    let home = Home::new();
    let page = home.says("man");
    assert!(page.contains(".TH ork 1") && page.contains("ork\\-validate(1)"), "{page}");
    let page = home.says("man runs logs");
    assert!(page.contains(".TH ork-runs-logs 1") && page.contains("\\-\\-follow"), "{page}");
    assert!(page.contains("[OPTIONS] [RUN|TASK]"), "{page}");
    assert!(page.contains(&format!("\"ork {}\"", env!("CARGO_PKG_VERSION"))), "{page}");
    assert!(page.contains(".SH EXAMPLES\n.nf\nork runs logs last\n") && !page.contains("EXTRA"), "{page}");
    assert!(home.says("man runs dance").starts_with("exit 7\n"));
}

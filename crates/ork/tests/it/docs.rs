//! What the README and the pages beside the book's sessions promise.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::home::{Home, ORK};
use crate::postgres::{owner, with_empty_database};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The fenced blocks of a page in one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

pub fn with_examples() -> Home {
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

#[test]
fn the_file_in_the_readme_is_valid() {
    let home = Home::new();
    let [file] = &blocks("README.md", "yaml")[..] else { panic!("the README shows one file") };
    home.file("shown.yaml", file);
    let said = home.says("validate shown.yaml");
    assert!(said.starts_with("exit 0\n"), "{file}\n{said}");
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
fn the_plan_of_the_reference_runs() {
    let home = Home::new();
    home.file("plan.json", &blocks("docs/workflow-file.md", "json")[0]);
    home.file("ork.toml", &blocks("docs/workflow-file.md", "toml")[0]);
    home.file("generate.sh", "#!/bin/sh\necho '{\"url\": \"a.mp4\"}' >\"$ORK_OUTPUT\"\n");
    fs::set_permissions(home.project().join("generate.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let output = home.output(&["run", "plan.json"]);
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result, json!({"videos": [{"url": "a.mp4"}, "a.mp4"], "fade": 2}));
}

#[test]
fn commands_of_the_readme_say_what_it_promises() {
    let home = with_examples();
    let all = blocks("README.md", "sh");
    let [start, failing, killed, many, served] = &all[..] else { panic!("{all:?}") };
    let said = paste(&home, start);
    assert!(said.contains("success") && said.contains(".local/share/ork/ork.db"), "{said}");
    let said = paste(&home, failing);
    assert!(said.contains("exit code 1") && said.contains("orders.csv: No such file"), "{said}");
    assert!(said.contains("taken over from the run before") && said.trim_end().contains("✓ success"), "{said}");
    let said = paste(&home, killed);
    assert!(said.contains("the process that carried the run is gone"), "{said}");
    assert!(said.contains("✓ success") && said.contains("nothing is wrong"), "{said}");
    with_empty_database(|url| {
        let many = many.replace("postgres://ork_owner@localhost/ork", &owner(url));
        let said = paste(&home, &many.replace("postgres://ork@localhost/ork", url));
        assert!(said.contains("✓ success"), "{said}");
    });
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let served = served.replace("ork dev", &format!("ork dev --listen 127.0.0.1:{port}"));
    let said = paste(&with_examples(), &served.replace("6750", &port.to_string()));
    let parts =
        ["{\"id\":\"run_", "cancelled", "exit code 3", "✓ success", "\"workspace\":\"media\"", "\"role\":\"admin\""];
    assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    assert!(said.trim_end().ends_with("no run matches"), "{said}");
}

#[test]
fn filters_of_the_reference_are_understood() {
    let home = with_examples();
    let page = fs::read_to_string(root().join("docs/filters.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(rows.len() >= 7, "{rows:?}");
    for row in rows {
        let output = home.output(&["runs", "list", row]);
        assert!(output.status.success(), "{row}: {}", String::from_utf8_lossy(&output.stderr));
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
    // Its settings are those of its folder.
    let output =
        home.program(ORK).args(["run", "plan.json"]).current_dir(home.project().join("examples/plan")).output();
    let result: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    let expected = fs::read_to_string(root().join("examples/plan/plan.expected.json")).unwrap();
    assert_eq!(result, serde_json::from_str::<Value>(&expected).unwrap());
}

/// Runs the example of a video with programs that make no video, and that find what `probed` says.
fn film(probed: &str) -> String {
    let home = with_examples();
    let bin = home.dir.join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(home.dir.join("probed"), probed).unwrap();
    let probe = format!("#!/bin/sh\ncat '{}'\n", home.dir.join("probed").display());
    let make = "#!/bin/sh\nfor last; do :; done\necho film >\"$last\"\n";
    for (name, text) in [("ffprobe", probe.as_str()), ("ffmpeg", make)] {
        fs::write(bin.join(name), text).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let output = home.program(ORK).args(["run", "examples/video/video.yaml"]).env("PATH", path).output().unwrap();
    home.masked(&format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_film_that_is_not_what_was_asked_for_fails_its_run() {
    let probed = r#"{"streams": [{"codec_type": "video", "width": 320, "height": 180}, {"codec_type": "audio"}],
                     "format": {"duration": "6.023000"}}"#;
    let said = film(probed);
    assert!(said.contains("\"seconds\": 6.0,") && said.contains("✓ success  video"), "{said}");
    for (right, wrong, expected) in [
        ("6.02", "5.5", "the film lasts 5.53000 s, and should last 6 s"),
        ("320", "321", "the film has video+audio of 321x180, and should have video+audio of 320x180"),
        (", {\"codec_type\": \"audio\"}", "", "the film has video of 320x180, and should have video+audio of 320x180"),
    ] {
        let said = film(&probed.replace(right, wrong));
        assert!(said.contains(expected) && said.contains("✗ failed  video"), "{said}");
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

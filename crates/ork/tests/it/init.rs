//! `ork init`: every template is written, is valid, and runs to its end.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::home::{Home, ORK};

/// The result of a run of what a template wrote, in a folder whose name must be quoted.
fn result(template: &str) -> Value {
    let home = Home::new();
    let output = home.output(&["init", "my files", "--template", template, "--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let file = format!("my files/{template}.yaml");
    assert_eq!((&said["files"][0], &said["next"]), (&json!(file), &json!(format!("ork run '{file}'"))));
    assert!(home.ork(&["validate", &file]).starts_with("exit 0\n"));
    let next = said["next"].as_str().unwrap();
    let output = home.program("/bin/sh").args(["-c", &format!("{next} --json")]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let run: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(run["status"], "success", "{template}: {run}");
    if template == "etl" {
        let written = fs::read_to_string(home.project().join("my files/totals.csv")).unwrap();
        assert_eq!(written, "region,total\neast,4.75\nnorth,42.5\nsouth,27.2\n");
    }
    run["result"].clone()
}

#[test]
fn templates_run() {
    assert_eq!(result("hello"), "Hello, world!");
    assert_eq!(result("etl").to_string(), r#"{"east":4.75,"north":42.5,"south":27.2}"#);
    let expected = json!({"files": ["one.txt", "three.txt", "two.txt"], "words": [6, 5, 8]});
    assert_eq!(result("batch"), expected);
    if std::process::Command::new("ffprobe").arg("-version").output().is_ok() {
        assert_eq!(result("media"), "scaled.mp4");
    } else {
        println!("skipped: the media template, for there is no ffmpeg here");
    }
}

/// A program that does what the workflow looks at: it makes the file that its last argument names.
const STAND_IN: &str =
    "#!/bin/sh\nfor last; do :; done\ncase $0 in *probe) echo 6.0 ;; *) echo \"$*\" >\"$last\" ;; esac\n";

#[test]
fn media_says_what_it_needs() {
    let home = Home::new();
    assert!(
        home.says("init --template media").contains("this workflow needs ffmpeg and ffprobe\nnext: ork run media.yaml")
    );
    // Nothing but what a shell has.
    let bin = home.dir.join("bin");
    fs::create_dir(&bin).unwrap();
    for tool in ["sh", "mkdir", "cat", "mv", "awk"] {
        std::os::unix::fs::symlink(format!("/bin/{tool}"), bin.join(tool)).unwrap();
    }
    let run = || home.program(ORK).args(["run", "media.yaml"]).env("PATH", &bin).output().unwrap();
    let said = String::from_utf8(run().stderr).unwrap();
    assert!(said.contains("ffmpeg is not installed; try: apt install ffmpeg"), "{said}");
    for tool in ["ffmpeg", "ffprobe"] {
        fs::write(bin.join(tool), STAND_IN).unwrap();
        fs::set_permissions(bin.join(tool), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = run();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "\"scaled.mp4\"\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let last = fs::read_to_string(home.project().join("media-parts/2.mp4")).unwrap();
    assert_eq!(last, "-y -v error -ss 4.0 -t 2.0 -i media-parts/source.mp4 -vf scale=-2:180 media-parts/2.mp4\n");
}

#[test]
fn nothing_is_overwritten() {
    let home = Home::new();
    insta::assert_snapshot!(home.says("init sub"), @r"
    exit 0
    --- stdout
    sub/hello.yaml
    --- stderr
    next: ork run sub/hello.yaml
    ");
    home.file("batch.yaml", "mine");
    fs::create_dir(home.project().join("inbox")).unwrap();
    std::os::unix::fs::symlink("nowhere", home.project().join("inbox/two.txt")).unwrap();
    insta::assert_snapshot!(home.says("init -t batch"), @r"
    exit 2
    --- stderr
    error: `batch.yaml`, `inbox/two.txt` are there already; nothing was written
      try: another folder: ork init DIR
    ");
    assert!(!home.project().join("inbox/one.txt").exists());
    assert_eq!(fs::read_to_string(home.project().join("batch.yaml")).unwrap(), "mine");
    insta::assert_snapshot!(home.says("init batch.yaml"), @r"
    exit 2
    --- stderr
    error: failed to write `batch.yaml/hello.yaml`: File exists (os error 17)
    ");
}

//! `ork runs list` with filters.

use serde_json::Value;

use crate::home::Home;
use crate::postgres::with_database;

/// Three runs: `etl` succeeded, `nightly` failed, `flaky` waits for its second attempt until `there` is made.
fn three(home: &Home, at: &str) {
    home.file("etl.yaml", "name: etl\nlabels: {team: media, note: a b}\ntasks:\n  a: {run: \"true\"}\n");
    home.file("nightly.yaml", "name: nightly\nlabels: {team: media}\ntasks:\n  a: {run: exit 1}\n");
    let retry = "retry: {max_attempts: 2, delay: 1h}";
    home.file("flaky.yaml", &format!("name: flaky\ntasks:\n  a: {{run: exit 1, {retry}}}\n"));
    assert!(home.says(&format!("run etl.yaml{at}")).starts_with("exit 0\n"));
    assert!(home.says(&format!("run nightly.yaml{at}")).starts_with("exit 1\n"));
    let mut flaky = home.start(&format!("run flaky.yaml{at}"));
    flaky.wait_for("failure 1 of 2");
    flaky.kill();
}

fn check(home: &Home, at: &str, words: &[&str], expected: &str) {
    let mut args = vec!["runs", "list", "--json"];
    args.extend(words);
    args.extend(at.split_whitespace());
    let output = home.output(&args);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let names =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["name"].as_str().unwrap().to_owned());
    assert_eq!(names.collect::<Vec<_>>().join(" "), expected, "{words:?}");
}

fn check_all(home: &Home, at: &str) {
    three(home, at);
    let check = |words: &[&str], expected: &str| check(home, at, words, expected);
    check(&[], "flaky nightly etl");
    check(&["status:failed,success"], "nightly etl");
    check(&["status:failed", "name:etl"], "");
    check(&["is:retrying"], "flaky");
    check(&["is:held"], "");
    check(&["label.team=media"], "nightly etl");
    check(&["label.team=media label.note=\"a b\""], "etl");
    check(&["--label", "team=media", "--label", "note=a b"], "etl");
    check(&["--status", "failed", "name:nightly"], "nightly");
    check(&["started>-2h", "finished>-2h"], "nightly etl");
    check(&["started<-2h"], "");
    check(&["created>2026-01-01", "created<2026-01-02"], "");
    check(&["--all", "status:failed,success"], "nightly etl");
    check(&["--all", "--before", "last"], "nightly etl");
}

#[test]
fn runs_are_filtered() {
    check_all(&Home::new(), "");
}

#[test]
fn runs_are_filtered_on_postgresql_too() {
    with_database(|url| {
        let home = Home::new();
        let at = format!(" --database {url}");
        assert!(home.says(&format!("db migrate{at}")).starts_with("exit 0\n"));
        check_all(&home, &at);
    });
}

#[test]
fn a_page_says_how_to_see_the_next() {
    let home = Home::new();
    home.file("flow.yaml", "name: flow\ntasks:\n  a: {run: \"true\"}\n");
    home.says("run flow.yaml");
    home.says("run flow.yaml");
    insta::assert_snapshot!(home.says("runs list created>-1h status:success --limit 1"), @r"
    exit 0
    --- stdout
    run_ID  success  flow  1/1 tasks  TIME  AGE
    --- stderr
    older: ork runs list 'status:success created>-1h' --before run_ID
    ");
    insta::assert_snapshot!(home.says("runs list name:flow --limit 1"), @r"
    exit 0
    --- stdout
    run_ID  success  flow  1/1 tasks  TIME  AGE
    --- stderr
    older: ork runs list name:flow --before run_ID
    ");
    insta::assert_snapshot!(home.says("runs list status:failed"), @r"
    exit 0
    --- stderr
    no run matches
    ");
}

#[test]
fn a_wrong_filter_is_shown_with_its_place() {
    let home = Home::new();
    insta::assert_snapshot!(home.says("runs list name:etl stauts:failed"), @r"
    exit 2
    --- stderr
    error: there is no filter `stauts`
      name:etl stauts:failed
               ^^^^^^
      try: did you mean `status:failed`?
    ");
    insta::assert_snapshot!(home.says("runs list name:etl stauts:failed --json"), @r#"
    exit 2
    --- stdout
    {"type":"error","exit_code":2,"message":"there is no filter `stauts` (character 10)","hint":"did you mean `status:failed`?"}
    --- stderr
    error: there is no filter `stauts` (character 10)
      try: did you mean `status:failed`?
    "#);
    insta::assert_snapshot!(home.says("runs list created --status failed"), @r"
    exit 2
    --- stderr
    error: `created` says nothing about a run
      created status:failed
      ^^^^^^^
      try: in a shell put it in quotes: 'created>-2h'
    ");
    insta::assert_snapshot!(home.says("runs list status:failed --status success"), @r"
    exit 2
    --- stderr
    error: `status` is there twice
      status:failed status:success
                    ^^^^^^
      try: commas mean `or`: status:failed,cancelled
    ");
    insta::assert_snapshot!(home.says("runs list is:waiting"), @r"
    exit 2
    --- stderr
    error: which runs have a task that is `waiting` cannot be known without reading all of them
      is:waiting
         ^^^^^^^
      try: `ork why RUN` says what a run waits for
    ");
    assert!(!home.dir.join(".local").exists());
}

#[test]
fn all_means_more_than_a_page() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  a: {run: \"true\"}\n");
    let submit = "seq 203 | xargs -P 4 -I_ ork runs submit flow.yaml >ids";
    assert!(home.program("/bin/sh").args(["-c", submit]).status().unwrap().success());
    let ids = |line: &str| -> Vec<String> {
        home.values(line).iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
    };
    let listed = ids("runs list --all");
    let mut submitted: Vec<String> =
        std::fs::read_to_string(home.project().join("ids")).unwrap().lines().map(str::to_owned).collect();
    submitted.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(listed, submitted);
    assert_eq!(ids("runs list --limit 200 --json"), submitted[..200]);
    assert!(ids("runs list --all status:failed").is_empty());
}

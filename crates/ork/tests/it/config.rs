//! Settings: which one applies, and what is wrong with a file.

use std::fs;

use regex::Regex;
use serde_json::json;

use crate::home::{Home, ORK};

/// A home with a file of the project and one of the user.
fn home(project: &str, user: &str) -> Home {
    let home = Home::new();
    home.file("ork.toml", project);
    fs::create_dir_all(home.dir.join(".config/ork")).unwrap();
    fs::write(home.dir.join(".config/ork/config.toml"), user).unwrap();
    home
}

#[test]
fn the_nearest_to_the_hand_applies() {
    let home = home(
        "database = \"sqlite:here.db\"\njobs = 2\noperations.merge = [\"./merge.sh\", \"--fast\"]\n",
        "jobs = 3\n\n[worker]\nqueues = [\"a\", \"b\"]\ncapacity = 1_0\n[operations]\nmerge = \"true\"\ncut = \"true\"\n",
    );
    // How wide columns are depends on where the home is.
    let said = Regex::new(" {2,}").unwrap().replace_all(&home.says("config show --origin"), "  ").into_owned();
    insta::assert_snapshot!(said, @r#"
    exit 0
    --- stdout
    database  sqlite:HOME/project/here.db  HOME/project/ork.toml:1
    server  default
    context  default
    token_file  default
    jobs  2  HOME/project/ork.toml:2
    progress  auto  default
    listen  127.0.0.1:6750  default
    worker.queues  a,b  HOME/.config/ork/config.toml:4
    worker.capacity  10  HOME/.config/ork/config.toml:5
    worker.grace  30s  default
    workspace  default  default
    secret_key_file  default
    egress.allow  default
    artifacts  file:HOME/project/here.db-artifacts  default
    operations.cut  "true"  HOME/.config/ork/config.toml:8
    operations.merge  ["HOME/project/merge.sh","--fast"]  HOME/project/ork.toml:3
    "#);
    fs::create_dir_all(home.project().join("a/b")).unwrap();
    let mut command = home.program(ORK);
    command
        .args(["config", "show", "--json", "--database", "postgres://ada:secret@h/d"])
        .current_dir(home.project().join("a/b"));
    let output =
        command.env("ORK_JOBS", "5").env("ORK_WORKER_QUEUES", "c,d").env("ORK_WORKER_GRACE", "").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let said: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        said[0],
        json!({"key": "database", "value": "postgres://ada:…@h/d", "origin": "flag", "place": "--database"})
    );
    assert_eq!(said[4], json!({"key": "jobs", "value": 5, "origin": "variable", "place": "ORK_JOBS"}));
    assert_eq!((&said[7]["value"], &said[8]["value"]), (&json!(["c", "d"]), &json!(10)));
    assert_eq!(said[9]["origin"], "default");
}

#[test]
fn artifacts_are_beside_the_database_or_where_somebody_says() {
    let at = |text: &str, arguments: &str| {
        let rows = home(text, "").values(format!("config show --json {arguments}").trim_end());
        let found = rows.into_iter().find(|row| row["key"] == "artifacts").unwrap();
        let place = found["value"].as_str().unwrap().to_owned();
        let (_, below) = place.split_once("/project/").unwrap_or(("", &place));
        (below.to_owned(), found["origin"].as_str().unwrap().to_owned())
    };
    let check = |text: &str, arguments: &str, value: &str, origin: &str| {
        assert_eq!(at(text, arguments), (value.to_owned(), origin.to_owned()), "{text} {arguments}");
    };
    check("", "--database sqlite:a.db", "a.db-artifacts", "default");
    check("", "--database files:all", "all/ork.db-artifacts", "default");
    let away = at("", "--database postgres://h/d");
    assert!(away.0.ends_with("/.local/share/ork/artifacts"), "{away:?}");
    check("artifacts = \"file:kept\"\n", "", "kept", "file");
    check("artifacts = \"kept\"\n", "", "kept", "file");
    check("artifacts = \"s3://bucket/a\"\n", "", "s3://bucket/a", "file");
    check("artifacts = \"s3://bucket/a\"\n", "--artifacts file:here", "here", "flag");
}

#[test]
fn commands_use_what_is_set() {
    let home = home("database = \"sqlite:data/here.db\"\n", "");
    home.file("a.yaml", "tasks:\n  a: {run: \"true\"}\n");
    fs::create_dir(home.project().join("below")).unwrap();
    assert!(home.says("run a.yaml").starts_with("exit 0\n"));
    assert!(home.project().join("data/here.db").exists() && !home.dir.join(".local").exists());
    let below =
        home.program(ORK).args(["runs", "list", "--json"]).current_dir(home.project().join("below")).output().unwrap();
    assert_eq!(String::from_utf8(below.stdout).unwrap().lines().count(), 1);
    // A command to paste names the database only where it must.
    home.file("b.yaml", "tasks:\n  a: {run: \"false\"}\n");
    assert!(!home.says("run b.yaml").contains("--database"));
    let said = home.says("run b.yaml --database sqlite:other.db");
    assert!(said.contains(" --database sqlite:HOME/project/other.db"), "{said}");
    let said = home.says("worker --queues a/b");
    assert!(said.starts_with("exit 2\n") && said.contains("`a/b` is not the name of a queue"), "{said}");
}

#[test]
fn a_wrong_file_is_refused_with_its_place() {
    for (text, expected) in [
        (
            "jobs = 1\ndatabse = \"sqlite:a\"\n",
            "ork.toml:2:1: there is no setting `databse`\n  try: did you mean `database`?",
        ),
        (
            "[worker]\n  capacitty = 3\n",
            "ork.toml:2:3: there is no setting `worker.capacitty`\n  try: did you mean `worker.capacity`?",
        ),
        (
            "colour = true\n",
            "ork.toml:1:1: there is no setting `colour`\n  try: known here: database, server, context, token_file, jobs",
        ),
        ("jobs = \"3\"\n", "ork.toml:1:8: `jobs`: it is a whole number, without quotes"),
        ("jobs = -3\n", "ork.toml:1:8: `jobs`: `-3` is not a whole number"),
        ("worker = 3\n", "ork.toml:1:1: `worker` is a table\n  try: [worker]"),
        ("[worker]\ngrace = \"3\"\n", "ork.toml:2:9: `worker.grace`: `3`: a duration looks like 500ms, 30s, 10m or 2h"),
        ("[worker]\nqueues = \"a\"\n", "ork.toml:2:10: `worker.queues`: it is a list of names: [\"default\"]"),
        ("database = \"mysql:a\"\n", "`mysql:a` is not the URL of a database"),
        ("artifacts = \"ftp://host/a\"\n", "ork.toml:1:13: `artifacts`: `ftp://` is not where artifacts can be kept"),
        (
            "artifacts = \"s3://ada:hunter2@bucket\"\n",
            "holds no name and no password; credentials come from AWS_ACCESS_KEY_ID",
        ),
        ("operations = 3\n", "ork.toml:1:1: `operations` is a table\n  try: [operations]"),
        ("[operation]\n", "there is no setting `operation`\n  try: did you mean `operations`?"),
        (
            "[operations]\nmerge = []\n",
            "ork.toml:2:9: `operations.merge`: it is a program with its arguments, or the text of a script\n  try: merge = [\"./merge.sh\"]",
        ),
        ("[operations]\nmerge = \" \"\n", "ork.toml:2:9: `operations.merge`: it is a program"),
        ("[operations]\n\"a b\" = \"true\"\n", "ork.toml:2:1: `a b`: an operation's name has"),
        ("jobs = 1\njobs 2\n", "ork.toml:2:6: "),
        ("jobs = 1\njobs = 2\n", "ork.toml:2:1: duplicate key"),
    ] {
        let said = home(text, "").says("runs list");
        assert!(said.starts_with("exit 2\n") && said.contains(expected), "{text}\n{said}");
    }
    let said = home("", "").program(ORK).args(["run", "a.yaml"]).env("ORK_JOBS", "many").output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    // Files are looked at where they matter, and nowhere else.
    assert!(home("?", "?").says("version").starts_with("exit 0\n"));
}

#[test]
fn the_schema_of_the_file_names_its_settings() {
    let home = Home::new();
    let schema = home.values("schema config --json").remove(0);
    let shown: Vec<String> =
        home.values("config show --json").iter().map(|row| row["key"].as_str().unwrap().into()).collect();
    for key in &shown {
        let pointer = format!("/properties/{}", key.replace('.', "/properties/"));
        assert!(schema.pointer(&pointer).is_some_and(|part| part["description"].is_string()), "{key}");
    }
    assert_eq!(shown.len(), 14);
    assert!(schema["properties"]["operations"]["description"].is_string());
}

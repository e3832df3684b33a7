//! Commands that read files and write none: validate, explain, version, and `run` with a file that is wrong.

use serde_json::json;

use crate::home::Home;

#[test]
fn every_error_of_a_file_is_told_and_nothing_is_created() {
    let home = Home::new();
    home.file("bad.yaml", "tasks:\n  a: {run: \"echo {{ inputs.x }}\", depend_on: [b]}\n");
    insta::assert_snapshot!(home.says("run bad.yaml"), @r#"
    exit 2
    --- stderr
    error[ORK-E0410]: a template cannot stand in `run`: its value would become part of the script
     --> bad.yaml:2:18
      |
    2 |   a: {run: "echo {{ inputs.x }}", depend_on: [b]}
      |                  ^^^^^^^^^^^^^^
     = help: pass the value through the environment, where it stays data: env: {VALUE: "{{ inputs.x }}"}, and "$VALUE" in the script

    error[ORK-E0201]: unknown key `depend_on` in task `a`
     --> bad.yaml:2:35
      |
    2 |   a: {run: "echo {{ inputs.x }}", depend_on: [b]}
      |                                   ^^^^^^^^^
     = help: did you mean `depends_on`?

    error[ORK-E0303]: task `a` depends on `b`, which does not exist
     --> bad.yaml:2:47
      |
    2 |   a: {run: "echo {{ inputs.x }}", depend_on: [b]}
      |                                               ^

    `bad.yaml` has 3 errors; nothing was run. More about one: ork explain ORK-E0410
    "#);
    assert!(home.says("run missing.yaml").starts_with("exit 2\n"));
    assert!(home.says("run").starts_with("exit 2\n"));
    assert!(home.says("runs submit bad.yaml").starts_with("exit 2\n"));
    assert!(!home.dir.join(".local").exists(), "something was created");
}

#[test]
fn errors_of_a_run_are_json_when_asked_for() {
    let home = Home::new();
    home.file("bad.yaml", "tasks:\n  a: {command: []}\n");
    let said = home.values("run bad.yaml --json");
    assert_eq!((&said[0]["type"], &said[0]["exit_code"]), (&"invalid".into(), &2.into()));
    assert!(said[0]["errors"][0]["code"].as_str().unwrap().starts_with("ORK-E"));
    let said = home.values("run missing.yaml --json");
    assert_eq!((&said[0]["type"], &said[0]["exit_code"]), (&"error".into(), &2.into()));
}

#[test]
fn inputs_are_read_by_their_type() {
    let home = Home::new();
    home.file(
        "in.yaml",
        "inputs:\n  n: {type: integer, maximum: 9}\n  s: {type: string, required: true}\n  l: {type: array}\n\
         tasks:\n  a: {command: [\"true\"]}\nresult: \"{{ inputs }}\"\n",
    );
    home.file("in.json", "{\"s\": \"from the file\", \"n\": 1}");
    let result = |args: &[&str]| {
        let output = home.output(&[&["run", "in.yaml", "--json"], args].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str::<serde_json::Value>(text.lines().last().unwrap()).unwrap()["result"].clone()
    };
    assert_eq!(result(&["-i", "n=7", "-i", "s=7", "-i", "l=[1]"]), json!({"n": 7, "s": "7", "l": [1]}));
    assert_eq!(result(&["--input", "@in.json", "-i", "n=2"]), json!({"n": 2, "s": "from the file", "l": null}));
    for (args, expected) in [
        ("-i n=10 -i s=x", "`n`"),
        ("-i n=x -i s=x", "`n`"),
        ("-i s=x -i m=1", "`m`"),
        ("-i n=1", "input `s` is required"),
        ("-i s", "`-i s` has no value"),
        ("--input [] -i s=x", "is not a JSON object"),
        ("--input @nowhere", "failed to read"),
        ("--input in.json", "try: --input @in.json"),
        ("--input {\"n\":10,\"s\":\"x\"}", " --> --input {\"n\":10,\"s\":\"x\"}\n"),
    ] {
        let said = home.says(&format!("run in.yaml {args}"));
        assert!(said.starts_with("exit 2\n") && said.contains(expected), "{args}\n{said}");
    }
}

#[test]
fn what_is_wrong_with_an_option_is_shown_with_the_option() {
    let home = Home::new();
    home.file("in.yaml", "inputs:\n  env: {type: string, enum: [dev, prod]}\ntasks:\n  a: {run: \"true\"}\n");
    insta::assert_snapshot!(home.says("run in.yaml -i evn=prod -i env=prd"), @r#"
    exit 2
    --- stderr
    error[ORK-E0501]: there is no input `evn`
     --> -i evn=prod
     = help: did you mean `env`?

    error[ORK-E0504]: input `env` is the text "prd", and must be one of dev, prod
     --> -i env=prd
     = help: did you mean `prod`?

    the inputs have 2 errors; nothing was run. More about one: ork explain ORK-E0501
    "#);
}

#[test]
fn validate_tells_of_each_file() {
    let home = Home::new();
    home.file("good.yaml", "inputs: {a: {type: string}}\ntasks:\n  a: {run: \"true\"}\n");
    home.file("bad.yaml", "tasks:\n  a: {run: \"true\", depends_on: [c]}\n");
    insta::assert_snapshot!(home.says("validate good.yaml bad.yaml"), @r#"
    exit 2
    --- stdout
    valid: good.yaml (good)
    invalid: bad.yaml (1 error)
    --- stderr
    error[ORK-E0303]: task `a` depends on `c`, which does not exist
     --> bad.yaml:2:33
      |
    2 |   a: {run: "true", depends_on: [c]}
      |                                 ^
    "#);
    let said = home.values("validate good.yaml bad.yaml --json");
    assert_eq!(said[0], serde_json::json!({"file": "good.yaml", "name": "good", "inputs": ["a"], "errors": []}));
    assert_eq!((&said[1]["file"], &said[1]["errors"][0]["line"]), (&"bad.yaml".into(), &2.into()));
    assert!(home.says("validate good.yaml").starts_with("exit 0\n"));
}

#[test]
fn codes_are_explained() {
    let home = Home::new();
    insta::assert_snapshot!(home.says("explain ork-e0201").lines().take(3).collect::<Vec<_>>().join("\n"), @r"
    exit 0
    --- stdout
    ORK-E0201: only known keys are allowed
    ");
    assert_eq!(home.values("explain ORK-E0410 --json")[0]["code"], "ORK-E0410");
    assert!(home.values("explain --json").len() > 20);
    assert!(home.says("explain 5").contains("exit-5: a wait timed out\n"));
    assert!(home.says("explain g14").contains("G14: limits hold\n"));
    assert!(
        home.says("explain ork-0410").ends_with("error: there is no code `ork-0410`\n  try: ork explain ORK-E0410\n")
    );
    insta::assert_snapshot!(home.says("explain ORK-E9999"), @r"
    exit 7
    --- stderr
    error: there is no code `ORK-E9999`
      try: ork explain
    ");
}

#[test]
fn names_that_are_nearly_right_are_recognised() {
    let home = Home::new();
    home.file("nightly.yaml", "tasks:\n  fetch: {run: \"true\"}\n");
    let check = |line: &str, code: u8, expected: &str| {
        let said = home.says(line);
        assert!(said.starts_with(&format!("exit {code}\n")) && said.contains(expected), "{line}\n{said}");
    };
    check("run nigthly.yaml", 2, "No such file or directory (os error 2)\n  try: did you mean `nightly.yaml`?");
    check("validate ./nightly.yml", 2, "did you mean `./nightly.yaml`?");
    assert!(!home.says("run fighter.yaml").contains("did you mean"), "only the ending is alike");
    check("run nightly.yaml", 0, "");
    check("runs list --name nightli", 0, "no run matches; did you mean `nightly`?");
    check("runs list --name weekly", 0, "no run matches\n");
    check("why last/fecth", 7, "has no task `fecth`\n  try: did you mean `fetch`?");
    check("why last/fetch/1", 7, "`fetch` has 1 task, numbered from 0: there is no 1");
    check("list", 2, "there is no command `list`\n  try: ork runs list\n");
    check("--json status", 2, "\"hint\":\"ork runs show last\"");
    check("runs ps", 2, "try: ork runs list is:running");
    check("run logs", 2, "failed to read `logs`: No such file or directory (os error 2)\n  try: ork runs logs\n");
    check("-v", 2, "there is no option `-v`\n  try: ork --version");
    check("rnus list", 2, "similar subcommands exist: 'run', 'runs'");
    check("runs lits", 2, "a similar subcommand exists: 'list'");
}

#[test]
fn the_schema_is_data() {
    let home = Home::new();
    let said = String::from_utf8(home.output(&["schema", "workflow"]).stdout).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(said.lines().count() > 100);
    assert_eq!(home.values("schema workflow --json"), [schema]);
    let said = home.says("schema workflows");
    assert!(said.starts_with("exit 2\n") && said.contains("tip: a similar value exists: 'workflow'"), "{said}");
}

#[test]
fn the_version_is_the_crates() {
    let home = Home::new();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(home.says("version"), format!("exit 0\n--- stdout\nork {version}\n"));
    assert_eq!(home.values("version --json"), [serde_json::json!({"version": version})]);
}

#[test]
fn every_command_has_help_with_an_example() {
    let home = Home::new();
    for command in [
        "run",
        "init",
        "validate",
        "why",
        "doctor",
        "worker",
        "explain",
        "config show",
        "schema",
        "completions",
        "man",
        "graph",
        "runs list",
        "runs show",
        "runs watch",
        "runs logs",
        "runs cancel",
        "runs retry",
        "runs submit",
    ] {
        let said = home.says(&format!("{command} --help"));
        assert!(said.starts_with("exit 0\n") && said.contains(&format!("  ork {command} ")), "{said}");
    }
}

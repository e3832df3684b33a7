//! What bash completes: its script is sourced in a bash, and asked as bash asks it.

use crate::home::Home;
use crate::postgres::with_database;

/// Bash inserts what is there; at the next press of the key it lists what there is.
const INSERT: &str = "9";
const LIST: &str = "63";

fn once(home: &Home, line: &str, kind: &str) -> String {
    let script = ". <(ork completions bash); COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=$2; _ork ork \"$3\" ''; \
                  [ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\\n' \"${COMPREPLY[@]}\"";
    let word = line.rsplit([' ', '\'', '"', '@', '>', '<', '=', ';', '|', '&', '(', ':']).next().unwrap();
    let output = home.program("bash").args(["-c", script, "bash", line, kind, word]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
    String::from_utf8(output.stdout).unwrap()
}

/// Asks again when this machine was too slow for the 200 ms that a database has.
fn complete(home: &Home, line: &str, kind: &str) -> String {
    let tries = (0..50).map(|_| once(home, line, kind));
    let said = tries.into_iter().find(|said| !said.is_empty()).unwrap_or_default();
    home.masked(&said)
}

fn check(home: &Home, at: &str) {
    home.file(
        "etl.yaml",
        "name: etl\nlabels: {team: media}\ntasks:\n  one: {count: 2, run: \"true\"}\n  two: {run: \"true\"}\n",
    );
    home.file("nightly.yaml", "name: nightly\ntasks:\n  a: {run: exit 1}\n");
    assert!(home.says(&format!("run etl.yaml{at}")).starts_with("exit 0\n"));
    let etl = home.values(&format!("runs list --json{at}"))[0]["id"].as_str().unwrap().to_owned();
    assert!(home.says(&format!("run nightly.yaml{at}")).starts_with("exit 1\n"));
    let complete = |line: &str, kind: &str| complete(home, &line.replacen("ork", &format!("ork{at}"), 1), kind);
    assert_eq!(
        complete("ork runs watch ", LIST),
        "last  (the newest: nightly failed, AGE)\nrun_ID  (nightly failed, AGE)\nrun_ID  (etl success, AGE)\n"
    );
    assert_eq!(complete(&format!("ork why {}", &etl[..26]), INSERT), "run_ID\n");
    assert_eq!(complete(&format!("ork runs show {}", &etl[4..24]), INSERT), format!("{}\n", &etl[4..]));
    assert_eq!(complete("ork runs logs last", LIST), "last  (the newest: nightly failed, AGE)\nlast/a  (failed)\n");
    assert_eq!(complete(&format!("ork why {etl}/"), LIST), "run_ID/one  (2 tasks, 0 left)\nrun_ID/two  (success)\n");
    assert_eq!(complete(&format!("ork why {etl}/one/"), LIST), "run_ID/one/0  (success)\nrun_ID/one/1  (success)\n");
    assert_eq!(once(home, &format!("ork{at} run --resume "), INSERT), "", "all are over");
    assert!(home.says(&format!("runs submit etl.yaml{at}")).starts_with("exit 0\n"));
    assert!(complete("ork run --resume ", LIST).contains("etl"), "one is not");
    assert_eq!(complete("ork runs list --name ", INSERT), "etl\nnightly\n");
    assert_eq!(complete("ork runs list --name=n", INSERT), "nightly\n");
    assert_eq!(complete("ork runs list --label ", INSERT), "team=media\n");
    assert_eq!(complete("ork runs list name:", INSERT), "etl\nnightly\n");
    assert_eq!(complete("ork runs list label.team=", INSERT), "media\n");
}

#[test]
fn what_the_database_knows_is_completed() {
    check(&Home::new(), "");
}

#[test]
fn what_postgresql_knows_is_completed() {
    with_database(|url| {
        let home = Home::new();
        let at = format!(" --database {url}");
        assert!(home.says(&format!("db migrate{at}")).starts_with("exit 0\n"));
        check(&home, &at);
    });
}

#[test]
fn words_are_completed_without_a_database() {
    let home = Home::new();
    home.file("a flow.yaml", "");
    let check = |line: &str, expected: &[&str]| {
        let said = once(&home, line, INSERT);
        assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{line}");
    };
    check("ork runs l", &["list", "logs"]);
    check("ork runs list --st", &["--status"]);
    check("ork runs list --status failed,ca", &["failed,cancelled"]);
    check("ork runs list --status=fa", &["failed"]);
    check("ork runs list status:fa", &["failed"]);
    check("ork runs list is:", &["held", "retrying", "unacknowledged"]);
    check("ork runs list created", &["created\\>-1h", "created\\>-1d", "created\\>-7d"]);
    check("ork runs list 'created>-1", &["-1h", "-1d"]);
    check("ork runs list 'status:failed is:h", &["held"]);
    check("ork validate a", &["a\\ flow.yaml"]);
    home.file(
        "in.yaml",
        "inputs: {size: {default: 1}, side: {required: true}}\ntasks:\n  cut: {run: x}\n  mix: {run: x}\n",
    );
    check("ork run in.yaml --from ", &["cut", "mix"]);
    check("ork run in.yaml --from=m", &["mix"]);
    check("ork run in.yaml -i s", &["size=", "side="]);
    check("ork run in.yaml -i siz", &["size="]);
    check("ork explain exit-1", &["exit-1", "exit-130"]);
    // Nothing to offer is nothing, and nothing is made.
    let options =
        ["--timeout", "--json", "--progress", "--database", "--artifacts", "--workspace", "--server", "--context"];
    check("ork runs watch ", &[&options[..], &["--token-file", "--help"]].concat());
    check("ork context use h", &["here"]);
    check("ork why last/", &[]);
    check("ork runs list name:x --database postgres://x@127.0.0.1:1/x name:", &[]);
    check("ork runs list --database mysql:x name:", &[]);
    assert!(!home.dir.join(".local").exists());
}

#[test]
fn a_shell_that_is_not_known_gets_nothing() {
    let home = Home::new();
    let output = home.program("ork").env("ORK_COMPLETE", "tcsh").args(["--", "ork", "r"]).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(0), 0, 0));
}

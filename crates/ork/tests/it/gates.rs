//! Runs that wait for somebody's decision: over the API, by a link, and by the command line, which says the same on a database
//! and through a server.

use serde_json::{Value, json};

use crate::access::make;
use crate::home::Home;
use crate::http::Server;
use crate::server::{on_both, submit};

/// One task that asks an operator, and says at its end what it was told.
pub const ASKS: &str = "\
name: reel
tasks:
  review:
    steps:
      - {name: cut, phase: execution, run: 'echo cutting'}
      - {name: publish, phase: validation, gate: {approval: {role: operator, message: 'Publish it?'}}}
";

/// Submits a run that asks, and waits until it does: the run and the gate.
pub fn open(server: &Server, headers: &str) -> (String, String) {
    let body = json!({"source": ASKS}).to_string();
    let answer = server.post("/api/v1/runs", headers, &body);
    assert_eq!(answer.status, 202, "{}", answer.body);
    let run = answer.json()["id"].as_str().unwrap().to_owned();
    loop {
        let page = server.send("GET", &format!("/api/v1/gates?run={run}"), headers, "").json();
        if let Some(gate) = page["items"][0]["id"].as_str() {
            return (run, gate.to_owned());
        }
        let shown = server.send("GET", &format!("/api/v1/runs/{run}"), headers, "").json();
        assert!(shown["finished_at"].is_null(), "it ended without asking: {shown}");
    }
}

/// A gate that is open: the newest, or that of a new run.
pub fn still_open(server: &Server, headers: &str) -> String {
    let page = server.send("GET", "/api/v1/gates?limit=1", headers, "").json();
    page["items"][0]["id"].as_str().map_or_else(|| open(server, headers).1, str::to_owned)
}

fn wait_for(server: &Server, run: &str, status: &str) {
    let became_so = (0..100_000).any(|_| server.get(&format!("/api/v1/runs/{run}")).json()["status"] == status);
    assert!(became_so, "{run} never became {status}");
}

#[test]
fn a_run_goes_on_when_somebody_has_decided() {
    on_both(|home, at| {
        let server = Server::begin(home, &format!("dev {at}"));
        let (run, gate) = open(&server, "");
        let why = server.get(&format!("/api/v1/runs/{run}/why")).json();
        let sentence = why["reasons"][0]["sentence"].as_str().unwrap();
        assert!(sentence.contains("Publish it?") && sentence.contains(&format!("ork gates approve {gate}")), "{why}");
        let task = server.get(&format!("/api/v1/runs/{run}/tasks")).json()["items"][0]["id"].clone();
        let steps = server.get(&format!("/api/v1/tasks/{}/steps", task.as_str().unwrap())).json();
        let shown: Vec<(&Value, &Value)> =
            steps["items"].as_array().unwrap().iter().map(|step| (&step["name"], &step["status"])).collect();
        assert_eq!(shown, [(&"cut".into(), &"success".into()), (&"publish".into(), &"waiting".into())]);
        assert!(server.get("/metrics").body.contains("ork_gates_open 1"));
        assert_eq!(server.post(&format!("/api/v1/gates/{gate}/approve"), "", "").status, 200);
        wait_for(&server, &run, "success");
        let (run, gate) = open(&server, "");
        let rejected = server.post(&format!("/api/v1/gates/{gate}/reject"), "", r#"{"comment": "too long"}"#);
        assert_eq!(rejected.status, 200, "{}", rejected.body);
        wait_for(&server, &run, "failed");
        let (run, gate) = open(&server, "");
        assert_eq!(server.post(&format!("/api/v1/runs/{run}/cancel"), "", "").status, 200);
        wait_for(&server, &run, "cancelled");
        assert_eq!(server.get(&format!("/api/v1/gates/{gate}")).json()["status"], "cancelled");
        let late = server.post(&format!("/api/v1/gates/{gate}/approve"), "", "");
        assert_eq!((late.status, &late.json()["gate"]["status"]), (409, &"cancelled".into()));
    });
}

#[test]
fn gates_are_events_of_their_own_topic() {
    let home = Home::new();
    let server = Server::begin(&home, "dev");
    let (_, gate) = open(&server, "");
    assert_eq!(server.post(&format!("/api/v1/gates/{gate}/approve"), "", "").status, 200);
    let url = format!("http://127.0.0.1:{}/api/v1/events/stream?topics=gates&after=start", server.port);
    let output = home.program("curl").args(["-sN", "-m", "2", &url]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let kinds: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(kinds, ["gate.open", "gate.approved"], "{text}");
    assert!(text.contains(&gate), "{text}");
}

/// What commands say of a gate that is open, and then decided.
fn session(home: &Home, at: &str) -> String {
    let lines = [
        "gates list",
        "gates show last",
        "why last",
        "gates approve last --comment fine",
        "gates approve last",
        "gates list",
        "gates list --all",
        "gates show gate_00000000-0000-0000-0000-000000000000",
        "tasks steps last/review",
    ];
    lines.iter().map(|line| format!("$ ork {line}\n{}", home.says(format!("{line} {at}").trim_end()))).collect()
}

#[test]
fn the_command_line_says_the_same_on_a_database_and_through_a_server() {
    let home = Home::new();
    let server = Server::begin(&home, "dev");
    let (run, _) = open(&server, "");
    let through = session(&home, &format!("--server http://127.0.0.1:{}", server.port));
    wait_for(&server, &run, "success");
    let (run, _) = open(&server, "");
    let local = session(&home, "");
    wait_for(&server, &run, "success");
    for (word, shown) in [("exit 0", &through), ("approved: review/publish", &through), ("Publish it?", &local)] {
        assert!(shown.contains(word), "{word}\n{shown}");
    }
    let plain =
        |text: &str| text.replace(&format!(" --server http://127.0.0.1:{}", server.port), "").replace("dev", "ada");
    // Whoever asks first has one gate less in the list of all.
    let head = |text: &str| plain(text).split("$ ork gates list --all").next().unwrap().to_owned();
    assert_eq!(head(&through), head(&local));
}

#[test]
fn ork_run_waits_at_a_gate_or_leaves() {
    let home = Home::new();
    home.file("reel.yaml", ASKS);
    let mut run = home.start("run reel.yaml --progress plain");
    let line = run.wait_for("for a decision: publish (role operator): ork gates approve gate_");
    let gate = line.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(home.says(&format!("gates approve {gate}")).starts_with("exit 0\n"));
    assert!(run.end(&home).starts_with("exit 0\n"));
    let left = home.says("run reel.yaml --no-wait --progress plain");
    assert!(left.starts_with("exit 6\n") && left.contains("stopped at a gate"), "{left}");
    assert_eq!(home.values("runs show last --json")[0]["status"], "running");
    let again = home.says("run --resume last --no-wait --progress plain");
    assert!(again.starts_with("exit 6\n") && again.contains("for a decision: publish"), "{again}");
    let rejected = home.says("gates reject last --comment no");
    assert!(rejected.starts_with("exit 0\n"), "{rejected}");
    let ended = home.says("run --resume last --progress plain");
    assert!(ended.starts_with("exit 1\n"), "{ended}");
    assert!(home.says("gates approve last").starts_with("exit 7\n"));
}

/// Attack 25, with a real server: the link is made here, and used without a token.
#[test]
fn a_link_of_the_command_line_is_used_once() {
    on_both(|home, at| {
        let token = make(home, at, "ops --role operator");
        let server = Server::start(home, at);
        let (run, gate) = open(&server, &format!("authorization: Bearer {token}\r\n"));
        let output = home.output(&format!("gates link {gate} --for bob {at}").split_whitespace().collect::<Vec<_>>());
        let path = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        assert!(path.starts_with("/api/v1/links/"), "{path}");
        let page = server.get(&path);
        assert!(page.status == 200 && page.body.contains("Publish it?"), "{}", page.body);
        let form = "content-type: application/x-www-form-urlencoded\r\n";
        assert_eq!(server.send("POST", &path, form, "decision=approve&comment=").status, 200);
        assert_eq!((server.get(&path).status, server.send("POST", &path, form, "decision=approve").status), (404, 404));
        let shown = home.values(format!("gates show {gate} --json {at}").trim_end());
        assert_eq!((&shown[0]["decided_by"]["id"], &shown[0]["run_id"]), (&"bob".into(), &Value::from(run)));
        assert!(shown[0]["comment"].as_str().unwrap().starts_with("by a link of "), "{}", shown[0]);
    });
}

#[test]
fn a_run_that_asks_can_be_found_by_its_run() {
    let home = Home::new();
    let server = Server::begin(&home, "dev");
    let run = submit(
        &server,
        "name: two\ntasks:\n  a: {steps: [{name: x, phase: validation, gate: {approval: {}}}]}\n  b: {steps: [{name: y, phase: validation, gate: {approval: {}}}]}\n",
    );
    home.wait_until(&format!("gates list {run} --json"), |gates| gates.len() == 2);
    let several = home.says(&format!("gates approve {run}"));
    assert!(several.starts_with("exit 2\n") && several.contains("a/x") && several.contains("b/y"), "{several}");
    assert!(home.says(&format!("gates approve {run}/a")).starts_with("exit 0\n"));
    assert!(home.says(&format!("gates approve {run}")).starts_with("exit 0\n"), "one is left");
    wait_for(&server, &run, "success");
}

//! `ork serve` over real sockets.

use std::io::{Read, Write};
use std::time::Duration;

use regex::Regex;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::gates;
use crate::home::Home;
use crate::http::{Answer, Server};
use crate::postgres::with_database;

pub const RUNS: &str = "/api/v1/runs";
const FILM: &str = "\
name: film
inputs: {parts: {type: integer, default: 2}}
labels: {team: media}
tasks:
  cut: {count: \"{{ inputs.parts }}\", run: 'echo part $ORK_TASK_INDEX', output: stdout}
  join: {depends_on: [cut], run: 'echo joining >&2; exit 3'}
";
pub const GOOD: &str =
    "name: good\ntasks:\n  greet: {run: echo hello, output: stdout}\nresult: '{{ tasks.greet.output }}'\n";

/// The same on both databases: `test` gets the options that name one.
pub fn on_both(test: impl Fn(&Home, &str)) {
    test(&Home::new(), "");
    with_database(|url| {
        let (home, at) = (Home::new(), format!("--database {url}"));
        assert!(home.says(&format!("db migrate {at}")).starts_with("exit 0\n"));
        test(&home, &at);
    });
}

pub fn submit(server: &Server, workflow: &str) -> String {
    let answer = server.post(RUNS, "", &json!({"source": workflow}).to_string());
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Waits for the end of an action on many runs, and gives it as it is then.
pub fn wait_for_bulk(server: &Server, bulk: &str) -> Value {
    loop {
        let shown = server.get(&format!("/api/v1/bulk/{bulk}")).json();
        if shown["status"] != "running" {
            return shown;
        }
    }
}

/// Waits for a run's end as any client can.
pub fn wait(home: &Home, at: &str, run: &str) {
    home.says(&format!("runs watch {run} {at}").trim_end().replace("  ", " "));
}

/// Without what differs from run to run, between machines and between databases.
fn steady(home: &Home, text: &str) -> String {
    let masks = [
        (r#""execution_name": ("\d+"|null)"#, r#""execution_name": PID"#),
        (r#""(cpu_ms|memory_bytes_max|seq|seq_last|capacity|at_work|asked)": \d+"#, r#""$1": N"#),
        (r#""host": "[^"]+""#, r#""host": "HOST""#),
        (r#""[^"]+-\d+""#, r#""WORKER""#),
        (r#""(name|version)": "(\d+\.\d+\.\d+)""#, r#""$1": "VERSION""#),
        (r#""(next_cursor|as_of)": "[^"]+""#, r#""$1": "CURSOR""#),
        (r"req_[0-9a-f]{16}", "req_ID"),
        (r#""token": "[A-Za-z0-9_-]{100,}""#, r#""token": "TOKEN""#),
        // The cluster of the tests need not outlive a power cut.
        (r#"(commits wait for the disk|`fsync` is off: [^"]*)"#, "DURABILITY"),
    ];
    masks.iter().fold(home.masked(text), |text, (pattern, mask)| {
        Regex::new(pattern).unwrap().replace_all(&text, *mask).into_owned()
    })
}

/// Every route with what it is asked: `RUN` and `TASK` stand for a run that failed and for one of its tasks.
const CALLS: &[(&str, &str, &str)] = &[
    (
        "POST /api/v1/runs",
        "",
        r#"{"source": "name: late\ntasks:\n  a: {operation: nobody}\n", "labels": {"team": "media"}, "priority": 3, "external_id": "mine"}"#,
    ),
    ("GET /api/v1/runs", "?q=status:failed%20label.team=media&limit=1", ""),
    ("GET /api/v1/runs/unacknowledged", "?limit=1", ""),
    ("GET /api/v1/runs/suggest", "?q=name:", ""),
    ("GET /api/v1/resolve", "?name=last/a", ""),
    ("GET /api/v1/runs/{id}", "", ""),
    ("GET /api/v1/runs/{id}/groups", "", ""),
    ("GET /api/v1/runs/{id}/plan", "", ""),
    ("GET /api/v1/runs/{id}/tasks", "?key=cut&limit=1", ""),
    ("GET /api/v1/runs/{id}/graph", "", ""),
    ("GET /api/v1/runs/{id}/events", "?limit=1", ""),
    ("POST /api/v1/runs/{id}/events", "", r#"{"events": [{"type": "bot.seen", "task": "join", "payload": {"n": 1}}]}"#),
    ("GET /api/v1/runs/{id}/events/verify", "", ""),
    ("GET /api/v1/runs/{id}/why", "", ""),
    ("GET /api/v1/runs/{id}/logs", "?task=cut/1", ""),
    ("POST /api/v1/runs/{id}/cancel", "", ""),
    ("POST /api/v1/runs/{id}/pause", "", ""),
    ("POST /api/v1/runs/{id}/resume", "", ""),
    ("POST /api/v1/runs/{id}/retry", "", r#"{"external_id": "once more"}"#),
    ("POST /api/v1/runs/{id}/acknowledge", "", ""),
    ("POST /api/v1/runs/bulk", "", r#"{"action": "cancel", "q": "label.team=nobody", "preview": true}"#),
    ("GET /api/v1/bulk", "", ""),
    ("GET /api/v1/bulk/{id}", "", ""),
    ("POST /api/v1/bulk/{id}/cancel", "", ""),
    ("GET /api/v1/tasks/{id}", "", ""),
    ("GET /api/v1/tasks/{id}/attempts", "", ""),
    ("GET /api/v1/tasks/{id}/steps", "", ""),
    (
        "POST /api/v1/runs/{id}/artifacts",
        "",
        r#"{"name": "far.mp4", "url": "s3://media/far.mp4", "kind": "video", "task": "cut/1"}"#,
    ),
    ("GET /api/v1/runs/{id}/artifacts", "?limit=1", ""),
    ("GET /api/v1/artifacts", "?name=notes.txt", ""),
    ("GET /api/v1/artifacts/{id}", "", ""),
    ("GET /api/v1/artifacts/{id}/content", "", ""),
    ("POST /api/v1/artifacts/{id}/verify", "", ""),
    ("POST /api/v1/runs/{id}/artifacts/verify", "?limit=2", ""),
    (
        "POST /api/v1/runs/{id}/artifacts/presign",
        "",
        r#"{"name": "empty", "size": 0, "checksum": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#,
    ),
    ("PUT /api/v1/uploads/{token}", "", ""),
    ("POST /api/v1/artifacts/{id}/complete", "", r#"{"token": "TOKEN"}"#),
    ("GET /api/v1/gates", "?limit=1", ""),
    ("GET /api/v1/gates/{id}", "", ""),
    ("POST /api/v1/gates/{id}/links", "", r#"{"principal": "bob", "expires_in_ms": 60000}"#),
    ("GET /api/v1/links/{token}", "", ""),
    ("POST /api/v1/links/{token}", "", r#"{"decision": "approve", "comment": "fine"}"#),
    ("POST /api/v1/gates/{id}/approve", "", r#"{"comment": "fine"}"#),
    ("POST /api/v1/gates/{id}/reject", "", ""),
    (
        "PUT /api/v1/prompts/{id}",
        "",
        r#"{"text": "Write {{ vars.n }}.", "category": "film", "variables": [{"name": "n", "default": 3}]}"#,
    ),
    ("GET /api/v1/prompts", "?limit=1", ""),
    ("GET /api/v1/prompts/{id}", "?version=1", ""),
    ("GET /api/v1/prompts/{id}/versions", "", ""),
    ("PUT /api/v1/prices/{model}", "", r#"{"input": 3, "output": 15.5, "cached": 0.3}"#),
    ("GET /api/v1/prices", "", ""),
    ("DELETE /api/v1/prices/{model}", "", ""),
    ("PUT /api/v1/budgets/{period}", "", r#"{"tokens": 100000, "usd": 2.5}"#),
    ("GET /api/v1/budgets", "", ""),
    ("DELETE /api/v1/budgets/{period}", "", ""),
    ("GET /api/v1/tasks/{id}/logs", "?attempt=1", ""),
    ("GET /api/v1/tasks/{id}/logs/chunks", "?from=0", ""),
    ("GET /api/v1/tasks/{id}/logs/lines", "?tail=1", ""),
    ("GET /api/v1/tasks/{id}/why", "", ""),
    ("GET /api/v1/events/stream", "?topics=runs", ""),
    ("POST /api/v1/tasks/{id}/cancel", "", ""),
    ("POST /api/v1/tasks/{id}/retry", "", ""),
    ("POST /api/v1/queues/{name}/pause", "", ""),
    ("GET /api/v1/queues", "", ""),
    ("POST /api/v1/queues/{name}/resume", "", ""),
    ("GET /api/v1/workers", "", ""),
    ("POST /api/v1/workflows/validate", "", r#"{"source": "tasks:\n  a: {rum: echo}\n"}"#),
    (
        "PUT /api/v1/workflows/{name}",
        "",
        r#"{"source": "description: greets\nschedule: {cron: '0 3 * * *'}\ntasks: {a: {run: echo hello}}\n"}"#,
    ),
    ("GET /api/v1/schedules", "?limit=1", ""),
    ("POST /api/v1/schedules/{name}/disable", "", ""),
    ("POST /api/v1/schedules/{name}/enable", "", ""),
    ("GET /api/v1/schedules/{name}", "", ""),
    ("PUT /api/v1/secrets/{name}", "", r#"{"value": "correct horse"}"#),
    ("GET /api/v1/secrets", "", ""),
    ("DELETE /api/v1/secrets/{name}", "", ""),
    ("GET /api/v1/workflows", "", ""),
    ("GET /api/v1/workflows/{name}", "", ""),
    ("GET /api/v1/workflows/{name}/revisions", "", ""),
    ("DELETE /api/v1/workflows/{name}", "", ""),
    (
        "POST /api/v1/webhook-endpoints",
        "",
        r#"{"name": "media", "url": "http://a.example/hook", "events": ["run.finished", "task.finished"]}"#,
    ),
    ("GET /api/v1/webhook-endpoints", "", ""),
    ("GET /api/v1/webhook-endpoints/{id}", "", ""),
    ("PATCH /api/v1/webhook-endpoints/{id}", "", r#"{"enabled": false}"#),
    ("POST /api/v1/webhook-endpoints/{id}/rotate", "", r#"{"overlap_ms": 60000}"#),
    ("POST /api/v1/webhook-endpoints/{id}/test", "", ""),
    ("GET /api/v1/webhook-deliveries", "?limit=1&status=delivered", ""),
    ("GET /api/v1/webhook-deliveries/{id}", "", ""),
    ("POST /api/v1/webhook-deliveries/{id}/redeliver", "", ""),
    ("POST /api/v1/webhook-deliveries/redeliver", "", r#"{"endpoint": "media"}"#),
    ("DELETE /api/v1/webhook-endpoints/{id}", "", ""),
    ("POST /api/v1/hooks", "", r#"{"name": "media", "workflow": "kept", "input": {"url": "{{ body.url }}"}}"#),
    ("GET /api/v1/hooks", "", ""),
    ("DELETE /api/v1/hooks/{name}", "", ""),
    ("POST /api/v1/hooks/{name}", "", "{}"),
    ("POST /api/v1/tokens", "", r#"{"name": "ci", "role": "user", "expires_in_ms": 60000}"#),
    ("GET /api/v1/tokens", "?limit=1", ""),
    ("DELETE /api/v1/tokens/{id}", "", ""),
    ("POST /api/v1/workspaces", "", r#"{"name": "media"}"#),
    ("GET /api/v1/workspaces", "?limit=1", ""),
    ("GET /api/v1/workspaces/{name}", "", ""),
    ("PATCH /api/v1/workspaces/{name}", "", r#"{"isolate_owners": true}"#),
    ("GET /api/v1/whoami", "", ""),
    ("GET /livez", "", ""),
    ("GET /readyz", "?verbose", ""),
    ("GET /metrics", "", ""),
    ("GET /version", "", ""),
    ("GET /openapi.json", "", ""),
    ("GET /docs", "", ""),
];

/// What differs from run to run.
const UNSHOWN: &[&str] = &[
    "GET /openapi.json",
    "GET /docs",
    "GET /metrics",
    "GET /api/v1/links/{token}",
    "GET /api/v1/runs/{id}/events/verify",
];

#[test]
fn every_route_answers_the_same_on_both_databases() {
    on_both(|home, at| {
        // It asks for no token, whether there is one or not.
        let server = Server::begin(home, &format!("dev {at}"));
        let run = submit(&server, FILM);
        wait(home, at, &run);
        let tasks = server.get(&format!("{RUNS}/{run}/tasks?key=join")).json();
        let task = tasks["items"][0]["id"].as_str().unwrap();
        let nobodys = r#"{"action": "cancel", "q": "label.team=nobody", "external_id": "none"}"#;
        let bulk = server.post("/api/v1/runs/bulk", "", nobodys).json()["id"].as_str().unwrap().to_owned();
        wait_for_bulk(&server, &bulk);
        let kept = r#"{"source": "tasks:\n  a: {run: echo}\n"}"#;
        assert_eq!(server.send("PUT", "/api/v1/workflows/kept", JSON, kept).status, 201);
        let (mut session, mut message) = (String::new(), String::new());
        let asks = [0; 3].map(|_| gates::open(&server, "").1);
        let mut link = String::new();
        let (artifact, mut upload) = (keep(&server, &run), json!({}));
        for (route, query, body) in CALLS {
            let (method, path) = route.split_once(' ').unwrap();
            if path == "/api/v1/events/stream" {
                // It has no end, and tests of its own.
                continue;
            }
            let token = server.get("/api/v1/tokens").json()["items"][0]["id"].as_str().unwrap_or_default().to_owned();
            let id = match path {
                _ if path.contains("/tasks/{id}") => task,
                _ if path.contains("/tokens/{id}") => &token,
                _ if path.contains("/bulk/{id}") => &bulk,
                _ if path.ends_with("/artifacts/{id}/complete") => upload["artifact_id"].as_str().unwrap(),
                _ if path.contains("/artifacts/{id}") => &artifact,
                _ if path.contains("/webhook-endpoints/{id}") => "media",
                _ if path.contains("/webhook-deliveries/{id}") => &message,
                _ if path.ends_with("/gates/{id}/approve") => &asks[1],
                _ if path.ends_with("/gates/{id}/reject") => &asks[2],
                _ if path.contains("/gates/{id}") => &asks[0],
                _ if path.contains("/prompts/{id}") => "captions",
                _ => &run,
            };
            let uploads = upload["url"].as_str().and_then(|url| url.rsplit('/').next()).unwrap_or_default().to_owned();
            let token = if path.contains("/uploads/") { &uploads } else { &link };
            let names =
                [("{id}", id), ("{name}", "media"), ("{token}", token), ("{model}", "vendor%2Fm"), ("{period}", "day")];
            let body = &body.replace("TOKEN", upload["token"].as_str().unwrap_or_default());
            let path = names.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value)) + query;
            let kind = if body.is_empty() { "" } else { JSON };
            let answer = server.send(method, &path, kind, body);
            // A message that nobody has signed.
            let is_fine = answer.status < 300 || *route == "POST /api/v1/hooks/{name}" && answer.status == 401;
            assert!(is_fine, "{route}: {}\n{}", answer.head, answer.body);
            if route.ends_with("/test") {
                message = answer.json()["id"].as_str().unwrap().to_owned();
            }
            if route.ends_with("/presign") {
                upload = answer.json();
            }
            if route.ends_with("/links") {
                link = answer.json()["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            }
            // These have tests of their own.
            let is_sent = route.ends_with("/test") || route.contains("/webhook-deliveries/{id}");
            if !is_sent && !UNSHOWN.contains(route) {
                session += &format!("### {route} {query}\n{}\n", answer.shown());
            }
        }
        insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!("server", steady(home, &session));
        });
        check_entered(&server);
    });
}

/// Keeps a file of a run, and gives its id.
fn keep(server: &Server, run: &str) -> String {
    let path = format!("{RUNS}/{run}/artifacts?name=notes.txt");
    let kept = server.send("POST", &path, "content-type: text/plain\r\n", "kept");
    kept.json()["id"].as_str().unwrap().to_owned()
}

/// Each route of the document stands in [`CALLS`].
fn check_entered(server: &Server) {
    let document = server.get("/openapi.json").json();
    let described = document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let mut described: Vec<String> = described.collect();
    let mut called: Vec<String> = CALLS.iter().map(|(route, ..)| (*route).to_owned()).collect();
    described.sort();
    called.sort();
    assert_eq!(described, called, "each route stands in CALLS");
    assert!(server.get("/docs").header("content-security-policy").unwrap().contains("default-src 'none'"));
}

#[test]
fn a_run_is_paused_resumed_and_cancelled() {
    on_both(|home, at| {
        let server = Server::start(home, at);
        // No worker serves the operation, so it waits.
        let run = submit(&server, "tasks:\n  a: {operation: nobody}\n");
        let ask = |what: &str| {
            let answer = server.post(&format!("{RUNS}/{run}/{what}"), "", "").json();
            format!("{} {}", answer["asked"], answer["status"].as_str().unwrap())
        };
        let asked = ["pause", "pause", "resume", "resume", "cancel", "cancel"].map(ask);
        assert_eq!(
            asked,
            ["true paused", "false paused", "true pending", "false pending", "true cancelled", "false cancelled"]
        );
        let why = server.get(&format!("{RUNS}/{run}")).json();
        assert_eq!(why["cancel_requested_by"], "dev");
    });
}

#[test]
fn pages_follow_each_other() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let run = submit(&server, "tasks:\n  a: {count: 7, run: 'true'}\n");
    wait(&home, "", &run);
    let walk = |path: &str, name: &str| {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = server.get(&format!("{path}?limit=3{cursor}")).json();
            found.extend(page["items"].as_array().unwrap().iter().map(|row| row[name].clone()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    };
    let numbers = |range: std::ops::Range<u64>| range.map(Value::from).collect::<Vec<_>>();
    assert_eq!(walk(&format!("{RUNS}/{run}/tasks"), "task_index"), numbers(0..7));
    let events = walk(&format!("{RUNS}/{run}/events"), "seq");
    assert_eq!(events, numbers(1..events.len() as u64 + 1));
    assert!(events.len() >= 8, "{events:?}");
    let after = server.get(&format!("{RUNS}/{run}/events?after=2&limit=1")).json();
    assert_eq!(after["items"][0]["seq"], 3);
    let runs: Vec<String> = (0..4).map(|_| submit(&server, GOOD)).chain([run]).collect();
    let mut listed = walk(RUNS, "id");
    let mut runs: Vec<Value> = runs.into_iter().map(Value::from).collect();
    assert!(listed.is_sorted_by(|a, b| a.as_str() > b.as_str()), "newest first");
    listed.sort_by_key(Value::to_string);
    runs.sort_by_key(Value::to_string);
    assert_eq!(listed, runs);
}

/// Attack 58.
#[test]
fn the_same_request_creates_one_run() {
    on_both(|home, at| {
        let server = Server::start(home, at);
        let body = json!({"source": GOOD, "labels": {"a": "b"}, "priority": 2}).to_string();
        let key = "idempotency-key: first\r\n";
        let first = server.post(RUNS, key, &body);
        assert_eq!(first.status, 202, "{}", first.body);
        wait(home, at, first.json()["id"].as_str().unwrap());
        let again = server.post(RUNS, key, &body);
        assert_eq!((again.status, &again.body), (202, &first.body), "whatever became of the run");
        // The server dies; the answer is lost; the client asks again.
        let Server { process, .. } = server;
        process.kill();
        let server = Server::start(home, at);
        assert_eq!(server.post(RUNS, key, &body).body, first.body);
        let named = json!({"source": GOOD, "labels": {"a": "b"}, "priority": 2, "external_id": "first"});
        assert_eq!(server.post(RUNS, "", &named.to_string()).body, first.body, "it is one name");
        for other in [
            json!({"source": GOOD, "labels": {"a": "c"}, "priority": 2}),
            json!({"source": GOOD, "labels": {"a": "b"}}),
            json!({"source": FILM}),
        ] {
            let answer = server.post(RUNS, key, &other.to_string());
            assert_eq!((answer.status, &answer.json()["code"]), (409, &"conflict".into()), "{other}");
        }
        assert_eq!(server.get(RUNS).json()["items"].as_array().unwrap().len(), 1);
        let ids: Vec<Value> = std::thread::scope(|scope| {
            let post = || server.post(RUNS, "idempotency-key: second\r\n", &body);
            let posts: Vec<_> = (0..20).map(|_| scope.spawn(post)).collect();
            let answers = posts.into_iter().map(|post| post.join().unwrap());
            answers
                .map(|answer| {
                    assert_eq!(answer.status, 202, "{}", answer.body);
                    answer.json()["id"].clone()
                })
                .collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(server.get(RUNS).json()["items"].as_array().unwrap().len(), 2);
    });
}

/// A request for `POST /runs` with a body of any bytes.
fn posted(server: &Server, headers: &str, body: &[u8]) -> Answer {
    let (port, length) = (server.port, body.len());
    let head = format!("POST {RUNS} HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-length: {length}\r\n{headers}\r\n");
    server.raw(&[head.as_bytes(), body].concat())
}

const JSON: &str = "content-type: application/json\r\n";

/// Bodies that are refused, with the headers they come with.
const BODIES: &[(&str, &str, &[u8])] = &[
    ("nothing", JSON, b""),
    ("blanks", JSON, b"  \n "),
    ("no JSON", JSON, b"{\"source\": "),
    ("a comma too many", JSON, b"{\"source\": \"a\",}"),
    ("two values", JSON, b"{} {}"),
    ("a list", JSON, b"[]"),
    ("null", JSON, b"null"),
    ("no workflow", JSON, b"{}"),
    ("both", JSON, b"{\"source\": \"a\", \"plan\": {}}"),
    ("a wrong type", JSON, b"{\"source\": 3}"),
    ("a wrong type inside", JSON, b"{\"source\": \"a\",\n \"labels\": {\"a/b\": 3}}"),
    ("an unknown field", JSON, b"{\"source\": \"a\", \"inptu\": {}}"),
    ("a field twice", JSON, b"{\"source\": \"a\", \"source\": \"b\"}"),
    ("a number too large", JSON, b"{\"source\": \"a\", \"priority\": 99999999999}"),
    ("bytes that are no UTF-8", JSON, b"{\"source\": \"\xff\"}"),
    ("half a surrogate", JSON, b"{\"source\": \"\\ud800\"}"),
    ("no type", "", b"{}"),
    ("a form", "content-type: text/plain\r\n", b"{}"),
    ("a wrong workflow", JSON, br#"{"source": "tasks:\n  a: {rum: echo}\n  b: {depends_on: [c], run: echo}\n"}"#),
    ("a wrong plan", JSON, br#"{"plan": {"jobs": [{"id": "a"}]}}"#),
    ("an unknown input", JSON, br#"{"source": "tasks:\n  a: {run: echo}\n", "input": {"x": 1}}"#),
    (
        "NUL in an input",
        JSON,
        br#"{"source": "inputs: {x: {type: string}}\ntasks:\n  a: {run: echo}\n", "input": {"x": "\u0000"}}"#,
    ),
    ("a wrong label", JSON, br#"{"source": "tasks:\n  a: {run: echo}\n", "labels": {"a b": "c", "d": "\u0000"}}"#),
    ("an empty name", JSON, br#"{"source": "tasks:\n  a: {run: echo}\n", "external_id": ""}"#),
    ("a control character in a name", JSON, br#"{"source": "tasks:\n  a: {run: echo}\n", "external_id": "a\u0000"}"#),
    (
        "two names",
        "content-type: application/json\r\nidempotency-key: a\r\n",
        br#"{"source": "tasks:\n  a: {run: echo}\n", "external_id": "b"}"#,
    ),
];

/// Paths that lead nowhere; `RUN` is a run.
const PATHS: &[&str] = &[
    "/nothing",
    "/api/v1/nothing",
    "/api/v2/runs",
    "/api/v1/runs/run_x",
    "/api/v1/runs/..%2f..%2fetc%2fpasswd",
    "/api/v1/runs/../../etc/passwd",
    "/api/v1/runs/%ff",
    "/api/v1/runs/%00",
    "/api/v1/runs/run_00000000-0000-0000-0000-000000000000",
    "/api/v1/runs/run_00000000-0000-0000-0000-000000000000/why",
    "/api/v1/runs/run_00000000-0000-0000-0000-000000000000/graph",
    "/api/v1/runs/run_00000000-0000-0000-0000-000000000000/events",
    "/api/v1/tasks/RUN",
    "/api/v1/tasks/task_00000000-0000-0000-0000-000000000001",
    "/api/v1/runs/RUN/tasks?key=b",
    "/api/v1/runs/RUN/tasks?status=faild",
    "/api/v1/runs/RUN/tasks?cursor=-1",
    "/api/v1/runs/RUN/events?after=-1",
    "/api/v1/runs/RUN/logs",
    "/api/v1/runs/RUN/logs?task=b",
    "/api/v1/runs/RUN/logs?task=a/1",
    "/api/v1/runs/RUN/logs?task=a&attempt=9",
    "/api/v1/resolve",
    "/api/v1/resolve?name=abc",
    "/api/v1/resolve?name=nobody",
    "/api/v1/resolve?name=last/b",
    "/api/v1/resolve?name=last/a/1",
    "/api/v1/runs/run_00000000-0000-0000-0000-000000000000/groups",
    "/api/v1/runs/run_00000000-0000-0000-0000-000000000000/plan",
    "/api/v1/tasks/task_00000000-0000-0000-0000-000000000001/logs/chunks",
    "/api/v1/runs/RUN/tasks?status=success,faild",
    "/api/v1/runs?limit=0",
    "/api/v1/runs?limit=201",
    "/api/v1/runs?limit=x",
    "/api/v1/runs?limt=1",
    "/api/v1/runs?cursor=x",
    "/api/v1/runs?q=sttus:failed",
    "/api/v1/runs?q=status:faild",
    "/api/v1/runs?q=status:success'%20OR%201=1--",
    "/api/v1/runs?cursor=run_x'%20OR%201=1--",
    "/api/v1/runs?limit=1000000000",
    "/readyz?verbos",
];

/// Shows what was refused, name by name.
fn check_refused(home: &Home, server: &Server, snapshot: &str, refused: Vec<(String, Answer)>) {
    let said = refused.iter().map(|(name, answer)| format!("{name}\n  {}\n", answer.problem())).collect::<String>();
    let said = said.replace(&server.port.to_string(), "PORT").replace('\0', "NUL");
    insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!(snapshot, steady(home, &said));
    });
}

/// Attacks 52 and 59.
#[test]
fn bodies_are_told_what_is_wrong() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let nested = |before: &str, open: &str, close: &str, depth: usize| {
        format!("{before}{}1{}}}", open.repeat(depth), close.repeat(depth)).into_bytes()
    };
    let inputs = r#"{"source": "inputs: {a: {type: object}}\ntasks:\n  b: {run: echo}\n", "input": "#;
    let named = format!("{JSON}idempotency-key: {}\r\n", "x".repeat(300));
    let many: Vec<String> = (0..200_000).map(|n| format!("\"k{n}\": 1")).collect();
    let many = format!("{{\"source\": \"tasks:\\n  a: {{run: echo}}\\n\", \"input\": {{{}}}}}", many.join(", "));
    let compressed = format!("{JSON}content-encoding: gzip\r\n");
    let made = [
        ("very many keys", JSON, many.into_bytes()),
        ("something compressed", &compressed, b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".to_vec()),
        ("deep inputs", JSON, nested(inputs, "{\"a\":", "}", 100)),
        ("a very deep plan", JSON, nested("{\"plan\": ", "[", "]", 100_000)),
        ("a long name", &named, br#"{"source": "tasks:\n  a: {run: echo}\n"}"#.to_vec()),
    ];
    let fixed = BODIES.iter().map(|(name, headers, body)| (*name, *headers, body.to_vec()));
    let refused = fixed.chain(made).map(|(name, headers, body)| (name.to_owned(), posted(&server, headers, &body)));
    let mut refused: Vec<(String, Answer)> = refused.collect();
    let (port, announced) = (server.port, "content-length: 8388609");
    let huge = format!("POST {RUNS} HTTP/1.1\r\nhost: localhost:{port}\r\n{JSON}{announced}\r\n\r\n");
    refused.push(("a huge body, as it is announced".into(), server.raw(huge.as_bytes())));
    check_refused(&home, &server, "server-bodies", refused);
    assert_eq!(server.get(RUNS).json()["items"], json!([]), "nothing of it was created");
}

/// Attacks 53 and 54.
#[test]
fn paths_are_told_what_is_wrong() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let run = submit(&server, "tasks:\n  a: {operation: nobody}\n");
    let asked = PATHS.iter().map(|path| (format!("GET {path}"), server.get(&path.replace("RUN", &run))));
    let mut refused: Vec<(String, Answer)> = asked.collect();
    for (method, path) in [("DELETE", RUNS), ("PUT", "/livez"), ("OPTIONS", RUNS)] {
        let answer = server.send(method, path, "", "");
        assert!(answer.header("allow").is_some(), "{}", answer.head);
        refused.push((format!("{method} {path}"), answer));
    }
    check_refused(&home, &server, "server-paths", refused);
}

/// Attack 10.
#[test]
fn other_hosts_and_other_sites_are_refused() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let port = server.port;
    let ask = |lines: &str| server.raw(format!("GET /livez HTTP/1.1\r\n{lines}\r\n").as_bytes());
    let own = [
        format!("host: LOCALHOST:{port}\r\n"),
        format!("host: [::1]:{port}\r\n"),
        format!("host: 127.0.0.1:{port}\r\norigin: http://localhost:{port}\r\n"),
    ];
    assert!(own.iter().all(|lines| ask(lines).status == 200));
    let others = [
        ("no host", String::new()),
        ("another host", "host: evil.example\r\n".into()),
        ("another port", "host: localhost:1\r\n".into()),
        ("no port", "host: localhost\r\n".into()),
        ("a name that begins well", format!("host: localhost.evil.example:{port}\r\n")),
        ("a user before it", format!("host: localhost:{port}@evil.example\r\n")),
        ("two hosts", format!("host: localhost:{port}\r\nhost: localhost:{port}\r\n")),
        ("another site", format!("host: localhost:{port}\r\norigin: https://evil.example\r\n")),
        ("a site without a name", format!("host: localhost:{port}\r\norigin: null\r\n")),
    ];
    let refused = others.iter().map(|(name, lines)| ((*name).to_owned(), ask(lines))).collect();
    check_refused(&home, &server, "server-hosts", refused);
}

#[test]
fn requests_have_ids_and_are_logged() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let given = server.send("GET", "/nothing", "x-request-id: mine-1\r\n", "");
    assert_eq!((given.header("x-request-id"), &given.json()["request_id"]), (Some("mine-1"), &"mine-1".into()));
    for wrong in ["", "a b", "<script>", &"x".repeat(129)] {
        let answer = server.send("GET", "/livez", &format!("x-request-id: {wrong}\r\n"), "");
        assert!(answer.header("x-request-id").unwrap().starts_with("req_"), "{wrong}");
    }
    assert!(given.header("x-content-type-options") == Some("nosniff") && given.header("access-control").is_none());
}

#[test]
fn a_body_that_is_slow_holds_nobody_up() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let mut slow = server.connect();
    let head = format!(
        "POST {RUNS} HTTP/1.1\r\nhost: localhost:{}\r\ncontent-type: application/json\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{{",
        server.port
    );
    slow.write_all(head.as_bytes()).unwrap();
    assert_eq!(server.get("/livez").body, "ok\n");
    // A client that goes away in the middle of a body leaves nothing behind.
    slow.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = String::new();
    slow.read_to_string(&mut rest).ok();
    assert_eq!(server.get(RUNS).json()["items"], json!([]));
}

/// Attack 51: whoever says nothing, or says it a byte at a time, is cut off.
#[test]
fn a_request_that_does_not_begin_is_given_up() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let mut silent = server.connect();
    let mut dribbling = server.connect();
    let mut idle = server.connect();
    dribbling.write_all(b"GET /livez HTTP/1.1\r\nx: ").unwrap();
    dribbling.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    idle.write_all(format!("GET /livez HTTP/1.1\r\nhost: localhost:{}\r\n\r\n", server.port).as_bytes()).unwrap();
    let mut said = String::new();
    while !matches!(dribbling.read_to_string(&mut said), Ok(0)) {
        if dribbling.write_all(b"x").is_err() {
            break;
        }
    }
    silent.read_to_string(&mut said).ok();
    assert_eq!(said, "", "there is nothing to answer to");
    idle.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 200 OK") && said.ends_with("ok\n"), "{said}");
    assert_eq!(server.get("/livez").body, "ok\n");
}

/// Attack 51: connections that say nothing leave room for others, and for tasks.
#[test]
fn connections_are_counted() {
    let home = Home::new();
    let mut process = home.start_with_files(128, "serve --listen 127.0.0.1:0");
    let line = process.wait_for("ready: http://");
    let port = line.split("127.0.0.1:").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    let server = Server { process, port };
    let silent: Vec<_> = (0..100).map(|_| server.connect()).collect();
    // The command line asks no server: the run is in the database, and its worker is that of the server.
    home.file("good.yaml", GOOD);
    assert!(home.says("runs submit good.yaml --anywhere").starts_with("exit 0\n"));
    let said = home.says("runs watch last");
    assert!(said.contains("✓ success"), "{said}");
    drop(silent);
    assert_eq!(server.get("/livez").body, "ok\n", "whoever waited has a turn");
}

/// Attack 51: heads that are too much, and bodies with two ends.
#[test]
fn a_head_is_bounded_and_means_one_thing() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let head = format!("GET /livez HTTP/1.1\r\nhost: localhost:{}\r\n", server.port);
    assert_eq!(server.raw(format!("{head}{}\r\n", "x: y\r\n".repeat(200)).as_bytes()).status, 431);
    let post = format!("POST {RUNS} HTTP/1.1\r\nhost: localhost:{}\r\n{JSON}", server.port);
    let smuggled = "GET /livez HTTP/1.1\r\n\r\n";
    for ends in ["content-length: 2\r\ncontent-length: 3\r\n", "content-length: 2\r\ntransfer-encoding: gzip\r\n"] {
        let answer = server.raw(format!("{post}{ends}\r\n{{}}{smuggled}").as_bytes());
        assert!(answer.status == 400 && !answer.body.contains("HTTP/1.1"), "{ends}: {}", answer.head);
    }
    let both = format!("{post}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}");
    let answer = server.raw(both.as_bytes());
    assert!(answer.status == 400 && !answer.body.contains("HTTP/1.1 200"), "{}\n{}", answer.head, answer.body);
}

#[test]
fn a_server_drains() {
    on_both(|home, at| {
        let server = Server::start(home, at);
        let go = home.project().join("go");
        let run =
            submit(&server, &format!("tasks:\n  a: {{run: 'until test -e {}; do sleep 0.02; done'}}\n", go.display()));
        home.wait_until(&format!("runs show {run} --json {at}").trim_end().replace("  ", " "), |rows| {
            rows[0]["status"] == "running"
        });
        let Server { mut process, port } = server;
        process.signal(Signal::TERM);
        process.wait_for("draining: 1 task at work");
        let server = Server { process, port };
        assert_eq!(server.get("/readyz").status, 503, "it answers, and says that it is not ready");
        assert_eq!(server.get(&format!("{RUNS}/{run}")).json()["status"], "running");
        std::fs::write(&go, "").unwrap();
        let said = server.process.end(home);
        assert!(said.starts_with("exit 0\n") && said.contains("stopped: everything is settled"), "{said}");
        let status = home.values(format!("runs show {run} --json {at}").trim_end())[0]["status"].clone();
        assert_eq!(status, "success");
    });
}

#[test]
fn what_cannot_be_served_is_refused() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let port = server.port;
    let taken =
        home.says(&format!("serve --listen 127.0.0.1:{port} --database sqlite:{}/other.db", home.dir.display()));
    insta::assert_snapshot!(taken.replace(&port.to_string(), "PORT"), @r"
    exit 2
    --- stderr
    error: failed to listen on 127.0.0.1:PORT: Address already in use (os error 98)
      try: --listen 127.0.0.1:0 takes any free port
    ");
    insta::assert_snapshot!(home.says("serve --listen 127.0.0.1:0"), @r"
    exit 2
    --- stderr
    error: another `ork serve` has `HOME/.local/share/ork/ork.db`
      try: use that one, or PostgreSQL for several servers
    ");
    insta::assert_snapshot!(home.says(&format!("serve --listen 0.0.0.0:0 --database sqlite:{}/other.db", home.dir.display())), @r"
    exit 2
    --- stderr
    error: `0.0.0.0:0` is no loopback address, and without a token nobody could use the server
      try: ork tokens create NAME --role admin --database sqlite:HOME/other.db
    ");
    insta::assert_snapshot!(home.says("serve --listen nowhere"), @r"
    exit 2
    --- stderr
    error: `--listen`: `nowhere` is not an address: it looks like 127.0.0.1:6750
    ");
    let mut other = home.start(&format!("serve --listen [::1]:0 --database sqlite:{}/other.db", home.dir.display()));
    other.wait_for("ready: http://[::1]:");
    // Its lock is free as soon as it is gone, however it went.
    server.process.kill();
    Server::start(&home, "");
}

#[test]
fn a_log_is_a_line_of_json_for_each_request() {
    let home = Home::new();
    let mut process = home.start("serve --listen 127.0.0.1:0 --json");
    let line = process.read_line();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let port = ready["message"].as_str().unwrap().split("127.0.0.1:").nth(1).unwrap().split(',').next().unwrap();
    let server = Server { port: port.parse().unwrap(), process };
    server.send("GET", "/nothing", "x-request-id: mine\r\n", "");
    let Server { mut process, .. } = server;
    let line = Regex::new(r#""took_ms":\d+"#).unwrap().replace(&process.read_line(), r#""took_ms":N"#).into_owned();
    insta::assert_snapshot!(home.masked(&line).trim_end(), @r#"{"type":"request","request_id":"mine","method":"GET","path":"/nothing","status":404,"code":"not-found","took_ms":N,"at":"MOMENT"}"#);
}

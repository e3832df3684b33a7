//! Who may use which route, over real sockets: every route, every role, every kind of token.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::gates;
use crate::home::Home;
use crate::http::{Answer, Server};
use crate::server::{on_both, submit};

const API: &str = "/api/v1";
const WAITS: &str = "tasks:\n  a: {operation: nobody}\n";

const ALL: &[&str] = &["viewer", "user", "operator", "editor", "admin", "worker", "bot", "service"];
/// Who looks.
const READERS: &[&str] = &["viewer", "user", "operator", "editor", "admin", "bot", "service"];
/// Who creates runs and controls them.
const USERS: &[&str] = &["user", "operator", "editor", "admin", "service"];
/// Who looks after queues and many runs.
const OPERATORS: &[&str] = &["operator", "editor", "admin"];
/// Who writes events into runs.
const TELLERS: &[&str] = &["admin", "bot", "service"];
/// Who writes workflows.
const EDITORS: &[&str] = &["editor", "admin"];
const ADMINS: &[&str] = &["admin"];
/// Nobody is asked.
const PUBLIC: &[&str] = &[];
/// No token is asked for, but a signature: tokens change nothing.
const SIGNED: &[&str] = &["signed"];
/// No token is asked for, but a link that leads somewhere: tokens change nothing.
const LINKED: &[&str] = &["linked"];

const SCHEDULED: &str = r#"{"source": "schedule: {cron: '0 3 * * *'}\ntasks:\n  a: {run: echo}\n"}"#;
/// An upload of no bytes.
const PREPARE: &str =
    r#"{"name": "empty", "size": 0, "checksum": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#;
const SECRET: &str = r#"{"value": "correct horse"}"#;

/// Every route with a body, and the roles that may use it. A route that is not here fails the test.
pub const MATRIX: &[(&str, &str, &[&str])] = &[
    ("POST /api/v1/runs", r#"{"source": "tasks:\n  a: {operation: nobody}\n"}"#, USERS),
    ("GET /api/v1/runs", "", READERS),
    ("GET /api/v1/runs/{id}", "", READERS),
    ("GET /api/v1/resolve?name=last", "", READERS),
    ("GET /api/v1/runs/{id}/groups", "", READERS),
    ("GET /api/v1/runs/{id}/plan", "", READERS),
    ("GET /api/v1/runs/{id}/tasks", "", READERS),
    ("GET /api/v1/runs/{id}/graph", "", READERS),
    ("GET /api/v1/runs/{id}/events", "", READERS),
    ("POST /api/v1/runs/{id}/events", r#"{"events": [{"type": "bot.seen"}]}"#, TELLERS),
    ("GET /api/v1/runs/{id}/events/verify", "", READERS),
    ("GET /api/v1/runs/{id}/why", "", READERS),
    ("GET /api/v1/runs/{id}/logs?task=a", "", READERS),
    ("POST /api/v1/runs/{id}/pause", "", USERS),
    ("POST /api/v1/runs/{id}/resume", "", USERS),
    ("POST /api/v1/runs/{id}/cancel", "", USERS),
    ("POST /api/v1/runs/{id}/retry", "{}", USERS),
    ("POST /api/v1/runs/{id}/acknowledge", "", USERS),
    ("GET /api/v1/runs/unacknowledged", "", READERS),
    ("GET /api/v1/runs/suggest?q=is:", "", READERS),
    ("POST /api/v1/runs/bulk", r#"{"action": "pause", "q": "name:nothing"}"#, OPERATORS),
    ("GET /api/v1/bulk", "", OPERATORS),
    ("GET /api/v1/bulk/{id}", "", OPERATORS),
    ("POST /api/v1/bulk/{id}/cancel", "", OPERATORS),
    ("POST /api/v1/queues/{name}/pause", "", OPERATORS),
    ("POST /api/v1/queues/{name}/resume", "", OPERATORS),
    ("PUT /api/v1/workflows/{name}", SCHEDULED, EDITORS),
    ("GET /api/v1/schedules", "", READERS),
    ("GET /api/v1/schedules/{name}", "", READERS),
    ("POST /api/v1/schedules/{name}/disable", "", OPERATORS),
    ("POST /api/v1/schedules/{name}/enable", "", OPERATORS),
    ("PUT /api/v1/secrets/{name}", SECRET, EDITORS),
    ("GET /api/v1/secrets", "", EDITORS),
    ("DELETE /api/v1/secrets/{name}", "", EDITORS),
    ("GET /api/v1/workflows", "", READERS),
    ("GET /api/v1/workflows/{name}", "", READERS),
    ("GET /api/v1/workflows/{name}/revisions", "", READERS),
    ("DELETE /api/v1/workflows/{name}", "", EDITORS),
    ("POST /api/v1/webhook-endpoints", r#"{"name": "NAME", "url": "http://a.example/"}"#, EDITORS),
    ("GET /api/v1/webhook-endpoints", "", EDITORS),
    ("GET /api/v1/webhook-endpoints/{id}", "", EDITORS),
    ("PATCH /api/v1/webhook-endpoints/{id}", r#"{"enabled": false}"#, EDITORS),
    ("POST /api/v1/webhook-endpoints/{id}/rotate", "{}", EDITORS),
    ("POST /api/v1/webhook-endpoints/{id}/test", "", EDITORS),
    ("GET /api/v1/webhook-deliveries", "", OPERATORS),
    ("GET /api/v1/webhook-deliveries/{id}", "", OPERATORS),
    ("POST /api/v1/webhook-deliveries/{id}/redeliver", "", OPERATORS),
    ("POST /api/v1/webhook-deliveries/redeliver", "{}", OPERATORS),
    ("DELETE /api/v1/webhook-endpoints/{id}", "", EDITORS),
    ("GET /api/v1/hooks", "", EDITORS),
    ("POST /api/v1/hooks", r#"{"name": "NAME", "workflow": "kept"}"#, EDITORS),
    ("DELETE /api/v1/hooks/{name}", "", EDITORS),
    ("POST /api/v1/hooks/{name}", "{}", SIGNED),
    ("GET /api/v1/tasks/{id}", "", READERS),
    ("GET /api/v1/tasks/{id}/attempts", "", READERS),
    ("GET /api/v1/tasks/{id}/steps", "", READERS),
    ("GET /api/v1/artifacts", "", READERS),
    ("GET /api/v1/artifacts/{id}", "", READERS),
    ("GET /api/v1/artifacts/{id}/content", "", READERS),
    ("POST /api/v1/artifacts/{id}/verify", "", USERS),
    ("POST /api/v1/artifacts/{id}/complete", r#"{"token": "UPLOAD"}"#, USERS),
    ("GET /api/v1/runs/{id}/artifacts", "", READERS),
    ("POST /api/v1/runs/{id}/artifacts", r#"{"name": "far", "url": "https://a.example/"}"#, USERS),
    ("POST /api/v1/runs/{id}/artifacts/presign", PREPARE, USERS),
    ("POST /api/v1/runs/{id}/artifacts/verify", "", USERS),
    ("PUT /api/v1/uploads/{token}", "", LINKED),
    ("GET /api/v1/gates", "", READERS),
    ("GET /api/v1/gates/{id}", "", READERS),
    // Whoever controls runs may try; the gate asks for an operator.
    ("POST /api/v1/gates/{id}/approve", "", OPERATORS),
    ("POST /api/v1/gates/{id}/reject", "{}", OPERATORS),
    ("POST /api/v1/gates/{id}/links", r#"{"principal": "bob"}"#, OPERATORS),
    ("GET /api/v1/links/{token}", "", LINKED),
    ("POST /api/v1/links/{token}", r#"{"decision": "approve"}"#, LINKED),
    ("PUT /api/v1/prompts/{id}", r#"{"text": "Be brief."}"#, EDITORS),
    ("GET /api/v1/prompts", "", READERS),
    ("GET /api/v1/prompts/{id}", "", READERS),
    ("GET /api/v1/prompts/{id}/versions", "", READERS),
    ("GET /api/v1/prices", "", READERS),
    ("PUT /api/v1/prices/{model}", r#"{"input": 3, "output": 15}"#, ADMINS),
    ("DELETE /api/v1/prices/{model}", "", ADMINS),
    ("GET /api/v1/budgets", "", READERS),
    ("PUT /api/v1/budgets/{period}", r#"{"tokens": 100}"#, ADMINS),
    ("DELETE /api/v1/budgets/{period}", "", ADMINS),
    ("GET /api/v1/tasks/{id}/logs", "", READERS),
    ("GET /api/v1/tasks/{id}/logs/chunks", "", READERS),
    ("GET /api/v1/tasks/{id}/logs/lines", "", READERS),
    ("GET /api/v1/tasks/{id}/why", "", READERS),
    ("POST /api/v1/tasks/{id}/retry", "", USERS),
    ("POST /api/v1/tasks/{id}/cancel", "", USERS),
    ("GET /api/v1/events/stream?topics=runs", "", READERS),
    ("GET /api/v1/queues", "", READERS),
    ("GET /api/v1/workers", "", READERS),
    ("POST /api/v1/workflows/validate", r#"{"source": "tasks:\n  a: {run: echo}\n"}"#, USERS),
    ("POST /api/v1/tokens", r#"{"name": "NAME", "role": "viewer"}"#, ADMINS),
    ("GET /api/v1/tokens", "", ADMINS),
    ("DELETE /api/v1/tokens/{id}", "", ADMINS),
    ("POST /api/v1/workspaces", r#"{"name": "NAME"}"#, ADMINS),
    ("GET /api/v1/workspaces", "", READERS),
    ("GET /api/v1/workspaces/{name}", "", READERS),
    ("PATCH /api/v1/workspaces/{name}", "{}", ADMINS),
    ("GET /api/v1/whoami", "", ALL),
    ("GET /livez", "", PUBLIC),
    ("GET /readyz", "", PUBLIC),
    ("GET /metrics", "", READERS),
    ("GET /version", "", PUBLIC),
    ("GET /openapi.json", "", PUBLIC),
    ("GET /docs", "", PUBLIC),
];

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// Makes a token on the server's machine.
/// Makes a token; its text.
pub fn make(home: &Home, at: &str, line: &str) -> String {
    let line = format!("tokens create {line} {at}");
    let output = home.output(&line.split_whitespace().collect::<Vec<_>>());
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn say(home: &Home, line: &str) {
    let said = home.says(line.trim_end());
    assert!(said.starts_with("exit 0\n"), "{line}\n{said}");
}

/// Asks as the bearer of a token, with a body of JSON.
fn ask(server: &Server, token: &str, route: &str, body: &str) -> Answer {
    let (method, path) = route.split_once(' ').unwrap();
    let line = if token.is_empty() { String::new() } else { bearer(token) };
    server.send(method, path, &format!("content-type: application/json\r\n{line}"), body)
}

/// A server with two workspaces, a token of each role in both, and in the first a run, its task and a token to revoke.
struct Stage {
    server: Server,
    own: BTreeMap<&'static str, String>,
    other: BTreeMap<&'static str, String>,
    run: String,
    task: String,
    token: String,
    bulk: String,
    delivery: String,
    artifact: String,
    /// An upload that was prepared, and whose bytes are there.
    upload: Value,
}

impl Stage {
    fn new(home: &Home, at: &str) -> Self {
        say(home, &format!("workspaces create other {at}"));
        let each = |options: &str| {
            ALL.iter().map(|role| (*role, make(home, at, &format!("{role} --role {role} {options}")))).collect()
        };
        let (own, other): (BTreeMap<_, _>, BTreeMap<_, _>) = (each(""), each("--workspace other"));
        let server = Server::start(home, at);
        let body = json!({"source": WAITS}).to_string();
        let run = ask(&server, &own["user"], "POST /api/v1/runs", &body).json()["id"].as_str().unwrap().to_owned();
        let tasks = ask(&server, &own["user"], &format!("GET /api/v1/runs/{run}/tasks"), "").json();
        let task = tasks["items"][0]["id"].as_str().unwrap().to_owned();
        let token = ask(&server, &own["admin"], "POST /api/v1/tokens", r#"{"name": "victim", "role": "bot"}"#).json();
        let text = |answer: Value| answer["id"].as_str().unwrap().to_owned();
        let all = r#"{"action": "acknowledge", "all": true}"#;
        let bulk = text(ask(&server, &own["operator"], "POST /api/v1/runs/bulk", all).json());
        let kept = format!("POST /api/v1/runs/{run}/artifacts?name=kept.txt");
        let artifact = text(ask(&server, &own["user"], &kept, "kept").json());
        let prepare = format!("POST /api/v1/runs/{run}/artifacts/presign");
        let upload = ask(&server, &own["user"], &prepare, PREPARE).json();
        assert_eq!(server.send("PUT", upload["url"].as_str().unwrap(), "", "").status, 200);
        let (token, delivery) = (text(token), String::new());
        let mut stage = Self { server, own, other, run, task, token, bulk, delivery, artifact, upload };
        stage.endpoint();
        let test = "POST /api/v1/webhook-endpoints/victim/test";
        stage.delivery = text(ask(&stage.server, &stage.own["admin"], test, "").json());
        for tokens in [&stage.own, &stage.other] {
            let kept = "PUT /api/v1/workflows/kept";
            let body = r#"{"source": "tasks:\n  a: {run: echo}\n"}"#;
            assert!(ask(&stage.server, &tokens["admin"], kept, body).status < 300);
        }
        stage
    }

    /// Makes the endpoint that routes are about, unless it is there.
    fn endpoint(&self) {
        let body = r#"{"name": "victim", "url": "http://a.example/"}"#;
        let made = ask(&self.server, &self.own["admin"], "POST /api/v1/webhook-endpoints", body);
        assert!(made.status == 201 || made.status == 409, "{}", made.body);
    }

    fn route(&self, route: &str) -> String {
        let id = match route {
            _ if route.contains("/webhook-endpoints/{id}") => "victim",
            _ if route.contains("/webhook-deliveries/{id}") => &self.delivery,
            _ if route.contains("/tasks/{id}") => &self.task,
            _ if route.contains("/tokens/{id}") => &self.token,
            _ if route.contains("/bulk/{id}") => &self.bulk,
            _ if route.ends_with("/artifacts/{id}/complete") => self.upload["artifact_id"].as_str().unwrap(),
            _ if route.contains("/artifacts/{id}") => &self.artifact,
            _ if route.contains("/gates/{id}") => &gates::still_open(&self.server, &bearer(&self.own["admin"])),
            _ if route.contains("/prompts/{id}") => "house",
            _ => &self.run,
        };
        let names =
            [("{id}", id), ("{name}", "default"), ("{token}", "AAAA"), ("{model}", "vendor%2Fm"), ("{period}", "day")];
        names.iter().fold(route.to_owned(), |route, (name, value)| route.replace(name, value))
    }
}

/// What a route answers to somebody of another workspace.
fn elsewhere(route: &str, role: &str, roles: &[&str]) -> u16 {
    match route {
        // What a gate asks for is said by the gate, to those for whom it is there.
        _ if route.starts_with("POST /api/v1/gates/{id}") && USERS.contains(&role) => 404,
        _ if !roles.contains(&role) => 403,
        // Only who runs the server makes workspaces, and counts.
        "POST /api/v1/workspaces" | "GET /metrics" => 403,
        // Every workspace has queues and workflows of these names.
        _ if ["queues", "workflows", "schedules", "secrets"]
            .iter()
            .any(|noun| route.contains(&format!("/{noun}/{{name}}"))) =>
        {
            200
        }
        // It says whether there was one.
        _ if ["/hooks/{name}", "/prices/{model}", "/budgets/{period}"].iter().any(|end| route.ends_with(end)) => 200,
        // Every workspace may have a prompt of this name, and the one before has put it.
        _ if route.contains("/prompts/{id}") => 200,
        _ if route.contains('{') => 404,
        _ => 200,
    }
}

/// Attacks 3, 6, 7 and 10: every route, every role, things of another workspace among them.
#[test]
fn every_route_asks_every_role() {
    on_both(|home, at| {
        let stage = Stage::new(home, at);
        let server = &stage.server;
        let mut calls = 0;
        for (number, (route, body, roles)) in MATRIX.iter().enumerate() {
            let asked = stage.route(route);
            if *roles == PUBLIC {
                assert_eq!(ask(server, "", &asked, body).status, 200, "{route}");
                continue;
            }
            if *roles == LINKED {
                for token in ["", stage.own["admin"].as_str()] {
                    assert_eq!(ask(server, token, &asked, body).status, 404, "{route}");
                }
                continue;
            }
            assert_eq!(ask(server, "", &asked, body).status, 401, "{route} without a token");
            if *roles == SIGNED {
                assert_eq!(ask(server, &stage.own["admin"], &asked, body).status, 401, "{route} with a token alone");
                continue;
            }
            for role in ALL {
                if *route == "DELETE /api/v1/webhook-endpoints/{id}" && roles.contains(role) {
                    stage.endpoint();
                }
                let thing = match *route {
                    "DELETE /api/v1/workflows/{name}" => Some(SCHEDULED),
                    "DELETE /api/v1/secrets/{name}" => Some(SECRET),
                    _ => None,
                };
                if let Some(body) = thing {
                    // Each deletes one that is there.
                    for tokens in [&stage.own, &stage.other] {
                        let put = asked.replace("DELETE", "PUT");
                        assert!(ask(server, &tokens["admin"], &put, body).status < 300);
                    }
                }
                let asked = if route.contains("/gates/{id}") { stage.route(route) } else { asked.clone() };
                let upload = stage.upload["token"].as_str().unwrap();
                let body = body.replace("UPLOAD", upload);
                let unique = |place: &str| body.replace("NAME", &format!("{place}-{number}-{role}"));
                let own = ask(server, &stage.own[role], &asked, &unique("own"));
                let is_fine = if roles.contains(role) { own.status < 300 } else { own.status == 403 };
                assert!(is_fine, "{route} as {role}: {} {}", own.status, own.body);
                let other = ask(server, &stage.other[role], &asked, &unique("other"));
                let expected = elsewhere(route, role, roles);
                let status = if other.status < 300 { 200 } else { other.status };
                assert_eq!(status, expected, "{route} as {role} of another workspace: {}", other.body);
                for secret in [&stage.run, &stage.token] {
                    let is_named = asked.contains(secret.as_str()) || other.status >= 400;
                    assert!(is_named || !other.body.contains(secret.as_str()), "{route} as another's {role}");
                }
                calls += 2;
            }
        }
        assert!(calls > 400, "{calls}");
        let document = server.get("/openapi.json").json();
        let described = document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        let mut described: Vec<String> = described.collect();
        let entered = MATRIX.iter().map(|(route, ..)| route.split('?').next().unwrap().to_owned());
        let mut entered: Vec<String> = entered.collect();
        described.sort();
        entered.sort();
        assert_eq!(described, entered, "each route stands in MATRIX");
    });
}

/// Attack 2.
#[test]
fn every_route_refuses_every_wrong_token_in_one_way() {
    on_both(|home, at| {
        let stage = Stage::new(home, at);
        let expired = make(home, at, "short --role admin --expires 1ms");
        let revoked = make(home, at, "gone --role admin");
        say(home, &format!("tokens revoke gone {at}"));
        let admin = stage.own["admin"].clone();
        let forged = format!("{}{}", &admin[..admin.len() - 1], if admin.ends_with('a') { 'b' } else { 'a' });
        let lines = [
            String::new(),
            bearer(&expired),
            bearer(&revoked),
            bearer(&forged),
            bearer("x"),
            format!("authorization: Basic {admin}\r\n"),
            format!("{}{}", bearer(&admin), bearer(&admin)),
            format!("cookie: token={admin}\r\nx-api-key: {admin}\r\n"),
        ];
        let mut bodies = Vec::new();
        for (number, (route, ..)) in
            (0_u8..).zip(MATRIX.iter().filter(|(.., roles)| ![PUBLIC, SIGNED, LINKED].contains(roles)))
        {
            let asked = stage.route(route);
            let (method, path) = asked.split_once(' ').unwrap();
            // Each route from an address of its own, because guesses are counted.
            for line in &lines {
                let answer = stage.server.send_from([127, 0, 1, number], method, path, line);
                assert_eq!(answer.status, 401, "{route} with {line:?}: {}", answer.body);
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
                let id = answer.header("x-request-id").unwrap().to_owned();
                bodies.push(answer.body.replace(&id, "ID"));
            }
            let mark = if path.contains('?') { '&' } else { '?' };
            for name in ["token", "access_token"] {
                let path = format!("{path}{mark}{name}={admin}");
                for line in [String::new(), bearer(&admin)] {
                    let answer = stage.server.send_from([127, 0, 1, number], method, &path, &line);
                    assert_eq!(answer.status, 401, "{route}: none is taken from an address");
                }
            }
        }
        assert!(bodies.iter().all(|body| *body == bodies[0]), "one text for all: {}", bodies[0]);
    });
}

/// Attack 1.
#[test]
fn no_other_spelling_of_a_path_is_public() {
    let home = Home::new();
    let stage = Stage::new(&home, "");
    for (route, ..) in MATRIX {
        let asked = stage.route(route);
        let (method, path) = asked.split_once(' ').unwrap();
        let path = path.split('?').next().unwrap();
        let (before, last) = path.rsplit_once('/').unwrap();
        let tricks = [
            format!("{path}/"),
            format!("{path}/health"),
            format!("{path}/livez"),
            format!("{path}/..%2flivez"),
            format!("{path}/../../../../livez"),
            format!("{path};x"),
            format!("{path};/livez"),
            format!("{path}."),
            format!("{path}%00"),
            format!("/{path}"),
            format!("{before}//{last}"),
            format!("{before}/%2e%2e/{last}"),
            format!("/livez/..{path}"),
            format!("/livez/%2e%2e{path}"),
            path.replace("/api/v1", "/API/V1").replace("/livez", "/LIVEZ"),
        ];
        for trick in tricks.iter().filter(|trick| *trick != path) {
            let answer = stage.server.send(method, trick, "", "");
            // What follows the last slash of a link is the link: one that is not valid is answered by a page.
            let is_link = ["/api/v1/links/", "/api/v1/uploads/"].iter().any(|start| path.starts_with(start));
            let is_link = is_link && answer.status == 404;
            assert!(answer.status == 401 || is_link, "{method} {trick}: {} {}", answer.status, answer.body);
        }
    }
    for (method, path) in [("POST", "/livez"), ("DELETE", "/docs"), ("OPTIONS", "/api/v1/runs"), ("TRACE", "/version")]
    {
        assert_eq!(stage.server.send(method, path, "", "").status, 401, "{method} {path}");
    }
    assert_eq!(ask(&stage.server, &stage.own["viewer"], "GET /nothing", "").status, 404, "who has one is told");
    assert_eq!(ask(&stage.server, &stage.own["viewer"], "PUT /livez", "").status, 405);
}

/// Attack 8.
#[test]
fn tokens_never_give_more_than_they_have() {
    on_both(|home, at| {
        let chief = make(home, at, "chief --role admin --expires 1h --principal chief@example.com");
        let server = Server::start(home, at);
        let create = |token: &str, body: Value| ask(&server, token, "POST /api/v1/tokens", &body.to_string());
        let short = create(&chief, json!({"name": "short", "role": "user", "expires_in_ms": 60_000})).json();
        let long = create(&chief, json!({"name": "long", "role": "admin", "expires_in_ms": 86_400_000_u64})).json();
        let endless = create(&chief, json!({"name": "endless", "role": "viewer"})).json();
        let chiefs = ask(&server, &chief, "GET /api/v1/whoami", "").json()["expires_at"].clone();
        assert_eq!((&long["expires_at"], &endless["expires_at"]), (&chiefs, &chiefs), "not longer than the one before");
        assert!(short["expires_at"].as_str() < chiefs.as_str());
        assert_eq!(long["created_by"], "chief@example.com");
        let taken = create(&chief, json!({"name": "long", "role": "viewer"}));
        assert_eq!((taken.status, &taken.json()["code"]), (409, &"conflict".into()));
        for (wrong, pointer) in [
            (json!({"name": "a b", "role": "user"}), "/name"),
            (json!({"name": "x", "role": "root"}), "/role"),
            (json!({"name": "x", "role": "user", "queues": ["a"]}), "/queues"),
            (json!({"name": "x", "role": "worker", "queues": ["a b"]}), "/queues"),
            (json!({"name": "x", "role": "user", "principal": ""}), "/principal"),
            (json!({"name": "x", "role": "user", "workspace": "other"}), "/workspace"),
        ] {
            let answer = create(&chief, wrong.clone());
            assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (400, &pointer.into()), "{wrong}");
        }
        // The secret is in no other answer, and in no log.
        let listed = ask(&server, &chief, "GET /api/v1/tokens", "").body;
        let secret = long["secret"].as_str().unwrap();
        assert!(listed.contains(&secret[..12]) && !listed.contains(&secret[..20]), "{listed}");
        // Revoked here, it is refused at once.
        assert_eq!(ask(&server, secret, "GET /api/v1/whoami", "").status, 200);
        let path = format!("DELETE /api/v1/tokens/{}", long["id"].as_str().unwrap());
        assert_eq!(ask(&server, &chief, &path, "").json()["asked"], true);
        assert_eq!(ask(&server, secret, "GET /api/v1/whoami", "").status, 401);
        assert_eq!(ask(&server, &chief, &path, "").json()["asked"], false);
        // Revoked elsewhere, a moment later.
        assert_eq!(ask(&server, short["secret"].as_str().unwrap(), "GET /api/v1/whoami", "").status, 200);
        say(home, &format!("tokens revoke short {at}"));
        let is_refused = || ask(&server, short["secret"].as_str().unwrap(), "GET /api/v1/whoami", "").status == 401;
        assert!((0..100_000).any(|_| is_refused()), "it is refused in the end");
        let used = home.values(format!("tokens list --all --json {at}").trim_end());
        let chief = used.iter().find(|row| row["name"] == "chief").unwrap();
        assert!(chief["last_used_at"].is_string(), "{chief}");
    });
}

#[test]
fn owners_are_isolated_where_a_workspace_says_so() {
    on_both(|home, at| {
        let [ada, bob, service, operator] =
            ["ada --role user", "bob --role viewer", "shop --role service", "ops --role operator"]
                .map(|line| make(home, at, line));
        let server = Server::start(home, at);
        let create = |token: &str, more: Value| {
            let mut body = json!({"source": WAITS});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            ask(&server, token, "POST /api/v1/runs", &body.to_string())
        };
        let own = create(&ada, json!({}));
        assert_eq!(own.status, 202, "{}", own.body);
        let refused = create(&ada, json!({"owner_id": "bob"}));
        assert_eq!((refused.status, &refused.json()["code"]), (403, &"forbidden".into()), "only a service may");
        let named = json!({"owner_id": "bob", "external_id": "order-1"});
        let bobs = create(&service, named.clone()).json()["id"].clone();
        assert_eq!(create(&service, named).json()["id"], bobs, "the same request creates one run");
        let taken = create(&service, json!({"owner_id": "eve", "external_id": "order-1"}));
        assert_eq!(taken.status, 409, "whom it belongs to is part of the request");
        let bobs = bobs.as_str().unwrap().to_owned();
        let list = |token: &str, query: &str| {
            let page = ask(&server, token, &format!("GET /api/v1/runs{query}"), "").json();
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|run| run["owner_id"].as_str().unwrap_or("-").to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(list(&ada, ""), ["bob", "ada"], "a workspace shares its runs unless it says otherwise");
        assert_eq!(list(&ada, "?q=owner:bob"), ["bob"]);
        let task = ask(&server, &ada, &format!("GET /api/v1/runs/{bobs}/tasks"), "").json()["items"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        say(home, &format!("workspaces set default --isolate-owners true {at}"));
        let is_isolated = || ask(&server, &ada, "GET /api/v1/whoami", "").json()["only_own_runs"] == true;
        assert!((0..100_000).any(|_| is_isolated()), "the server hears of it");
        assert_eq!(list(&ada, ""), ["ada"]);
        assert_eq!(list(&ada, "?q=owner:bob"), Vec::<String>::new());
        for (route, body, roles) in
            MATRIX.iter().filter(|(route, ..)| route.contains("/runs/{id}") || route.contains("/tasks/{id}"))
        {
            let id = if route.contains("/tasks/") { &task } else { &bobs };
            let asked = route.replace("{id}", id);
            if !roles.contains(&"user") {
                assert_eq!(ask(&server, &ada, &asked, body).status, 403, "{route}");
                continue;
            }
            assert_eq!(ask(&server, &ada, &asked, body).status, 404, "{route}");
            assert!(ask(&server, &operator, &asked, body).status < 300, "{route}: an operator sees all");
            if roles.contains(&"viewer") {
                assert_eq!(ask(&server, &bob, &asked, body).status, 200, "{route}: it is his");
            }
        }
        check_not_found(&server, [&ada, &bob, &operator], (own.json()["id"].as_str().unwrap(), &bobs, &task));
        let hidden = create(&ada, json!({"external_id": "order-1"}));
        assert!(hidden.status == 409 && !hidden.body.contains(&bobs), "{}", hidden.body);
        // One of his was done again by the operator, and stays his.
        assert_eq!(
            (list(&bob, ""), list(&service, "")),
            (vec!["bob".to_owned(); 2], vec!["bob".into(), "bob".into(), "ada".into()])
        );
        let run = home.values(format!("runs show {bobs} --json {at}").trim_end());
        assert_eq!(run[0]["owner_id"], "bob");
        let events = home.values(format!("events {bobs} --json {at}").trim_end());
        assert_eq!(events[0]["actor"], json!({"kind": "service", "id": "shop"}));
    });
}

/// Nothing leads one who is isolated to somebody else's run.
fn check_not_found(server: &Server, who: [&str; 3], (own, bobs, task): (&str, &str, &str)) {
    let [ada, bob, operator] = who;
    let resolve = |token: &str, name: &str| ask(server, token, &format!("GET /api/v1/resolve?name={name}"), "");
    assert_eq!(resolve(ada, "last").json()["run_id"], own, "the last one of hers");
    for name in [bobs.to_owned(), task.to_owned(), bobs[4..17].to_owned(), "order-1".to_owned()] {
        let answer = resolve(ada, &name);
        assert!(answer.status >= 400 && !answer.body.replace(&name, "").contains("run_"), "{name}: {}", answer.body);
        assert_eq!(resolve(operator, &name).status, 200, "{name}");
    }
    let stream = format!("GET /api/v1/events/stream?topics=run:{bobs}");
    assert_eq!((ask(server, ada, &stream, "").status, ask(server, bob, &stream, "").status), (404, 200));
}

/// Reads a stream of events until it says something.
fn heard(server: &Server, token: &str, query: &str, words: &str) -> String {
    let mut stream = server.connect();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let bearer = bearer(token);
    let head = format!("GET /api/v1/events/stream?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{bearer}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let (mut text, mut piece) = (String::new(), [0; 4096]);
    while !text.contains(words) {
        let count = stream.read(&mut piece).unwrap_or_else(|error| panic!("{query}: {error}\n{text}"));
        assert!(count > 0, "{query}: it ended\n{text}");
        text += &String::from_utf8_lossy(&piece[..count]);
    }
    text
}

/// Two users see only their own runs' events: in lists, in the stream of all runs, in that of one, and in what is verified.
#[test]
fn events_are_of_ones_own_runs() {
    on_both(|home, at| {
        let [ada, bob, bot] =
            ["ada --role user", "bob --role user", "scribe --role bot"].map(|line| make(home, at, line));
        say(home, &format!("workspaces set default --isolate-owners true {at}"));
        let server = Server::start(home, at);
        let create = |token: &str| {
            let made = ask(&server, token, "POST /api/v1/runs", &json!({"source": WAITS}).to_string());
            made.json()["id"].as_str().unwrap_or_else(|| panic!("{}", made.body)).to_owned()
        };
        let (adas, bobs) = (create(&ada), create(&bob));
        for run in [&adas, &bobs] {
            let body = r#"{"events": [{"type": "bot.seen", "payload": {"of": "RUN"}}]}"#.replace("RUN", run);
            assert_eq!(ask(&server, &bot, &format!("POST /api/v1/runs/{run}/events"), &body).status, 200);
        }
        for (who, own, other) in [(&ada, &adas, &bobs), (&bob, &bobs, &adas)] {
            let get = |path: &str| ask(&server, who, &format!("GET /api/v1/{path}"), "");
            for below in ["events", "events/verify"] {
                assert_eq!(get(&format!("runs/{own}/{below}")).status, 200);
                let hidden = get(&format!("runs/{other}/{below}"));
                assert!(hidden.status == 404 && !hidden.body.contains("bot.seen"), "{}", hidden.body);
            }
            assert!(get(&format!("runs/{own}/events")).body.contains("bot.seen"));
            // What comes behind the other's own events is heard, and those are not.
            let last = create(who);
            let text = heard(&server, who, "topics=runs&after=start", &last);
            assert!(text.contains(own.as_str()) && !text.contains(other.as_str()), "{text}");
            let text = heard(&server, who, &format!("topics=run:{own}&after=start"), "bot.seen");
            assert!(!text.contains(other.as_str()), "{text}");
            assert_eq!(get(&format!("events/stream?topics=run:{other}")).status, 404);
            assert_eq!(get(&format!("events/stream?topics=runs,run:{other}&after=start")).status, 404);
        }
    });
}

/// Attacks 4, 5, 9, 53 and 58: ids, names, keys and cursors of others.
#[test]
fn names_do_not_lead_into_other_workspaces() {
    on_both(|home, at| {
        let stage = Stage::new(home, at);
        let body = json!({"source": WAITS}).to_string();
        let create = |token: &str| {
            let headers = format!("idempotency-key: same\r\n{}", bearer(token));
            stage.server.post("/api/v1/runs", &headers, &body).json()["id"].as_str().unwrap().to_owned()
        };
        let (own, other) = (create(&stage.own["user"]), create(&stage.other["user"]));
        assert_ne!(own, other, "a key is one of its workspace");
        assert_eq!((create(&stage.own["user"]), create(&stage.other["user"])), (own.clone(), other.clone()));
        let see = |token: &str, run: &str| ask(&stage.server, token, &format!("GET /api/v1/runs/{run}"), "").status;
        assert_eq!(see(&stage.own["admin"], &other), 404, "an admin of the first workspace is none of the others");
        assert_eq!(see(&stage.other["admin"], &own), 404);
        // No header and no parameter changes the workspace.
        let headers = format!("x-workspace: default\r\nork-workspace: default\r\n{}", bearer(&stage.other["admin"]));
        let answer = stage.server.send("GET", "/api/v1/whoami", &headers, "").json();
        assert_eq!((&answer["workspace"], &answer["role"]), (&"other".into(), &"admin".into()));
        assert_eq!(ask(&stage.server, &stage.other["admin"], "GET /api/v1/runs?workspace=default", "").status, 400);
        // A cursor says where to go on in one's own list, whoever it is from, and an id is that id and no other.
        let page = ask(&stage.server, &stage.own["user"], &format!("GET /api/v1/runs?cursor={other}"), "").json();
        assert!(page["items"].as_array().unwrap().iter().all(|run| run["id"] != *other), "{page}");
        for name in [&other[..20], &other[4..20], &format!("{other}0")] {
            let answer = ask(&stage.server, &stage.own["user"], &format!("GET /api/v1/resolve?name={name}"), "");
            assert!(!answer.body.contains(&other[20..]) || answer.status >= 400, "{name}: {}", answer.body);
        }
        // What is not there and what is not theirs are one.
        let problem = |run: &str| {
            let answer = ask(&stage.server, &stage.other["admin"], &format!("GET /api/v1/runs/{run}/why"), "").json();
            answer["detail"].as_str().unwrap().replace(run, "RUN")
        };
        assert_eq!(problem(&own), problem("run_00000000-0000-0000-0000-000000000000"));
        // The command line sees one workspace as well.
        let at = format!("--workspace other {at}");
        let listed = home.values(format!("runs list --json {at}").trim_end());
        assert!(listed.iter().any(|run| run["id"] == *other) && listed.iter().all(|run| run["id"] != *own));
        let said = home.says(format!("runs show {own} {at}").trim_end());
        assert!(said.starts_with("exit 7\n"), "{said}");
    });
}

/// Attack 11.
#[test]
fn whoever_guesses_waits() {
    let home = Home::new();
    let known = make(&home, "", "known --role viewer");
    let fresh = make(&home, "", "fresh --role viewer");
    let server = Server::start(&home, "");
    let guess = |from: [u8; 4], token: &str| server.send_from(from, "GET", "/api/v1/whoami", &bearer(token));
    let here = [127, 0, 0, 9];
    assert_eq!(guess(here, &known).status, 200);
    let answers: Vec<u16> = (0..1000).map(|_| guess(here, "ork_wrong").status).collect();
    assert_eq!((answers.iter().filter(|status| **status == 401).count(), answers[20]), (20, 429));
    let waits = guess(here, &fresh);
    assert_eq!(
        (waits.status, waits.header("retry-after"), &waits.json()["code"]),
        (429, Some("60"), &"too-many-requests".into())
    );
    assert_eq!(guess(here, &known).status, 200, "who was right before is not kept out");
    assert_eq!(guess([127, 0, 0, 10], &fresh).status, 200, "others are not");
    assert_eq!(server.send_from(here, "GET", "/livez", "").status, 200);
    assert_eq!(server.send_from(here, "GET", "/api/v1/whoami", "").status, 401, "no token is no guess");
}

#[test]
fn a_server_is_open_until_there_is_a_token() {
    on_both(|home, at| {
        let mut server = Server::start(home, at);
        let run = submit(&server, WAITS);
        let me = server.get("/api/v1/whoami").json();
        assert_eq!((&me["principal"], &me["role"], &me["token_id"]), (&"dev".into(), &"admin".into(), &Value::Null));
        assert_eq!(server.get(&format!("{API}/runs/{run}")).json()["owner_id"], Value::Null);
        assert_eq!(ask(&server, "ork_wrong", "GET /api/v1/whoami", "").status, 401, "a wrong token is wrong here too");
        let token = make(home, at, "ada --role admin");
        assert!((0..100_000).any(|_| server.get("/api/v1/runs").status == 401), "it closes in the end");
        assert_eq!(ask(&server, &token, &format!("GET {API}/runs/{run}"), "").status, 200);
        // What was closed does not open by itself, and a name of the server is nobody's business any more.
        say(home, &format!("tokens revoke ada {at}"));
        server.process.signal(rustix::process::Signal::TERM);
        server.process.wait_for("stopped");
        drop(server);
        let server = Server::start(home, at);
        assert_eq!(server.get("/api/v1/runs").status, 401);
        let named =
            server.raw(b"GET /livez HTTP/1.1\r\nhost: ork.example.com\r\norigin: https://ork.example.com\r\n\r\n");
        assert_eq!(named.status, 200);
    });
}

#[test]
fn the_first_token_of_the_api_closes_the_server_at_once() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let made = ask(&server, "", "POST /api/v1/tokens", r#"{"name": "ada", "role": "admin"}"#);
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(server.get("/api/v1/runs").status, 401);
    assert_eq!(ask(&server, made.json()["secret"].as_str().unwrap(), "GET /api/v1/runs", "").status, 200);
}

#[test]
fn a_stream_ends_with_its_token() {
    let home = Home::new();
    let (admin, viewer) = (make(&home, "", "ada --role admin"), make(&home, "", "bob --role viewer"));
    let server = Server::start(&home, "");
    let mut stream = server.connect();
    let head = format!(
        "GET /api/v1/events/stream?topics=runs HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}\r\n",
        bearer(&viewer)
    );
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut first = [0; 15];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let id = ask(&server, &viewer, "GET /api/v1/whoami", "").json()["token_id"].as_str().unwrap().to_owned();
    assert_eq!(ask(&server, &admin, &format!("DELETE /api/v1/tokens/{id}"), "").status, 200);
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "the answer has an end: {rest}");
}

//! Hooks, over real sockets: attacks 22 and 23 of the catalogue, and what a message starts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ork_server::webhooks::signature::SigningKey;
use serde_json::{Value, json};

use crate::home::Home;
use crate::http::{Answer, Server};
use crate::server::{RUNS, on_both, wait};

const HOOKS: &str = "/api/v1/hooks";
const WORKFLOW: &str = "inputs:\n  ref: {type: string, required: true}\n  n: {type: integer, default: 1}\ntasks:\n  a: {run: 'true'}\nresult: '{{ inputs.ref }}'\n";

#[expect(clippy::disallowed_methods, reason = "a sender has a clock of its own")]
fn now_s() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()).unwrap()
}

/// A server with a workflow and a hook for it: its path and its secret.
fn with_hook(home: &Home, at: &str, input: Value) -> (Server, String, String) {
    let server = Server::begin(home, &format!("dev {at}"));
    let put = server.send(
        "PUT",
        "/api/v1/workflows/deploy",
        "content-type: application/json\r\n",
        &json!({"source": WORKFLOW}).to_string(),
    );
    assert_eq!(put.status, 201, "{}", put.body);
    let made = server.post(HOOKS, "", &json!({"name": "ci", "workflow": "deploy", "input": input}).to_string());
    assert_eq!(made.status, 201, "{}", made.body);
    let text = |name: &str| made.json()[name].as_str().unwrap().to_owned();
    assert!(!server.get(HOOKS).body.contains(&text("secret")));
    (server, text("path"), text("secret"))
}

/// Sends a message whose parts may be wrong.
struct Message<'a> {
    path: &'a str,
    secret: &'a str,
    id: &'a str,
    at_s: i64,
    body: &'a str,
}

impl Message<'_> {
    fn signature(&self) -> String {
        SigningKey::read(self.secret).unwrap().sign(self.id, self.at_s, self.body.as_bytes())
    }

    fn send(&self, server: &Server) -> Answer {
        self.send_as(server, &self.signature(), "application/json", self.body)
    }

    fn send_as(&self, server: &Server, signature: &str, kind: &str, body: &str) -> Answer {
        let (id, at_s) = (self.id, self.at_s);
        let headers = format!(
            "content-type: {kind}\r\nwebhook-id: {id}\r\nwebhook-timestamp: {at_s}\r\nwebhook-signature: {signature}\r\n"
        );
        server.send("POST", self.path, &headers, body)
    }
}

fn runs(server: &Server) -> usize {
    server.get(RUNS).json()["items"].as_array().unwrap().len()
}

#[test]
fn a_message_starts_one_run() {
    on_both(|home, at| {
        let (server, path, secret) =
            with_hook(home, at, json!({"ref": "{{ body.ref }}", "n": "{{ body.commits | length }}"}));
        let body = r#"{"ref": "refs/heads/main", "commits": [1, 2]}"#;
        let message = Message { path: &path, secret: &secret, id: "msg_1", at_s: now_s(), body };
        let answer = message.send(&server);
        assert_eq!(answer.status, 202, "{}", answer.body);
        let run = answer.json()["id"].as_str().unwrap().to_owned();
        wait(home, at, &run);
        let shown = server.get(&format!("{RUNS}/{run}")).json();
        assert_eq!((&shown["result"], &shown["triggered_by"]), (&"refs/heads/main".into(), &"hook".into()));
        assert_eq!(shown["external_id"], "hook/ci/msg_1");
        let plan = server.get(&format!("{RUNS}/{run}/plan")).json();
        assert_eq!(plan["input"], json!({"ref": "refs/heads/main", "n": 2}));
        // The same id again: byte for byte, with another time, with another body; also after the server died.
        let again = |server: &Server, at_s: i64, body: &str| {
            let answer = Message { path: &path, secret: &secret, id: "msg_1", at_s, body }.send(server);
            assert_eq!(answer.status, 409, "{}", answer.body);
            assert!(answer.body.contains(&run), "it says which run: {}", answer.body);
        };
        again(&server, message.at_s, body);
        again(&server, now_s(), body);
        again(&server, now_s(), r#"{"ref": "other", "commits": []}"#);
        let Server { process, .. } = server;
        process.kill();
        let server = Server::begin(home, &format!("dev {at}"));
        again(&server, now_s(), body);
        assert_eq!(runs(&server), 1);
        // One that could not be carried out has used nothing up.
        let wrong = Message { id: "msg_2", body: r#"{"commits": []}"#, at_s: now_s(), ..message };
        let refused = wrong.send(&server);
        assert_eq!(refused.status, 422, "{}", refused.body);
        let right = Message { body: r#"{"ref": "x", "commits": []}"#, ..wrong };
        assert_eq!(right.send(&server).status, 202);
        assert_eq!(server.send("DELETE", &format!("{HOOKS}/ci"), "", "").json()["deleted"], true);
        assert_eq!(Message { id: "msg_3", ..right }.send(&server).status, 401, "its address leads nowhere");
    });
}

#[test]
fn what_is_not_signed_starts_nothing() {
    let home = Home::new();
    let (server, path, secret) = with_hook(&home, "", Value::Null);
    let body = r#"{"ref": "x"}"#;
    let good = Message { path: &path, secret: &secret, id: "msg_1", at_s: now_s(), body };
    let signature = good.signature();
    let mut said = Vec::new();
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for wrong in ["", "none", "v1,", "v0,AAAA", &signature.replace("v1", "v2"), &signature.replace("v1,", "")] {
        said.push(good.send_as(&server, wrong, "application/json", body));
    }
    said.push(Message { secret: other, ..good }.send(&server));
    for late_s in [-301, 301, -86_400] {
        said.push(Message { at_s: good.at_s + late_s, ..good }.send(&server));
    }
    said.push(Message { id: "", ..good }.send(&server));
    said.push(Message { id: "msg_1.1", ..good }.send(&server));
    // The signature is of another body, though it means the same; of another id; of another time.
    said.push(good.send_as(&server, &signature, "application/json", r#"{"ref":"x"}"#));
    said.push(Message { id: "msg_2", ..good }.send_as(&server, &signature, "application/json", body));
    said.push(Message { at_s: good.at_s - 1, ..good }.send_as(&server, &signature, "application/json", body));
    // No such hook; the name that people call it; a path that leads elsewhere.
    for path in ["/api/v1/hooks/ci", "/api/v1/hooks/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "/api/v1/hooks/..%2fruns"] {
        said.push(Message { path, ..good }.send(&server));
    }
    said.push(server.post(&path, "", body));
    for answer in &said {
        assert_eq!(answer.status, 401, "{}\n{}", answer.head, answer.body);
        let steady = |answer: &Answer| answer.json()["detail"].as_str().unwrap().to_owned();
        assert_eq!(steady(answer), steady(&said[0]), "one answer for all");
    }
    // 23: what is no JSON is refused by its type, whatever it says inside.
    for kind in
        ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "application/jsonx", ""]
    {
        assert_eq!(good.send_as(&server, &signature, kind, body).status, 415, "{kind}");
    }
    let imitation = r#"{"ref": "x", "files": [{"filepath": "/etc/passwd"}]}"#;
    let answer = Message { id: "msg_9", body: imitation, ..good }.send(&server);
    assert_eq!(answer.status, 422, "an input that is not declared: {}", answer.body);
    for body in ["", "[]", "null", "{", "\u{feff}{}"] {
        let answer = Message { id: "msg_8", body, ..good }.send(&server);
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
    }
    assert_eq!(runs(&server), 0);
    assert_eq!(good.send(&server).status, 202, "and none of it has used the id up");
}

#[test]
fn a_hook_is_checked_when_it_is_made() {
    let home = Home::new();
    let (server, ..) = with_hook(&home, "", Value::Null);
    for (hook, status) in [
        (json!({"name": "a/b", "workflow": "deploy"}), 400),
        (json!({"name": "b", "workflow": "nothing"}), 404),
        (json!({"name": "b", "workflow": "deploy", "secret": ""}), 400),
        (json!({"name": "b", "workflow": "deploy", "secret": "whsec_"}), 400),
        (json!({"name": "b", "workflow": "deploy", "secret": "plain"}), 400),
        (json!({"name": "b", "workflow": "deploy", "input": {"ref": "{{ inputs.x }}"}}), 400),
        (json!({"name": "b", "workflow": "deploy", "input": {"ref": "{{ body."}}), 400),
        (json!({"name": "b", "workflow": "deploy", "more": 1}), 400),
        (json!({"name": "ci", "workflow": "deploy"}), 409),
        (json!({"name": "b", "workflow": "deploy"}), 201),
    ] {
        let answer = server.post(HOOKS, "", &hook.to_string());
        assert_eq!(answer.status, status, "{hook}: {}", answer.body);
    }
}

//! Webhooks out, over real sockets: to somebody who answers 500, hangs, drips, redirects, and hears at last.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::home::{Home, ORK};
use crate::http::Server;
use crate::server::{GOOD, RUNS, on_both, submit, wait};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ENDPOINTS: &str = "/api/v1/webhook-endpoints";
const DELIVERIES: &str = "/api/v1/webhook-deliveries";
/// How often something is looked at that must become so.
const LOOKS_MAX: u32 = 6_000;
const LOOK: Duration = Duration::from_millis(10);

/// What somebody does with a message.
#[derive(Clone, Copy)]
enum Act {
    Answer(u16),
    /// Says nothing, and keeps the connection.
    Hang,
    /// Says it byte by byte, for ever.
    Drip,
    Redirect,
}

/// A message that came.
#[derive(Clone, Debug)]
struct Heard {
    head: String,
    body: String,
}

impl Heard {
    fn header(&self, name: &str) -> Option<String> {
        let found = self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.map(str::to_owned)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Somebody who is told. After what was planned it hears everything.
struct Receiver {
    port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Receiver {
    fn new(plan: &[Act]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (own, mut plan) = (Arc::clone(&heard), Vec::from(plan).into_iter());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let message = read(&mut stream);
                let act = plan.next().unwrap_or(Act::Answer(204));
                own.lock().unwrap().push(message);
                std::thread::spawn(move || perform(stream, act));
            }
        });
        Self { port, heard }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    fn wait_for(&self, count: usize) -> Vec<Heard> {
        wait_until(|| self.heard().len() >= count);
        self.heard()
    }
}

fn wait_until(is_so: impl Fn() -> bool) {
    let became_so = (0..LOOKS_MAX).any(|_| {
        let is_so = is_so();
        if !is_so {
            std::thread::park_timeout(LOOK);
        }
        is_so
    });
    assert!(became_so, "it never became so");
}

fn read(stream: &mut TcpStream) -> Heard {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut piece).unwrap();
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if read == 0 || body.len() >= length.unwrap_or(0) {
            return Heard { head: head.to_owned(), body: body.to_owned() };
        }
    }
}

fn perform(mut stream: TcpStream, act: Act) {
    match act {
        Act::Answer(status) => {
            let answer = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: 2\r\n\r\nno");
            stream.write_all(answer.as_bytes()).ok();
        }
        Act::Hang => {
            // Until the other side has had enough.
            stream.read_exact(&mut [0]).ok();
        }
        Act::Drip => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx-slow: ").ok();
            while stream.write_all(b"x").is_ok() {
                std::thread::park_timeout(Duration::from_millis(50));
            }
        }
        Act::Redirect => {
            let answer =
                "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer.as_bytes()).ok();
        }
    }
}

/// What a reader in another language says of messages.
fn judged(messages: &[Value]) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/webhooks/verify.py");
    let mut python = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there");
    let lines: String = messages.iter().map(|message| format!("{message}\n")).collect();
    python.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let said = python.wait_with_output().unwrap().stdout;
    String::from_utf8(said).unwrap().lines().map(str::to_owned).collect()
}

fn message(heard: &Heard, secret: &str) -> Value {
    json!({
        "secret": secret,
        "id": heard.header("webhook-id"),
        "timestamp": heard.header("webhook-timestamp"),
        "signature": heard.header("webhook-signature"),
        "body": heard.body,
        "body_signature": heard.header("x-webhook-signature"),
    })
}

/// A server that may reach this machine.
fn serve(home: &Home, at: &str) -> Server {
    home.file("ork.toml", "egress.allow = [\"127.0.0.1\"]\n");
    Server::start(home, at)
}

fn with_webhook(server: &Server, source: &str, webhook: Value) -> String {
    let answer = server.post(RUNS, "", &json!({"source": source, "webhook": webhook}).to_string());
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// A message of a run, once it was tried so often.
fn tried(server: &Server, run: &str, count: usize) -> Value {
    let id = std::cell::RefCell::new(String::new());
    wait_until(|| {
        let page = server.get(&format!("{DELIVERIES}?run={run}")).json();
        let Some(first) = page["items"].get(0) else { return false };
        let found = first["id"].as_str().unwrap().to_owned();
        let log = server.get(&format!("{DELIVERIES}/{found}")).json()["log"].as_array().unwrap().len();
        *id.borrow_mut() = found;
        log >= count
    });
    server.get(&format!("{DELIVERIES}/{}", id.borrow())).json()
}

/// G16: at least once, one id, signed, whatever the other side does.
#[test]
fn who_is_told_hears_it_at_last() {
    let home = Home::new();
    let receiver = Receiver::new(&[Act::Answer(500), Act::Hang, Act::Drip, Act::Redirect, Act::Answer(200)]);
    let server = serve(&home, "");
    let run = with_webhook(&server, GOOD, json!({"url": receiver.url(), "secret": SECRET}));
    wait(&home, "", &run);
    for attempts in 1..5 {
        let shown = tried(&server, &run, attempts);
        assert_eq!(shown["status"], "pending", "{shown}");
        let id = shown["id"].as_str().unwrap();
        assert_eq!(server.post(&format!("{DELIVERIES}/{id}/redeliver"), "", "").status, 202);
    }
    let shown = tried(&server, &run, 5);
    assert_eq!((&shown["status"], &shown["last_status_code"]), (&"delivered".into(), &200.into()), "{shown}");
    let said: Vec<String> =
        shown["log"].as_array().unwrap().iter().map(|one| format!("{} {}", one["status_code"], one["error"])).collect();
    let expected = [
        r#"500 "it answered 500""#,
        r#"null "no answer within 15000 ms""#,
        r#"null "no answer within 15000 ms""#,
        r#"302 "it answered 302: redirects are not followed""#,
        "200 null",
    ];
    assert_eq!(said, expected);
    assert_eq!(shown["log"][0]["response"], "no");
    let heard = receiver.heard();
    assert_eq!(heard.len(), 5);
    let ids: BTreeSet<_> = heard.iter().map(|one| one.header("webhook-id")).collect();
    assert_eq!(ids, BTreeSet::from([Some(shown["id"].as_str().unwrap().to_owned())]), "one id");
    let bodies: BTreeSet<_> = heard.iter().map(|one| &one.body).collect();
    assert_eq!((bodies.len(), shown["body"].as_str()), (1, Some(heard[0].body.as_str())), "and it says the same");
    let messages: Vec<Value> = heard.iter().map(|heard| message(heard, SECRET)).collect();
    assert_eq!(judged(&messages), ["genuine"; 5]);
    let mut forged = messages[0].clone();
    forged["body"] = heard[0].body.replace("success", "failed").into();
    let other = message(&heard[0], "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(judged(&[forged, other]), ["forged"; 2]);
    let body = heard[0].json();
    assert_eq!((&body["type"], &body["data"]["run"]["id"]), (&"run.finished".into(), &run.as_str().into()));
    assert_eq!((&body["data"]["run"]["status"], &body["data"]["run"]["result"]), (&"success".into(), &"hello".into()));
}

/// G16: whoever dies between sending and writing that down sends it again, under the same id.
#[test]
fn a_message_outlives_its_sender() {
    let home = Home::new();
    let receiver = Receiver::new(&[Act::Hang]);
    let server = serve(&home, "");
    let run = with_webhook(&server, GOOD, json!({"url": receiver.url(), "secret": SECRET}));
    let first = receiver.wait_for(1).remove(0);
    let Server { process, .. } = server;
    process.kill();
    let database = rusqlite::Connection::open(home.dir.join(".local/share/ork/ork.db")).unwrap();
    // Nobody else takes it for a minute, which has passed now.
    database.execute("UPDATE webhook_deliveries SET next_attempt_at = 1 WHERE status = 'pending'", []).unwrap();
    let server = serve(&home, "");
    let second = receiver.wait_for(2).remove(1);
    assert_eq!((first.header("webhook-id"), &first.body), (second.header("webhook-id"), &second.body));
    let shown = tried(&server, &run, 1);
    assert_eq!((&shown["status"], &shown["attempts"]), (&"delivered".into(), &1.into()), "{shown}");
    assert_eq!(judged(&[message(&first, SECRET), message(&second, SECRET)]), ["genuine"; 2]);
}

/// Nothing is told while retries are left, and each task once.
#[test]
fn nothing_is_told_before_it_is_certain() {
    on_both(|home, at| {
        let receiver = Receiver::new(&[]);
        let server = serve(home, at);
        let source = "tasks:\n  a:\n    run: '[ $ORK_ATTEMPT = 2 ]'\n    retry: {max_attempts: 2, delay: 10ms}\n  b: {depends_on: [a], run: exit 3}\n  c: {depends_on: [b], run: 'true'}\n";
        let events = json!(["run.started", "task.finished", "run.finished"]);
        let run = with_webhook(&server, source, json!({"url": receiver.url(), "events": events}));
        wait(home, at, &run);
        let heard = receiver.wait_for(5);
        wait_until(|| server.get(&format!("{DELIVERIES}?run={run}&status=pending")).json()["items"] == json!([]));
        assert_eq!(receiver.heard().len(), 5);
        assert!(heard.iter().all(|one| one.header("webhook-signature").is_none()), "without a secret");
        let mut told: Vec<String> = heard
            .iter()
            .map(|one| one.json())
            .map(|body| {
                let (task, run) = (&body["data"]["task"], &body["data"]["run"]);
                format!("{} {} {} {}", body["type"], task["key"], task["status"], run["status"])
            })
            .collect();
        told.sort();
        let expected = [
            r#""run.finished" null null "failed""#,
            r#""run.started" null null "running""#,
            r#""task.finished" "a" "success" null"#,
            r#""task.finished" "b" "failed" null"#,
            r#""task.finished" "c" "skipped" null"#,
        ];
        assert_eq!(told, expected);
        let ids: BTreeSet<_> = heard.iter().map(|one| one.header("webhook-id")).collect();
        assert_eq!(ids.len(), 5);
    });
}

/// An endpoint hears of all runs, has two secrets for a while, is tested, and is left alone once it is gone.
#[test]
fn endpoints_are_told_until_they_are_gone() {
    on_both(|home, at| {
        let receiver = Receiver::new(&[Act::Answer(200), Act::Answer(200), Act::Answer(200), Act::Answer(410)]);
        let server = serve(home, at);
        let made = server.post(ENDPOINTS, "", &json!({"name": "ci", "url": receiver.url()}).to_string());
        assert_eq!(made.status, 201, "{}", made.body);
        let old = made.json()["secret"].as_str().unwrap().to_owned();
        assert!(
            !server.get(ENDPOINTS).body.contains(&old) && !server.get(&format!("{ENDPOINTS}/ci")).body.contains(&old)
        );
        assert_eq!(server.post(&format!("{ENDPOINTS}/ci/test"), "", "").status, 202);
        let first = receiver.wait_for(1).remove(0);
        assert_eq!(first.json()["type"], "webhook.test");
        let new = server.post(&format!("{ENDPOINTS}/ci/rotate"), "", "").json()["secret"].as_str().unwrap().to_owned();
        submit(&server, GOOD);
        let second = receiver.wait_for(2).remove(1);
        let both = [message(&first, &old), message(&second, &old), message(&second, &new), message(&first, &new)];
        assert_eq!(judged(&both), ["genuine", "genuine", "genuine", "forged"]);
        let said = home.says(format!("webhooks test ci {at}").trim_end());
        assert!(said.starts_with("exit 0\n") && said.contains("heard, with 200"), "{said}");
        let run = submit(&server, GOOD);
        receiver.wait_for(4);
        wait_until(|| server.get(&format!("{ENDPOINTS}/ci")).json()["enabled"] == false);
        let shown = tried(&server, &run, 1);
        assert_eq!((&shown["status"], &shown["last_status_code"]), (&"failed".into(), &410.into()));
        let later = submit(&server, GOOD);
        wait(home, at, &later);
        assert_eq!(server.get(&format!("{DELIVERIES}?run={later}")).json()["items"], json!([]));
        // It is back.
        assert_eq!(
            server
                .send("PATCH", &format!("{ENDPOINTS}/ci"), "content-type: application/json\r\n", r#"{"enabled": true}"#)
                .status,
            200
        );
        let again = server.post(&format!("{DELIVERIES}/redeliver"), "", r#"{"endpoint": "ci"}"#);
        assert_eq!((again.status, &again.json()["asked"]), (202, &1.into()), "{}", again.body);
        assert_eq!(receiver.wait_for(5)[4].header("webhook-id"), Some(shown["id"].as_str().unwrap().to_owned()));
    });
}

/// As a service says it whose place Ork takes.
#[test]
fn an_execution_is_told_as_before() {
    let home = Home::new();
    let receiver = Receiver::new(&[]);
    let server = serve(&home, "");
    let plan = json!({"jobs": [{"id": "job1", "type": "merge", "params": {"a": 1}}]});
    home.file("ork.toml", "egress.allow = [\"127.0.0.1\"]\n");
    let webhook = json!({"url": receiver.url(), "secret": "s3cret", "format": "execution", "events": ["run.finished", "task.finished"]});
    let body = json!({"plan": plan, "external_id": "exec-1", "webhook": webhook});
    let answer = server.post(RUNS, "", &body.to_string());
    assert_eq!(answer.status, 202, "{}", answer.body);
    let run = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(server.post(&format!("{RUNS}/{run}/cancel"), "", "").status, 200);
    let mut heard = receiver.wait_for(2);
    heard.sort_by_key(|one| one.body.contains("jobId"));
    let execution = heard[0].json();
    assert_eq!(
        (&execution["executionId"], &execution["status"], &execution["error"]),
        (&"exec-1".into(), &"failed".into(), &"cancelled".into())
    );
    assert!(execution["completedAt"].is_string() && execution.as_object().unwrap().len() == 5, "{execution}");
    let job = heard[1].json();
    assert_eq!((&job["jobId"], &job["operation"], &job["status"]), (&"job1".into(), &"merge".into(), &"failed".into()));
    assert_eq!(
        judged(&[message(&heard[0], "s3cret"), message(&heard[1], "s3cret"), message(&heard[0], "other")]),
        ["genuine", "genuine", "forged"]
    );
    // The same request is the same run, and with another secret it is another request.
    assert_eq!(server.post(RUNS, "", &body.to_string()).status, 202);
    let other = json!({"plan": plan, "external_id": "exec-1", "webhook": {"url": receiver.url(), "secret": "other", "format": "execution", "events": ["run.finished", "task.finished"]}});
    assert_eq!(server.post(RUNS, "", &other.to_string()).status, 409);
}

/// An address that is not public is refused when a message is sent, and what is wrong with a wish when it is made.
#[test]
fn nobody_is_told_who_must_not_be() {
    let home = Home::new();
    let receiver = Receiver::new(&[]);
    let server = Server::begin(&home, "dev");
    let run = with_webhook(&server, GOOD, json!({"url": receiver.url()}));
    wait(&home, "", &run);
    let shown = tried(&server, &run, 1);
    assert!(shown["last_error"].as_str().unwrap().contains("its address 127.0.0.1 is this machine"), "{shown}");
    assert_eq!(receiver.heard().len(), 0);
    for (webhook, pointer) in [
        (json!({"url": "file:///etc/passwd"}), "/webhook/url"),
        (json!({"url": "http://ada:pw@a.example/"}), "/webhook/url"),
        (json!({"url": "http://2130706433/"}), "/webhook/url"),
        (json!({"url": "http://a.example/\r\nx: y"}), "/webhook/url"),
        (json!({"url": "http://a.example/", "secret": "a\r\nb"}), "/webhook/secret"),
        (json!({"url": "http://a.example/", "secret": "plain"}), "/webhook/secret"),
        (json!({"url": "http://a.example/", "events": ["run.failed"]}), "/webhook/events"),
        (json!({"url": "http://a.example/", "format": "xml"}), "/webhook/format"),
    ] {
        let answer = server.post(RUNS, "", &json!({"source": GOOD, "webhook": webhook}).to_string());
        assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (400, &pointer.into()), "{webhook}");
        assert!(!answer.body.contains("plain\""), "a secret is not repeated: {}", answer.body);
    }
}

/// `ork run` tells as well, and ends only after it tried.
#[test]
fn a_run_of_one_process_tells_too() {
    let home = Home::new();
    let receiver = Receiver::new(&[]);
    home.file("ork.toml", "egress.allow = [\"127.0.0.1\"]\n");
    home.file("flow.yaml", &format!("webhook: {{url: \"{}\"}}\ntasks:\n  a: {{run: \"true\"}}\n", receiver.url()));
    assert!(home.says("run flow.yaml").starts_with("exit 0\n"));
    assert_eq!(receiver.heard().len(), 1);
    // Nobody is there: it says so, and the run is none the worse for it.
    home.file("gone.yaml", "webhook: {url: \"http://127.0.0.1:9\"}\ntasks:\n  a: {run: \"true\"}\n");
    let output = home.program(ORK).args(["run", "gone.yaml"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("messages that were not heard: 1 ("), "{said}");
    let rows = home.values("webhooks deliveries --json --status pending");
    assert_eq!((rows.len(), &rows[0]["attempts"]), (1, &1.into()));
}

//! Commands against a server: they say what they say on the database, whatever becomes of the server they end, and the token
//! is seen by nobody but it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use regex::Regex;
use serde_json::{Value, json};

use crate::faces::{home, steady};
use crate::home::{Background, Home, ORK};
use crate::http::Server;

const SECRET: &str = "s3cret-token-of-ada";

/// `ork` with variables of its own.
fn ork(home: &Home, line: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = home.program(ORK);
    command.args(line.split(' ')).envs(variables.iter().copied());
    command.output().unwrap()
}

fn said(home: &Home, line: &str, variables: &[(&str, &str)]) -> String {
    home.shown(&ork(home, line, variables))
}

/// What commands say that only look, of a home in which nothing happens meanwhile.
const LOOKS: &[&str] = &[
    "runs list",
    "runs list --limit 1",
    "runs list --all",
    "runs list status:failed label.team=media",
    "runs list --name gud",
    "runs list sttus:failed",
    "runs show",
    "runs show last/two",
    "runs show last/many/1",
    "runs watch last --progress plain",
    "runs logs last",
    "runs logs last/two",
    "runs logs last/two --attempt 1",
    "runs logs last/two --attempt 9",
    "runs logs last --tail 1",
    "runs logs last --grep O --ignore-case --line-numbers",
    "runs logs last/two --after-line 1",
    "runs logs last/two --raw",
    "runs logs last --raw",
    "runs logs last/two --grep ( --regex",
    "runs diff last",
    "tasks list last",
    "tasks list last --limit 2",
    "tasks list last --status failed,skipped",
    "tasks list last --key many",
    "tasks list last --key mny",
    "tasks show last/two",
    "tasks show last",
    "tasks steps last/two",
    "gates list",
    "gates list last --all",
    "gates approve last",
    "artifacts list",
    "artifacts list last --kind nothing",
    "artifacts get last/nothing",
    "artifacts get art_00000000-0000-0000-0000-000000000000",
    "artifacts get last",
    "artifacts verify last",
    "prompts list",
    "prompts get captions",
    "prompts history captions",
    "prices list",
    "budgets list",
    "events last",
    "events last --type task.failed,run --after 3",
    "queues",
    "workers",
    "schedules list",
    "schedules show good",
    "schedules enable good",
    "why last",
    "why last/two",
    "why last/three",
    "graph last",
    "graph last --format dot",
    "graph last --format svg",
    "runs show abc",
    "runs show abcdef",
    "runs show nobody",
    "runs show last/nokey",
    "runs show last/many",
    "runs show last/many/7",
    "runs show run_00000000-0000-0000-0000-000000000000",
    "tasks show task_00000000-0000-0000-0000-000000000001",
    "events last/two",
];

/// What commands say that change something, each of a home of its own: of a run that is over, and of one that waits.
const WISHES: &[&str] = &[
    "runs cancel last",
    "runs cancel last/two",
    "runs pause last",
    "runs resume last",
    "tasks cancel last/two",
    "tasks retry last/two",
    "events append last bot.seen --task two",
    "events append last run.success",
    "runs submit good.yaml -i name=Ada",
    "runs submit wrong.yaml",
    "runs submit good.yaml -i nme=Ada",
];

/// The places of both, and what a submit without a server says of workers.
fn alike(home: &Home, text: &str, port: u16) -> String {
    let masks = [
        (format!("http://127.0.0.1:{port}"), "PLACE"),
        ("sqlite:HOME/.local/share/ork/ork.db".into(), "PLACE"),
        ("HOME/.local/share/ork/ork.db".into(), "PLACE"),
        (r#""database":"PLACE""#.into(), r#""server":"PLACE""#),
    ];
    let text = masks.iter().fold(home.masked(text), |text, (from, to)| text.replace(from, to));
    // A worker is heard of, and its log is written, while one of the two looks.
    let text = Regex::new(r"heard of \S+").unwrap().replace_all(&steady(&text), "heard of AGE").into_owned();
    // A server says more to programs: what its log knows the request by.
    let problem = Regex::new(r#","code":"[a-z-]+","request_id":"[^"]+","errors":\[[^\]]*\]"#).unwrap();
    let text = problem.replace_all(&text, "").into_owned();
    Regex::new(r"\b(so far|took) TIME").unwrap().replace_all(&text, "TIME").into_owned()
}

fn check_alike(home: &Home, line: &str, port: u16, local: &str, remote: &str) {
    let (local, remote) = (alike(home, local, port), alike(home, remote, port));
    assert_eq!(local, remote, "ork {line}");
}

#[test]
fn commands_that_look_say_the_same_of_a_server() {
    let home = home();
    let server = Server::start(&home, "");
    let url = format!("http://127.0.0.1:{}", server.port);
    for line in LOOKS {
        for line in [(*line).to_owned(), format!("{line} --json")] {
            let (local, remote) = (home.says(&line), said(&home, &line, &[("ORK_SERVER", &url)]));
            check_alike(&home, &line, server.port, &local, &remote);
        }
    }
}

#[test]
fn commands_that_change_something_say_the_same_of_a_server() {
    for line in WISHES {
        for (json, is_live) in [("", false), (" --json", false), ("", true), (" --json", true)] {
            let line = format!("{line}{json}");
            let said = [false, true].map(|is_remote| {
                let home = home();
                let server = Server::start(&home, "");
                if is_live {
                    home.file("late.yaml", "name: late\ntasks:\n  two: {operation: nobody}\n");
                    assert!(home.says("runs submit late.yaml --anywhere").starts_with("exit 0\n"));
                }
                let url = format!("http://127.0.0.1:{}", server.port);
                let variables: &[(&str, &str)] = if is_remote { &[("ORK_SERVER", &url)] } else { &[] };
                alike(&home, &said(&home, &line, variables), server.port)
            });
            assert_eq!(said[0], said[1], "ork {line}");
        }
    }
}

#[test]
fn what_is_for_the_database_alone_says_so() {
    let home = home();
    let mut text = String::new();
    for line in ["run good.yaml", "worker", "serve", "doctor", "db status", "init x", "validate good.yaml", "man runs"]
    {
        text += &format!("$ ork {line} --server URL\n{}", home.says(&format!("{line} --server http://127.0.0.1:1")));
        // A variable is for those commands that know what to do with it.
        if !["worker", "serve"].contains(&line) {
            let ignored = said(&home, line, &[("ORK_SERVER", "http://127.0.0.1:1")]);
            assert!(ignored.starts_with("exit 0\n"), "{line}\n{ignored}");
        }
    }
    for line in [
        "runs list --server http://127.0.0.1:1 --database sqlite:a",
        "runs list --server http://127.0.0.1:1 --context here",
        "runs list --context here --database sqlite:a",
        "runs list --server 127.0.0.1:6750",
        "runs list --server https://ada:secret@localhost",
        "runs list --server http://127.0.0.1:1 --workspace media",
        "runs retry last --server http://127.0.0.1:1",
    ] {
        text += &format!("$ ork {line}\n{}", home.says(line));
    }
    assert_eq!(text.matches("ada:secret").count(), 1, "only the command line has it");
    insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("remote-refused", text);
    });
}

/// A server that says one thing to everybody, and gives what it was asked.
struct Puppet {
    url: String,
    asked: Receiver<String>,
}

impl Puppet {
    fn saying(answer: impl Fn(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, asked) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut head = String::new();
                while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
                // Nobody hears it when the test is over.
                sender.send(head).ok();
                answer(stream);
            }
        });
        Self { url, asked }
    }

    fn once(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        let text = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
        Self::saying(move |mut stream| drop(stream.write_all(text.as_bytes())))
    }

    fn problem(status: &str, detail: &str) -> Self {
        let number: u16 = status.split(' ').next().unwrap().parse().unwrap();
        let body = json!({
            "type": "about:blank", "title": "", "status": number, "detail": detail, "code": "a-code",
            "request_id": "req_1", "retryable": false,
        });
        Self::once(status, "content-type: application/problem+json\r\n", &body.to_string())
    }
}

const JSON: &str = "content-type: application/json\r\n";

/// A page of one run with a next page, which is the same again.
fn endless_page() -> String {
    let run = json!({
        "id": "run_019b0000-0000-7000-8000-000000000000", "external_id": null, "name": "a", "status": "failed",
        "reason": null, "held": false, "priority": 0, "labels": {}, "error": null, "triggered_by": "api", "retry_of": null,
        "host": null, "in_process": false, "project": null, "concurrency_key": null, "tasks_total": 1, "tasks_left": 0,
        "tasks_bad": 1, "progress": 100, "seq": 3, "deadline_at": null, "cancel_requested_at": null,
        "cancel_requested_by": null, "created_at": "2026-01-01T00:00:00Z", "started_at": null, "finished_at": null,
    });
    json!({"items": [run], "next_cursor": "run_019b0000-0000-7000-8000-000000000000"}).to_string()
}

#[test]
fn a_hostile_server_gives_a_clear_error_and_no_more() {
    let home = home();
    let other = Puppet::once("200 OK", JSON, "{}");
    let garbage = |bytes: &'static [u8]| {
        move |mut stream: TcpStream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n").ok();
            // Until nobody reads any more.
            while stream.write_all(bytes).is_ok() {}
        }
    };
    let cases = [
        ("a redirect", Puppet::once("302 Found", &format!("location: {}/x\r\n", other.url), "")),
        ("a page for people", Puppet::once("200 OK", "content-type: text/html\r\n", "<p>log in</p>")),
        ("no type", Puppet::once("200 OK", "", "{}")),
        ("no JSON", Puppet::once("200 OK", JSON, "{\"items\": [")),
        ("JSON of another kind", Puppet::once("200 OK", JSON, "[1, 2]")),
        ("deep JSON", Puppet::once("200 OK", JSON, &"[".repeat(1_000_000))),
        ("a run of no kind", Puppet::once("200 OK", JSON, &endless_page().replace("failed", "\\u001b[2Jx"))),
        ("pages without end", Puppet::once("200 OK", JSON, &endless_page())),
        ("bytes without end", Puppet::saying(garbage(&[b' '; 65_536]))),
        (
            "headers without end",
            Puppet::saying(|mut stream| {
                stream.write_all(b"HTTP/1.1 200 OK\r\n").ok();
                while stream.write_all(b"x-more: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n").is_ok() {}
            }),
        ),
        ("nothing", Puppet::saying(drop)),
        (
            "half an answer",
            Puppet::saying(|mut stream| {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{}";
                drop(stream.write_all(head.as_bytes()));
            }),
        ),
        ("no HTTP", Puppet::saying(|mut stream| drop(stream.write_all(b"220 mail.example.com ESMTP\r\n")))),
        ("a proxy", Puppet::once("502 Bad Gateway", "content-type: text/html\r\n", "")),
        ("401", Puppet::problem("401 Unauthorized", "no token")),
        ("403", Puppet::problem("403 Forbidden", "not \u{1b}[2Jfor you")),
        ("404", Puppet::problem("404 Not Found", "no run")),
        ("409", Puppet::problem("409 Conflict", "it is another")),
        ("500", Puppet::problem("500 Internal Server Error", "a bug")),
        (
            "a status within that is another",
            Puppet::once("403 Forbidden", "content-type: application/problem+json\r\n", "{}"),
        ),
    ];
    let mut text = String::new();
    for (name, puppet) in cases {
        // A gigabyte is much more than it needs, and much less than it is sent.
        let limited = "ulimit -v 1000000; exec ork runs list --all --json";
        let output = home.program("/bin/sh").args(["-c", limited]).env("ORK_SERVER", &puppet.url).output().unwrap();
        assert!(!output.stderr.contains(&0x1b) && !output.stdout.contains(&0x1b), "{name}");
        text += &format!("{name}: {}", home.shown(&output).replace(&puppet.url, "URL").replace(&other.url, "OTHER"));
    }
    assert!(other.asked.try_recv().is_err(), "a redirect was followed");
    insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("remote-hostile", text);
    });
}

#[test]
fn nobody_there_is_exit_code_8() {
    let home = home();
    // Not one that was free a moment ago: another test's server may have it by now.
    let url = "http://127.0.0.1:1";
    for line in ["runs list", "runs show last", "queues", "version", "runs watch last", "runs submit good.yaml"] {
        let said = said(&home, line, &[("ORK_SERVER", url)]);
        assert!(said.starts_with("exit 8\n") && said.contains("Connection refused"), "{line}\n{said}");
    }
}

#[test]
fn the_token_goes_to_its_server_and_nowhere_else() {
    let home = home();
    home.file("token", &format!("{SECRET}\n"));
    let folder = home.dir.join(".config/ork");
    fs::create_dir_all(&folder).unwrap();
    let answer = r#"{"items": [], "next_cursor": null}"#;
    let (ours, theirs) = (Puppet::once("200 OK", JSON, answer), Puppet::once("200 OK", JSON, answer));
    let config = format!(
        "[contexts.file]\nserver = \"{0}\"\ntoken_file = \"{1}\"\n[contexts.env]\nserver = \"{2}\"\ntoken_env = \"MINE\"\n",
        ours.url,
        home.project().join("token").display(),
        ours.url.replace("127.0.0.1", "localhost"),
    );
    fs::write(folder.join("config.toml"), &config).unwrap();
    let mut outputs = Vec::new();
    let mut check = |puppet: &Puppet, line: &str, variables: &[(&str, &str)], is_sent: bool| {
        let output = ork(&home, line, variables);
        let head = puppet.asked.try_recv().unwrap_or_else(|_| panic!("{line}\n{}", home.shown(&output)));
        let sent = head.lines().find_map(|line| line.strip_prefix("authorization: ")).map(str::to_owned);
        assert_eq!(sent, is_sent.then(|| format!("Bearer {SECRET}")), "{line} {variables:?}\n{head}");
        assert!(output.status.success(), "{line}\n{}", home.shown(&output));
        outputs.push(output);
    };
    let mine: &[(&str, &str)] = &[("ORK_TOKEN", SECRET)];
    check(&ours, &format!("runs list --server {}", ours.url), mine, true);
    check(&ours, "runs list --context env", &[("MINE", SECRET)], true);
    check(&ours, "runs list --context file --json", &[], true);
    check(&ours, &format!("runs list --server {}", ours.url), &[], true);
    check(&theirs, &format!("runs list --server {}", theirs.url), &[], false);
    check(&theirs, &format!("runs list --server {} --token-file token", theirs.url), &[], true);
    check(&theirs, &format!("runs list --server {}", theirs.url), &[("ORK_TOKEN_FILE", "token")], true);
    // Whoever made a project may have made its file to get a token.
    home.file("ork.toml", &format!("server = \"{}\"\n", theirs.url));
    check(&theirs, "runs list", mine, false);
    check(&theirs, "runs list", &[("ORK_TOKEN_FILE", "token")], false);
    check(&theirs, "runs list --token-file token", &[], true);
    home.file("ork.toml", &format!("server = \"{}\"\n", ours.url));
    check(&ours, "runs list", &[], true);
    home.file("ork.toml", "");
    for line in ["config show --origin", "config show --json", "context list --json", "context show", "--help"] {
        outputs.push(ork(&home, line, mine));
    }
    // Errors do not repeat it either.
    let (down, refusing) = ("http://127.0.0.1:1", Puppet::problem("401 Unauthorized", "no such token"));
    for url in [down, &refusing.url, "http://ork.example.com"] {
        outputs.push(ork(&home, &format!("runs list --json --server {url}"), mine));
        outputs.push(ork(&home, &format!("runs watch last --timeout 1s --server {url}"), mine));
    }
    outputs.push(ork(&home, &format!("runs list --server {down}"), &[("ORK_TOKEN", &format!("{SECRET} {SECRET}"))]));
    home.file("ork.toml", &format!("token = \"{SECRET}\"\n"));
    let refused = ork(&home, "runs list", &[]);
    assert_eq!(refused.status.code(), Some(2), "{}", home.shown(&refused));
    outputs.push(refused);
    for output in outputs {
        let text = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8_lossy(&text).contains(SECRET), "{}", String::from_utf8_lossy(&text));
    }
}

/// A real server with real tokens: who may not gets exit code 4, and the reason.
#[test]
fn a_token_lets_its_bearer_do_what_its_role_may() {
    let home = home();
    for (name, role) in [("looks", "viewer"), ("acts", "user")] {
        let output = home.output(&["tokens", "create", name, "--role", role]);
        fs::write(home.project().join(name), output.stdout).unwrap();
    }
    home.file("made-up", "ork_aaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_aaaaaa\n");
    let server = Server::start(&home, "");
    let url = format!("http://127.0.0.1:{}", server.port);
    let mut text = String::new();
    for line in [
        "runs list --limit 1",
        "runs list --limit 1 --token-file made-up",
        "runs list --limit 1 --token-file looks",
        "runs submit good.yaml --token-file looks",
        "runs cancel last --token-file looks --json",
        "runs submit good.yaml --token-file acts",
        "runs watch last --token-file acts --progress none",
        "runs list --limit 1 --token-file nothing",
    ] {
        text += &format!("$ ork {line}\n{}", said(&home, line, &[("ORK_SERVER", &url)]));
    }
    let text = Regex::new("req_[0-9a-f]+").unwrap().replace_all(&text, "req_ID").replace(&url, "URL");
    // How far the run is when the watch begins is nobody's promise.
    let text = Regex::new("good  run_ID  [a-z]+").unwrap().replace_all(&text, "good  run_ID  STATUS");
    insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("remote-tokens", text);
    });
}

#[test]
fn contexts_are_listed_chosen_and_shown() {
    let home = home();
    let server = Server::start(&home, "");
    let url = format!("http://127.0.0.1:{}", server.port);
    let folder = home.dir.join(".config/ork");
    fs::create_dir_all(&folder).unwrap();
    let config = format!(
        "# mine\njobs = 2\n[contexts.prod]\nserver = \"{url}\"\n[contexts.far]\nserver = \"https://ork.example.com\"\ntoken_env = \"FAR\"\n"
    );
    fs::write(folder.join("config.toml"), config).unwrap();
    let mut text = String::new();
    for line in [
        "context list",
        "context show",
        "context use prd",
        "context use prod",
        "context list",
        "context list --json",
        "context show",
        "context show --json",
        "runs list --limit 1",
        "runs list --context here --limit 1",
        "runs list --context nobody",
        "runs list --context far",
        "version",
        "version --context prod",
        "version --context prod --json",
        "run good.yaml --progress plain",
        "config show --origin",
        "context use here --json",
        "runs list --limit 1",
    ] {
        text += &format!("$ ork {line}\n{}", home.says(line).replace(&url, "URL"));
    }
    let file = fs::read_to_string(folder.join("config.toml")).unwrap();
    text += &format!("--- config.toml\n{}", file.replace(&url, "URL"));
    insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
        // Columns are as wide as the test's folder.
        let text = Regex::new(" {2,}").unwrap().replace_all(&text, "  ");
        insta::assert_snapshot!("contexts", text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    });
}

#[test]
fn what_is_nearer_says_which_server() {
    let home = home();
    let puppets: Vec<Puppet> =
        (0..4).map(|_| Puppet::once("200 OK", JSON, r#"{"items": [], "next_cursor": null}"#)).collect();
    let (flag, variable, project, own) = (&puppets[0], &puppets[1], &puppets[2], &puppets[3]);
    let folder = home.dir.join(".config/ork");
    fs::create_dir_all(&folder).unwrap();
    let check = |line: &str, variables: &[(&str, &str)], expected: Option<&Puppet>| {
        let output = ork(&home, line, variables);
        assert!(output.status.success(), "{line}\n{}", home.shown(&output));
        for puppet in &puppets {
            let is_expected = expected.is_some_and(|expected| expected.url == puppet.url);
            assert_eq!(puppet.asked.try_recv().is_ok(), is_expected, "{line} {variables:?}");
        }
    };
    check("runs list", &[], None);
    let contexts = format!("[contexts.own]\nserver = \"{}\"\n", own.url);
    fs::write(folder.join("config.toml"), format!("context = \"own\"\n{contexts}")).unwrap();
    check("runs list", &[], Some(own));
    check("runs list", &[("ORK_CONTEXT", "here")], None);
    check("runs list", &[("ORK_DATABASE_URL", "sqlite:other.db")], None);
    home.file("ork.toml", &format!("server = \"{}\"\ndatabase = \"sqlite:a.db\"\n", project.url));
    check("runs list", &[], Some(project));
    check("runs list", &[("ORK_CONTEXT", "own")], Some(own));
    check("runs list", &[("ORK_SERVER", &variable.url), ("ORK_CONTEXT", "own")], Some(variable));
    check(&format!("runs list --server {}", flag.url), &[("ORK_SERVER", &variable.url)], Some(flag));
    check("runs list --context own", &[("ORK_SERVER", &variable.url)], Some(own));
    check("runs list --database sqlite:a.db", &[("ORK_SERVER", &variable.url)], None);
    home.file("ork.toml", "database = \"sqlite:a.db\"\n");
    check("runs list", &[], None);
}

/// Starts a server on a port of ours.
fn serve(home: &Home, port: u16) -> Background {
    let mut server = home.start(&format!("serve --listen 127.0.0.1:{port}"));
    server.wait_for("ready: http://");
    server
}

#[test]
fn a_watch_goes_on_when_its_server_comes_back() {
    let home = home();
    let gate = home.project().join("gate");
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let fifo = gate.display();
    home.file(
        "long.yaml",
        &format!("name: long\ntasks:\n  one: {{run: echo one}}\n  two: {{depends_on: [one], run: cat {fifo}}}\n  three: {{depends_on: [two], count: 3, run: echo three}}\n"),
    );
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let first = serve(&home, port);
    let url = format!("http://127.0.0.1:{port}");
    assert!(said(&home, "runs submit long.yaml", &[("ORK_SERVER", &url)]).starts_with("exit 0\n"));
    let mut watch = home.start(&format!("runs watch last --json --server {url}"));
    let mut lines: Vec<Value> = Vec::new();
    let is_success = |line: &Value| line["type"] == "task.success" && line["key"] == "one";
    while !lines.last().is_some_and(is_success) {
        lines.push(serde_json::from_str(&watch.read_line()).unwrap());
    }
    first.kill();
    watch.wait_for("waiting: failed to reach");
    let _second = serve(&home, port);
    // Whoever reads from the first attempt is dead once there is a second.
    home.wait_until("tasks show last/two --json", |shown| shown[0]["attempt"] == 2 && shown[0]["status"] == "running");
    fs::write(&gate, "go\n").unwrap();
    let shown = watch.end(&home);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    let rest = shown.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap());
    lines.extend(rest);
    let verdict = lines.pop().unwrap();
    assert_eq!((&verdict["type"], &verdict["status"]), (&"run".into(), &"success".into()));
    let numbers: Vec<u64> = lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    let whole: Vec<u64> = (1..=verdict["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, whole, "nothing is missing, and nothing came twice");
    let attempts: BTreeSet<u64> =
        home.values("tasks show last/two --json").iter().map(|t| t["attempt"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [2].into());
}

/// Ids and names are completed from the server, and one that does not answer is not waited for.
#[test]
fn completions_ask_the_server() {
    let home = home();
    let server = Server::start(&home, "");
    let url = format!("http://127.0.0.1:{}", server.port);
    let id = home.last();
    let completed = |url: &str| {
        let mut command = home.program(ORK);
        command.env("ORK_COMPLETE", "fish").env("ORK_SERVER", url).env("ORK_DATABASE_URL", "sqlite:/nowhere/ork.db");
        let output = command.args(["--", "ork", "runs", "show", "run_"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(completed(&url).contains(&id), "{}", completed(&url));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mute = format!("http://{}", silent.local_addr().unwrap());
    assert!(!completed(&mute).contains(&id));
    let mut rest = Vec::new();
    silent.accept().unwrap().0.read_to_end(&mut rest).unwrap();
    assert!(rest.starts_with(b"GET /api/v1/runs?"), "it was asked");
}

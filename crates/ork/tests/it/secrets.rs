//! Secrets from the command line to the task, and that they are nowhere else.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::access::make;
use crate::home::{Home, ORK};
use crate::http::Server;
use crate::server::{RUNS, on_both};

const TOKEN: &str = "t0ken/of+great~value";

/// `printf TOKEN | base64` and its kin, as a script that says a secret in every way.
const TELLS: &str = "\
name: tells
env: {SHARED: '{{ secrets.token }}'}
tasks:
  say:
    env: {TOKEN: '{{ secrets.token }}', AUTH: 'Bearer {{ secrets.token }}', PEM: '{{ secrets.pem }}'}
    output: stdout_json
    run: |
      test \"$TOKEN\" = \"$(cat \"$ORK_PROJECT/token.txt\")\" || exit 9
      test \"$SHARED\" = \"$TOKEN\" || exit 8
      echo \"plain $TOKEN and $AUTH\" >&2
      printf '%s' \"$TOKEN\" | base64 >&2
      printf 'u%s' \"$TOKEN\" | base64 >&2
      printf 'us%s' \"$TOKEN\" | base64 >&2
      printf '%s' \"$TOKEN\" | sed 's#/#%2F#; s#+#%2B#' >&2
      printf '%s' \"${TOKEN%value}\" >&2; sleep 0.3; echo value >&2
      echo \"$PEM\" >&2
      echo \"40 $TOKEN\" >> \"$ORK_PROGRESS\"
      printf '{\"said\": \"%s\"}' \"$TOKEN\"
";
const PEM: &str = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n9w0BAQEFAASCBKcwggSj\n-----END KEY-----\n";
/// All that must not be found anywhere.
const FORMS: &[&str] = &[
    TOKEN,
    "dDBrZW4vb2YrZ3JlYXR+dmFsdW",
    "Qwa2VuL29mK2dyZWF0fnZhbHVl",
    "MGtlbi9vZitncmVhdH52YWx1Z",
    "t0ken%2Fof%2Bgreat~value",
    "MIIEvQIBADANBgkqhkiG",
    "9w0BAQEFAASCBKcwggSj",
];

fn set(home: &Home, line: &str, secret: &str) -> String {
    let mut command = home.program(ORK);
    command.args(line.split(' ').filter(|word| !word.is_empty()));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One that was refused before it read its input has closed it.
    child.stdin.take().unwrap().write_all(secret.as_bytes()).ok();
    home.shown(&child.wait_with_output().unwrap())
}

/// Attack 45, and 46 but for what is below: looks for the secret in every file below a folder, but for the one that it came from.
fn search(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            search(&path, found);
        } else if path.file_name().is_none_or(|name| name != "token.txt" && name != "pem.txt" && name != "tells.yaml") {
            let bytes = fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            found.extend(
                FORMS.iter().filter(|form| text.contains(**form)).map(|form| format!("{form} in {}", path.display())),
            );
        }
    }
}

fn prepare(home: &Home, at: &str) {
    home.file("token.txt", TOKEN);
    home.file("pem.txt", PEM);
    home.file("tells.yaml", TELLS);
    assert!(set(home, &format!("secrets set token {at}"), TOKEN).starts_with("exit 0\n--- stdout\nset: token\n"));
    let said = home.says(format!("secrets set pem --file pem.txt {at}").trim_end());
    assert!(said.starts_with("exit 0\n--- stdout\nset: pem\n"), "{said}");
}

#[test]
fn a_secret_is_nowhere_but_in_the_task() {
    on_both(|home, at| {
        prepare(home, at);
        let said = home.says(format!("run tells.yaml --logs {at}").trim_end());
        assert!(said.starts_with("exit 0\n"), "{said}");
        let mut everything = said;
        for line in [
            "runs show last --json",
            "runs logs last",
            "events last --json",
            "tasks show last/say --json",
            "secrets list --json",
            "runs list --json",
            "why last",
        ] {
            everything += &home.says(format!("{line} {at}").trim_end());
        }
        for form in FORMS {
            assert!(!everything.contains(form), "{form} in\n{everything}");
        }
        assert!(
            everything.contains("plain *** and Bearer ***") && everything.contains(r#"{"said":"***"}"#),
            "{everything}"
        );
        for line in ["db export exported", "db backup backup.db"] {
            let said = home.says(format!("{line} {at}").trim_end());
            assert!(said.starts_with("exit 0\n"), "{said}");
        }
        let mut found = Vec::new();
        search(home.project().parent().unwrap(), &mut found);
        assert_eq!(found, Vec::<String>::new());
    });
}

#[test]
fn a_worker_opens_secrets_too() {
    on_both(|home, at| {
        prepare(home, at);
        let worker = home.start(format!("worker {at}").trim_end());
        let said = home.says(format!("runs submit tells.yaml {at}").trim_end());
        assert!(said.starts_with("exit 0\n"), "{said}");
        home.wait_until(format!("runs list --json {at}").trim_end(), |rows| rows[0]["status"] == "success");
        worker.kill();
        let mut found = Vec::new();
        search(home.project().parent().unwrap(), &mut found);
        assert_eq!(found, Vec::<String>::new());
    });
}

#[test]
fn secrets_are_set_listed_rotated_and_deleted() {
    on_both(|home, at| {
        let says = |line: &str| home.says(format!("{line} {at}").trim_end());
        prepare(home, at);
        assert!(set(home, &format!("secrets set token {at}"), "another value\n").contains("changed: token"));
        for (secret, why) in
            [("short", "8 characters at least"), ("", "8 characters at least"), ("with a \0 in it", "NUL")]
        {
            let said = set(home, &format!("secrets set token {at}"), secret);
            assert!(said.starts_with("exit 2\n") && said.contains(why), "{said}");
        }
        let said = set(home, &format!("secrets set token {at}"), &"x".repeat(70_000));
        assert!(said.starts_with("exit 2\n") && said.contains("65536 bytes at most"), "{said}");
        assert!(set(home, &format!("secrets set a/b {at}"), TOKEN).starts_with("exit 2\n"));
        let keys = |line: &str| -> Vec<String> {
            home.values(format!("{line} {at}").trim_end())
                .iter()
                .map(|row| format!("{} {}", row["name"], row["key_id"]))
                .collect()
        };
        let before = keys("secrets list --json");
        assert_eq!(before.len(), 2);
        // A token of a server outlives the new key.
        let token = make(home, at, "ada --role admin");
        let server = Server::start(home, at);
        let rotated = says("secrets rotate");
        assert!(rotated.contains("2 sealed with the key "), "{rotated}");
        let after = keys("secrets list --json");
        assert!(before.iter().zip(&after).all(|(old, new)| old != new), "{before:?} {after:?}");
        assert!(says("secrets rotate --keep-key").contains("0 sealed with the key "));
        let bearer = format!("authorization: Bearer {token}\r\n");
        assert_eq!(server.send("GET", "/api/v1/secrets", &bearer, "").status, 200);
        // One that is made with the new key is known to the server that was there before.
        let newer = make(home, at, "bob --role admin");
        let newer = format!("authorization: Bearer {newer}\r\n");
        assert_eq!(server.send("GET", "/api/v1/secrets", &newer, "").status, 200);
        home.file(
            "use.yaml",
            "tasks: {a: {env: {T: '{{ secrets.token }}'}, run: 'test \"$T\" = \"another value\"'}}\n",
        );
        assert!(says("run use.yaml").starts_with("exit 0\n"));
        // The server reads the file again when it needs the new key.
        let run = server.post(
            "/api/v1/runs",
            &bearer,
            r#"{"source": "tasks: {a: {env: {T: '{{ secrets.token }}'}, run: 'test \"$T\" = \"another value\"'}}"}"#,
        );
        assert_eq!(run.status, 202, "{}", run.body);
        home.wait_until(format!("runs list --json {at}").trim_end(), |rows| rows[0]["status"] == "success");
        drop(server);
        assert!(says("secrets delete token").starts_with("exit 0\n"));
        assert!(says("secrets delete token").starts_with("exit 7\n"));
        let said = says("run use.yaml");
        assert!(said.starts_with("exit 1\n") && said.contains("there is no secret `token`"), "{said}");
    });
}

#[test]
fn values_go_in_over_http_and_never_come_out() {
    on_both(|home, at| {
        let server = Server::start(home, at);
        let put = |name: &str, body: &str| {
            server.send("PUT", &format!("/api/v1/secrets/{name}"), "content-type: application/json\r\n", body)
        };
        let body = format!(r#"{{"value": "{TOKEN}"}}"#);
        let answers = [
            put("token", &body),
            put("token", &body),
            put("x", r#"{"value": "short"}"#),
            put("x", r#"{"vaule": "x"}"#),
            put("a%20b", &body),
        ];
        assert_eq!(answers.each_ref().map(|answer| answer.status), [201, 200, 400, 400, 400]);
        let list = server.get("/api/v1/secrets");
        assert_eq!(list.json()["items"][0]["name"], "token");
        for answer in answers.iter().chain([&list]) {
            assert!(!answer.body.contains(TOKEN), "{}", answer.body);
        }
        assert_eq!(server.get("/api/v1/secrets/token").status, 405);
        assert_eq!(server.send("DELETE", "/api/v1/secrets/token", "", "").status, 200);
        assert_eq!(server.send("DELETE", "/api/v1/secrets/token", "", "").status, 404);
    });
}

/// Who may not write workflows runs those that read secrets, and makes none that does.
#[test]
fn whoever_writes_no_workflows_reads_no_secrets() {
    let home = Home::new();
    prepare(&home, "");
    let [user, editor] = ["user", "editor"].map(|role| make(&home, "", &format!("{role} --role {role}")));
    let server = Server::start(&home, "");
    let post = |token: &str, body: &str| server.post(RUNS, &format!("authorization: Bearer {token}\r\n"), body);
    let task = r#"{"source": "tasks: {a: {env: {T: '{{ secrets.token }}'}, run: 'exit 0'}}"}"#;
    let webhook = r#"{"source": "webhook: {url: 'http://a.example', secret: '{{ secrets.token }}'}\ntasks: {a: {run: 'exit 0'}}"}"#;
    for body in [task, webhook] {
        let refused = post(&user, body);
        assert_eq!((refused.status, &refused.json()["code"]), (403, &"forbidden".into()), "{}", refused.body);
        assert_eq!(post(&editor, body).status, 202);
    }
    let bearer = format!("authorization: Bearer {editor}\r\ncontent-type: application/json\r\n");
    assert_eq!(server.send("PUT", "/api/v1/workflows/stored", &bearer, task).status, 201);
    assert_eq!(post(&user, r#"{"workflow": "stored"}"#).status, 202);
    // Names that schedules and hooks give are nobody else's.
    for name in ["schedule/nightly/2026-03-01T02:30:00Z", "hook/ci/msg_1"] {
        let body = format!(r#"{{"workflow": "stored", "external_id": "{name}"}}"#);
        assert_eq!(post(&editor, &body).status, 400);
    }
}

#[test]
fn without_its_key_a_secret_stays_shut() {
    on_both(|home, at| {
        prepare(home, at);
        let other = "ab".repeat(32);
        let mut command = home.program(ORK);
        command.env("ORK_SECRET_KEY", &other).args(format!("run tells.yaml {at}").trim_end().split(' '));
        let said = home.shown(&command.output().unwrap());
        assert!(said.starts_with("exit 1\n") && said.contains("this process has no such key"), "{said}");
        let mut command = home.program(ORK);
        command.env("ORK_SECRET_KEY", "zz").args(format!("secrets rotate {at}").trim_end().split(' '));
        let wrong = command.output().unwrap();
        assert_eq!(wrong.status.code(), Some(2), "{}", home.shown(&wrong));
    });
}

/// One that would leave a core dump in its folder, if it were not kept from that.
fn dumping(home: &Home, line: &str) -> Child {
    let mut command = home.program("/bin/sh");
    command.args(["-c", &format!("ulimit -c unlimited; exec {line}")]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn abort(mut child: Child) -> bool {
    kill_process(Pid::from_child(&child), Signal::ABORT).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    status.core_dumped()
}

/// Attack 46: whatever ends a process that has opened a secret, its memory is left nowhere.
#[test]
fn no_core_dump_holds_a_secret() {
    let home = Home::new();
    prepare(&home, "");
    home.file("long.yaml", "tasks: {a: {env: {T: '{{ secrets.token }}'}, run: sleep 60}}\n");
    let child = dumping(&home, &format!("{ORK} run long.yaml"));
    home.wait_until("tasks list last --json", |rows| !rows.is_empty() && rows[0]["status"] == "running");
    assert!(!abort(child), "it left a core dump");
    let mut found = Vec::new();
    search(home.project().parent().unwrap(), &mut found);
    assert_eq!(found, Vec::<String>::new());
    // Another program does leave one here, unless this machine keeps every program from it.
    let other = abort(dumping(&home, "sleep 60"));
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let has_file =
        fs::read_dir(home.project()).unwrap().flatten().any(|e| e.file_name().to_string_lossy().starts_with("core"));
    assert!(other == has_file || pattern.trim() != "core", "a dump is looked for where it would be");
}

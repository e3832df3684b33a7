//! `ork tokens`, `ork workspaces` and `ork dev` on a command line.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::Value;

use crate::home::{Home, ORK};
use crate::http::Server;
use crate::server::on_both;

fn says(home: &Home, line: &str) -> String {
    home.says(line.trim_end())
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    on_both(|home, at| {
        let said = [
            format!("tokens list {at}"),
            format!("tokens create ada --role admin {at}"),
            format!("tokens create ada --role viewer {at}"),
            format!("tokens create r1 --role worker --queues a,b --principal render --expires 30d {at}"),
            format!("tokens create r2 --role user --queues a {at}"),
            format!("tokens create x/y --role user {at}"),
            format!("tokens revoke ada {at}"),
            format!("tokens revoke ada {at}"),
            format!("tokens revoke bob {at}"),
            format!("tokens create ada --role viewer {at}"),
        ];
        let said: String = said
            .iter()
            .map(|line| format!("$ ork {}\n{}", line.replace(at, "").trim_end(), says(home, line)))
            .collect();
        insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
            let said = if at.is_empty() { said } else { said.replace(&format!(" {at}"), "") };
            insta::assert_snapshot!("tokens", said.replace(" --database URL", ""));
        });
        let rows = home.values(format!("tokens list --all --json {at}").trim_end());
        let shown: Vec<String> =
            rows.iter().map(|row| format!("{} {} {}", row["name"], row["role"], row["revoked_at"].is_null())).collect();
        assert_eq!(shown, [r#""ada" "viewer" true"#, r#""r1" "worker" true"#, r#""ada" "admin" false"#]);
        assert!(rows.iter().all(|row| row.get("secret").is_none() && row.get("token_hash").is_none()), "{rows:?}");
        assert_eq!(home.values(format!("tokens list --json {at}").trim_end()).len(), 2);
    });
}

#[test]
fn workspaces_keep_their_runs_apart() {
    on_both(|home, at| {
        home.file("flow.yaml", "tasks:\n  a: {run: 'true'}\n");
        let media = format!("--workspace media {at}");
        let said = says(home, &format!("run flow.yaml {media}"));
        assert!(said.starts_with("exit 7\n") && said.contains("there is no workspace `media`"), "{said}");
        assert!(says(home, &format!("workspaces create media {at}")).starts_with("exit 0\n--- stdout\nws_ID\n"));
        assert!(says(home, &format!("workspaces create media {at}")).starts_with("exit 2\n"), "the name is taken");
        assert!(says(home, &format!("workspaces create a/b {at}")).starts_with("exit 2\n"));
        assert!(says(home, &format!("run flow.yaml {media}")).starts_with("exit 0\n"));
        let ids = |options: &str| home.values(format!("runs list --json {options}").trim_end()).len();
        assert_eq!((ids(at), ids(&media)), (0, 1));
        assert!(says(home, &format!("why last {at}")).starts_with("exit 7\n"));
        assert!(says(home, &format!("why last {media}")).starts_with("exit 0\n"));
        // The variable means the same.
        let mut command = home.program(ORK);
        command.args(format!("runs list --json {at}").split_whitespace()).env("ORK_WORKSPACE", "media");
        assert_eq!(command.output().unwrap().stdout.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert!(says(home, &format!("workspaces set media --isolate-owners true {at}")).starts_with("exit 0\n"));
        let rows = home.values(format!("workspaces list --json {at}").trim_end());
        let shown: Vec<(&str, bool)> =
            rows.iter().map(|row| (row["name"].as_str().unwrap(), row["isolate_owners"] == true)).collect();
        assert_eq!(shown, [("default", false), ("media", true)]);
        assert!(says(home, &format!("workspaces show nobody {at}")).starts_with("exit 7\n"));
        let said = says(home, &format!("workspaces show media {at}"));
        assert!(said.contains("isolate_owners  true"), "{said}");
    });
}

#[test]
fn the_key_is_outside_the_database() {
    let home = Home::new();
    let data = home.dir.join(".local/share/ork");
    let secret = String::from_utf8(home.output(&["tokens", "create", "ada", "--role", "admin"]).stdout).unwrap();
    let path = data.join("ork.db-secret.key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let key = fs::read_to_string(&path).unwrap();
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = fs::read(&path) else { continue };
        let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!holds(secret.trim().split('_').nth(2).unwrap()), "{}", path.display());
    }
    let server = Server::start(&home, "");
    let whoami = |server: &Server| {
        server.send("GET", "/api/v1/whoami", &format!("authorization: Bearer {}\r\n", secret.trim()), "").status
    };
    assert_eq!(whoami(&server), 200);
    server.process.kill();
    // Another key knows none of the tokens, and says so instead of refusing them one by one.
    fs::write(&path, "0".repeat(64)).unwrap();
    for line in ["serve --listen 127.0.0.1:0", "tokens create bob --role viewer"] {
        let said = home.says(line);
        assert!(said.starts_with("exit 2\n") && said.contains("made with another secret key"), "{said}");
    }
    assert!(home.says("tokens list").starts_with("exit 0\n"), "they can be seen and revoked all the same");
    // The same key from elsewhere.
    fs::write(home.project().join("key"), &key).unwrap();
    let server = Server::begin(&home, "serve --secret-key-file key");
    assert_eq!(whoami(&server), 200);
    drop(server);
    let with_variable = |key: &str| {
        home.program(ORK)
            .args(["tokens", "create", "eve", "--role", "viewer"])
            .env("ORK_SECRET_KEY", key)
            .output()
            .unwrap()
    };
    assert_eq!(with_variable("abc").status.code(), Some(2));
    assert_eq!(with_variable(key.trim()).status.code(), Some(0));
    assert!(home.says("serve --secret-key-file nowhere").contains("No such file"));
    fs::write(&path, &key).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let said = home.says("tokens create dan --role viewer");
    assert!(said.contains("can be read by others") && said.contains("chmod 600"), "{said}");
}

#[test]
fn dev_is_open_and_local() {
    let home = Home::new();
    let said = home.says("dev --listen 0.0.0.0:0");
    insta::assert_snapshot!(said, @r"
    exit 2
    --- stderr
    error: `0.0.0.0:0` is no loopback address, and `ork dev` lets in whoever reaches it
      try: ork serve asks for tokens
    ");
    assert!(home.says("dev nowhere").starts_with("exit 2\n"));
    let at = format!("--database sqlite:{}/.ork/ork.db", home.project().display());
    let mut server = Server::begin(&home, "dev .");
    let tried = server.process.wait_for("try: curl");
    let (before, body) = tried.split_once(" -d '").expect("it sends something");
    assert!(before.contains("/api/v1/runs"), "{tried}");
    let body = body.trim_end().trim_end_matches('\'');
    assert!(home.says(&format!("tokens create ada --role viewer {at}")).starts_with("exit 0\n"));
    assert_eq!(server.post("/api/v1/runs", "", body).status, 202, "a token does not close it");
    assert_eq!(server.send("GET", "/api/v1/runs", "origin: https://evil.example\r\n", "").status, 403);
    let runs = home.values(&format!("runs list --json {at}"));
    assert_eq!(runs.len(), 1, "the history is in the folder");
    server.process.signal(Signal::TERM);
    assert!(server.process.end(&home).starts_with("exit 0\n"));
}

#[test]
fn a_server_for_others_asks_for_tokens() {
    let home = Home::new();
    let secret = String::from_utf8(home.output(&["tokens", "create", "ada", "--role", "viewer"]).stdout).unwrap();
    let mut process = home.start("serve --listen 0.0.0.0:0");
    let line = process.wait_for("ready: http://0.0.0.0:");
    let port = line.split("0.0.0.0:").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    let server = Server { process, port };
    assert_eq!(server.get("/api/v1/runs").status, 401);
    let answer = server.send("GET", "/api/v1/runs", &format!("authorization: bearer {}\r\n", secret.trim()), "");
    assert_eq!((answer.status, &answer.json()["items"]), (200, &Value::Array(Vec::new())));
}

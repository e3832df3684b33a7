//! Attack 49: whoever can write to the database cannot change, remove, add or move an event without being found. And bots, whose
//! events are among them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::access::make;
use crate::home::Home;
use crate::http::Server;
use crate::postgres::{rows, with_database};
use crate::server::{RUNS, on_both, submit, wait};

const FLOW: &str = "name: two\ntasks:\n  a: {run: 'true'}\n  b: {depends_on: [a], run: 'true'}\n";

/// A database that is written to past Ork.
struct Past<'a> {
    file: PathBuf,
    /// On PostgreSQL.
    url: Option<&'a str>,
}

impl<'a> Past<'a> {
    fn of(home: &Home, at: &'a str) -> Self {
        Self { file: home.dir.join(".local/share/ork/ork.db"), url: at.strip_prefix("--database ") }
    }

    /// As the application's login: why a statement is refused.
    fn refused(&self, statement: &str) -> String {
        match self.url {
            None => {
                let db = rusqlite::Connection::open(&self.file).unwrap();
                db.execute_batch(statement).expect_err(statement).to_string()
            }
            Some(url) => {
                let statement = format!("SET ROLE ork_engine; {statement}");
                let error = std::panic::catch_unwind(|| rows(url, &statement)).expect_err(&statement);
                error.downcast_ref::<String>().cloned().unwrap_or_default()
            }
        }
    }

    /// As whoever owns all of it: triggers are out of the way, and no policy binds.
    fn force(&self, statements: &str) {
        match self.url {
            None => {
                let db = rusqlite::Connection::open(&self.file).unwrap();
                for trigger in [
                    "events_are_not_changed",
                    "events_are_not_deleted",
                    "seals_are_not_changed",
                    "seals_are_not_deleted",
                ] {
                    db.execute_batch(&format!("DROP TRIGGER IF EXISTS {trigger}")).unwrap();
                }
                db.execute_batch(statements).unwrap_or_else(|error| panic!("{statements}\n{error}"));
            }
            Some(url) => {
                let url = url.replacen("://ork_app:", "://ork_super:", 1);
                rows(&url, &format!("SET session_replication_role = replica; {statements}"));
            }
        }
    }
}

fn says(home: &Home, line: &str, at: &str) -> String {
    home.says(format!("{line} {at}").trim_end())
}

fn done(home: &Home, line: &str, at: &str) -> String {
    let said = says(home, line, at);
    assert!(said.starts_with("exit 0\n"), "{line}\n{said}");
    said
}

/// The head that `ork events seal` prints.
fn seal(home: &Home, at: &str) -> String {
    let line = format!("events seal last {at}");
    let output = home.output(&line.split_whitespace().collect::<Vec<_>>());
    assert!(output.status.success(), "{}", home.shown(&output));
    let head = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert!(head.len() == 64 && head.bytes().all(|b| b.is_ascii_hexdigit()), "{head}");
    head
}

fn verified(home: &Home, at: &str) -> Value {
    home.values(format!("events verify last --json {at}").trim_end()).remove(0)
}

/// A run with two seals: of its end, and of what came late.
fn sealed_twice(home: &Home, at: &str) -> [String; 2] {
    home.file("flow.yaml", FLOW);
    done(home, "run flow.yaml", at);
    let first = seal(home, at);
    done(home, "events append last bot.reviewed --task b --payload {\"score\":1.50}", at);
    [first, seal(home, at)]
}

/// What somebody does who owns the database, and what is said of it.
fn attacks(last: u64) -> Vec<(String, String)> {
    let columns = "workspace_id, type, tasks, actor_kind, actor_id, payload, created_at, feed";
    let more = last + 1;
    let changed = |seq: u64| format!("event {seq} is not what was sealed");
    vec![
        ("UPDATE events SET payload = '{\"attempt\":7}' WHERE seq = 4".into(), changed(4)),
        // The same value, written otherwise.
        (format!("UPDATE events SET payload = '{{\"score\": 1.5}}' WHERE seq = {last}"), changed(last)),
        ("UPDATE events SET payload = NULL WHERE seq = 1".into(), changed(1)),
        ("UPDATE events SET actor_id = 'eve' WHERE seq = 1".into(), changed(1)),
        ("UPDATE events SET actor_kind = 'service' WHERE seq = 1".into(), changed(1)),
        ("UPDATE events SET type = 'task.failed' WHERE seq = 4".into(), changed(4)),
        ("UPDATE events SET tasks = '1' WHERE seq = 4".into(), changed(4)),
        ("UPDATE events SET created_at = created_at + 1 WHERE seq = 5".into(), changed(5)),
        ("DELETE FROM events WHERE seq = 3".into(), "event 3 is missing".into()),
        ("DELETE FROM events WHERE seq = 1".into(), "event 1 is missing".into()),
        (format!("DELETE FROM events WHERE seq = {last}"), format!("event {last} is missing")),
        ("DELETE FROM events WHERE seq > 3".into(), format!("events 4 to {last} are missing")),
        (format!("DELETE FROM events WHERE seq = {last}; UPDATE run_heads SET seq = {}", last - 1), format!("event {last} is missing")),
        ("DELETE FROM events".into(), format!("events 1 to {last} are missing")),
        (
            "UPDATE events SET seq = 1003, seq_last = 1003 WHERE seq = 3; UPDATE events SET seq = 3, seq_last = 3 WHERE seq = 4; \
             UPDATE events SET seq = 4, seq_last = 4 WHERE seq = 1003"
                .into(),
            changed(3),
        ),
        (
            format!("INSERT INTO events (run_id, seq, seq_last, {columns}) SELECT run_id, {more}, {more}, {columns} FROM events WHERE seq = 4"),
            format!("event {more} was added"),
        ),
        (
            format!("DELETE FROM events WHERE seq = 4; INSERT INTO events (run_id, seq, seq_last, {columns}) SELECT run_id, 4, 4, {columns} FROM events WHERE seq = 3"),
            changed(4),
        ),
        ("UPDATE events SET type = 'nonsense' WHERE seq = 4".into(), "`nonsense`".into()),
        ("UPDATE seals SET sealed_at = sealed_at + 1 WHERE number = 1".into(), "seal 1 is not as it was made".into()),
        ("UPDATE seals SET marks = (SELECT s.marks FROM seals s WHERE s.number = 2) WHERE number = 1".into(), "seal 1 is not as it was made".into()),
        ("UPDATE seals SET link = (SELECT s.link FROM seals s WHERE s.number = 1) WHERE number = 2".into(), "seal 2 is not as it was made".into()),
        ("UPDATE seals SET link = marks WHERE number = 1".into(), "a link has 32".into()),
        ("UPDATE seals SET key_id = '0011223344556677' WHERE number = 2".into(), "seal 2 was made with the key".into()),
        ("DELETE FROM seals WHERE number = 1".into(), "seal 1 is missing".into()),
        ("DELETE FROM seals WHERE number = 2".into(), "its seals go up to".into()),
        ("DELETE FROM seals".into(), "its seals go up to 0".into()),
    ]
}

#[test]
fn whoever_changes_an_event_is_found() {
    on_both(|home, at| {
        let heads = sealed_twice(home, at);
        let past = Past::of(home, at);
        for statement in [
            "UPDATE events SET actor_id = 'eve'",
            "DELETE FROM events",
            "UPDATE seals SET sealed_at = 1",
            "DELETE FROM seals",
        ] {
            let why = past.refused(statement);
            assert!(why.contains("immutable") || why.contains("permission denied"), "{statement}: {why}");
        }
        let whole = verified(home, at);
        let last = whole["sealed"].as_u64().unwrap();
        assert_eq!(
            (whole["intact"] == true, &whole["unsealed"], &whole["head"]["seq"]),
            (true, &json!(0), &json!(last))
        );
        assert_eq!(whole["head"]["link"], heads[1].as_str());
        for head in &heads {
            done(home, &format!("events verify last --head {head}"), at);
        }
        past.force("CREATE TABLE events_were AS SELECT * FROM events; CREATE TABLE seals_were AS SELECT * FROM seals; CREATE TABLE heads_were AS SELECT * FROM run_heads");
        let restore = "DELETE FROM events; INSERT INTO events SELECT * FROM events_were; \
                       DELETE FROM seals; INSERT INTO seals SELECT * FROM seals_were; \
                       UPDATE run_heads SET seq = (SELECT seq FROM heads_were), sealed_seq = (SELECT sealed_seq FROM heads_were), unsealed = (SELECT unsealed FROM heads_were)";
        for (attack, words) in &attacks(last) {
            past.force(attack);
            let said = says(home, "events verify last", at);
            assert!(said.starts_with("exit 1\n") && said.contains(words.as_str()), "{attack}\nwanted: {words}\n{said}");
            let doctor = says(home, "doctor", at);
            let is_found = doctor.starts_with("exit 1\n") || doctor.starts_with("exit 70\n");
            // Of a key that it has not, it says nothing: that is for `verify`.
            assert!(is_found || attack.contains("key_id"), "{attack}\n{doctor}");
            past.force(restore);
            let whole = says(home, "events verify --all", at);
            assert!(
                whole.starts_with("exit 0\n") && whole.contains("0 not yet: nothing is wrong"),
                "{attack}\n{whole}"
            );
        }
        // Whoever takes back all of it, seals and head included, is found by what was kept elsewhere.
        past.force(
            "DELETE FROM seals; UPDATE run_heads SET sealed_seq = 0; UPDATE events SET actor_id = 'eve' WHERE seq = 1",
        );
        done(home, "events verify last", at);
        let forged = seal(home, at);
        assert!(!heads.contains(&forged));
        let said = says(home, &format!("events verify last --head {}", heads[1]), at);
        assert!(said.starts_with("exit 1\n") && said.contains("the head that was kept is none"), "{said}");
    });
}

#[test]
fn servers_seal_what_is_over() {
    on_both(|home, at| {
        let server = Server::start(home, at);
        let run = submit(&server, FLOW.replace("run: 'true'", "run: 'exit 0'").as_str());
        wait(home, at, &run);
        let verified = || server.get(&format!("{RUNS}/{run}/events/verify")).json();
        let is_sealed = |found: &Value| found["sealed"].as_u64() > Some(0) && found["unsealed"] == 0;
        assert!((0..100_000).any(|_| is_sealed(&verified())), "{}", verified());
        let first = verified();
        assert_eq!((first["intact"] == true, &first["findings"]), (true, &json!([])));
        // What comes late is chained on.
        let late = json!({"events": [{"type": "bot.late", "payload": {"n": 1}}]}).to_string();
        assert_eq!(server.post(&format!("{RUNS}/{run}/events"), "", &late).status, 200);
        assert!((0..100_000).any(|_| verified()["sealed"].as_u64() > first["sealed"].as_u64()), "{}", verified());
        let head = first["head"]["link"].as_str().unwrap();
        let kept = server.get(&format!("{RUNS}/{run}/events/verify?head={head}")).json();
        assert_eq!(kept["intact"], true, "{kept}");
        let other = "0".repeat(64);
        let lost = server.get(&format!("{RUNS}/{run}/events/verify?head={other}")).json();
        assert_eq!((&lost["intact"], &lost["findings"][0]["seq"]), (&json!(false), &Value::Null), "{lost}");
        assert_eq!(server.get(&format!("{RUNS}/{run}/events/verify?head=x")).status, 400);
        // The command says the same of the server as of the database, and seals there what is there.
        let remote = home.says(&format!("events verify {run} --server http://127.0.0.1:{}", server.port));
        assert!(remote.starts_with("exit 0\n") && remote.contains(" 0 not yet: nothing is wrong"), "{remote}");
        assert_eq!(remote, says(home, &format!("events verify {run}"), at));
        Past::of(home, at).force("UPDATE events SET actor_id = 'eve' WHERE seq = 1");
        assert_eq!(verified()["findings"][0]["seq"], 1);
        let all = home.says(&format!("events verify --all --server http://127.0.0.1:{}", server.port));
        assert!(all.starts_with("exit 1\n") && all.contains("run_ID: event 1 is not what was sealed"), "{all}");
    });
}

#[test]
fn bots_write_events_and_nothing_else() {
    on_both(|home, at| {
        let [bot, viewer, user, service] =
            ["bot", "viewer", "user", "service"].map(|role| make(home, at, &format!("its-{role} --role {role}")));
        let server = Server::start(home, at);
        let ask = |token: &str, headers: &str, run: &str, body: &Value| {
            let headers = format!("authorization: Bearer {token}\r\n{headers}");
            server.post(&format!("{RUNS}/{run}/events"), &headers, &body.to_string())
        };
        let flow = json!({"source": FLOW}).to_string();
        let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
        let created = server.post(RUNS, &bearer(&user), &flow);
        let run = created.json()["id"].as_str().unwrap_or_else(|| panic!("{}", created.body)).to_owned();
        home.wait_until(format!("runs list --json {at}").trim_end(), |rows| rows[0]["status"] == "success");
        let seen = json!({"events": [{"type": "bot.seen", "task": "b", "payload": {"n": 1.50}}, {"type": "bot.done"}]});
        let first = ask(&bot, "idempotency-key: once\r\n", &run, &seen);
        assert_eq!(first.status, 200, "{}", first.body);
        let again = ask(&bot, "idempotency-key: once\r\n", &run, &seen).json();
        assert_eq!((&again["seq"], &again["repeated"]), (&first.json()["seq"], &json!(true)));
        let other = json!({"events": [{"type": "bot.other"}]});
        assert_eq!(ask(&bot, "idempotency-key: once\r\n", &run, &other).status, 409);
        let of = |seq: &Value| {
            let all = home.values(format!("events {run} --json {at}").trim_end());
            all.into_iter().find(|event| event["seq"] == *seq).unwrap()
        };
        let event = of(&first.json()["seq"]);
        assert_eq!((&event["type"], &event["key"]), (&json!("bot.seen"), &json!("b")));
        // With the name of whoever has the token, whatever the request says.
        assert_eq!(event["actor"], json!({"kind": "bot", "id": "its-bot"}));
        assert_eq!(event["payload"].to_string(), r#"{"n":1.5}"#);
        let of_service = ask(&service, "", &run, &other);
        assert_eq!(of(&of_service.json()["seq"])["actor"], json!({"kind": "service", "id": "its-service"}));
        for token in [&viewer, &user] {
            assert_eq!(ask(token, "", &run, &other).status, 403);
        }
        let large = "x".repeat(70_000);
        for (body, status) in [
            (json!({"events": [{"type": "run.success"}]}), 400),
            (json!({"events": [{"type": "bot."}]}), 400),
            (json!({"events": [{"type": "bot.Loud"}]}), 400),
            (json!({"events": [{"type": "bot.a", "actor": {"kind": "user", "id": "ada"}}]}), 400),
            (json!({"events": [{"type": "bot.a", "actor_id": "ada"}]}), 400),
            (json!({"events": []}), 400),
            (json!({"events": vec![json!({"type": "bot.a"}); 101]}), 422),
            (json!({"events": [{"type": "bot.a", "payload": large}]}), 422),
            (json!({"events": [{"type": "bot.a", "payload": "\u{0}"}]}), 400),
            (json!({"events": [{"type": "bot.a", "task": "nobody"}]}), 404),
            (json!({"events": [{"type": "bot.a"}, {"type": "bot.a", "task": "a/7"}]}), 404),
        ] {
            let answer = ask(&bot, "", &run, &body);
            assert_eq!(
                answer.status,
                status,
                "{}\n{}",
                &body.to_string()[..body.to_string().len().min(200)],
                answer.body
            );
        }
        assert_eq!(of(&json!(of_service.json()["seq"].as_u64().unwrap()))["type"], "bot.other");
        let count = home.values(format!("events {run} --json --type bot {at}").trim_end()).len();
        assert_eq!(count, 3, "of what was refused nothing was written");
        for (path, body) in [(format!("{RUNS}/{run}/cancel"), "{}"), (RUNS.to_owned(), flow.as_str())] {
            assert_eq!(server.post(&path, &bearer(&bot), body).status, 403, "{path}: a bot does nothing else");
        }
    });
}

#[test]
fn events_are_appended_by_hand() {
    on_both(|home, at| {
        home.file("flow.yaml", FLOW);
        home.file("report.json", "{\"score\":  0.930}");
        done(home, "run flow.yaml", at);
        // On a slow machine more is announced.
        let next = home.values(format!("events last --json {at}").trim_end()).len() + 1;
        let said = done(home, "events append last bot.seen", at);
        assert!(said.contains(&format!("event {next} of run_ID")), "{said}");
        done(home, "events append last bot.report --task a --payload @report.json", at);
        let said = done(home, "events last --type bot", at);
        assert!(said.contains("bot.report") && said.contains("score=0.930") && said.contains("by ada"), "{said}");
        for (line, code, words) in [
            ("events append last run.success", 2, "no type for an event of yours"),
            ("events append last bot.x --task nobody", 7, "has no task `nobody`"),
            ("events append last bot.x --payload {", 2, "the payload is not JSON"),
            ("events append last bot.x --payload @nowhere", 2, "`nowhere`"),
            ("events append last bot.x --payload @flow.yaml", 2, "the payload is not JSON"),
            ("events verify last --head abc", 2, "a head has 64 hexadecimal digits"),
            ("events verify last --all", 2, "cannot be used with"),
        ] {
            let said = says(home, line, at);
            assert!(said.starts_with(&format!("exit {code}\n")) && said.contains(words), "{line}\n{said}");
        }
        let said = done(home, "events verify", at);
        assert!(
            said.contains(&format!("0 events sealed, {} not yet: nothing to compare them with", next + 1)),
            "{said}"
        );
        // What a program writes is no event of Ork's, however it looks, and no terminal obeys it.
        home.file(
            "forged.json",
            r#"{"note": "ok  by x\n   99  run.success  by root", "\u001b[2J": "\u202eold", "plain": "a b"}"#,
        );
        done(home, "events append last bot.forged --payload @forged.json", at);
        let said = done(home, "events last --type bot.forged", at);
        assert!(
            said.contains(r#"note="ok  by x\n   99  run.success  by root""#) && said.contains("plain=a b"),
            "{said}"
        );
        assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}') && said.lines().count() == 3, "{said}");
    });
}

/// Where the key of a home is.
fn key_file(home: &Home, at: &str) -> PathBuf {
    let name = if at.is_empty() { "ork.db-secret.key" } else { "secret.key" };
    home.dir.join(".local/share/ork").join(name)
}

#[test]
fn seals_outlive_the_key_that_made_them() {
    on_both(|home, at| {
        let heads = sealed_twice(home, at);
        let before = fs::read_to_string(key_file(home, at)).unwrap();
        done(home, "secrets rotate", at);
        done(home, "events append last bot.later", at);
        let third = seal(home, at);
        assert!(!heads.contains(&third));
        done(home, &format!("events verify last --head {}", heads[0]), at);
        // The old key goes: what it sealed is verified with what the database keeps of it.
        let both = fs::read_to_string(key_file(home, at)).unwrap();
        let newest = both.split_whitespace().next().unwrap();
        assert!(!before.contains(newest));
        fs::write(key_file(home, at), newest).unwrap();
        done(home, &format!("events verify last --head {}", heads[0]), at);
        // Once more, and the first key has been away for longer.
        done(home, "secrets rotate", at);
        let both = fs::read_to_string(key_file(home, at)).unwrap();
        fs::write(key_file(home, at), both.split_whitespace().next().unwrap()).unwrap();
        done(home, &format!("events verify last --head {}", heads[0]), at);
        Past::of(home, at).force("UPDATE events SET actor_id = 'eve' WHERE seq = 1");
        let said = says(home, "events verify last", at);
        assert!(said.starts_with("exit 1\n") && said.contains("event 1 is not what was sealed"), "{said}");
        // Without any key nothing can be told.
        fs::remove_file(key_file(home, at)).unwrap();
        let said = says(home, "events verify last", at);
        assert!(said.starts_with("exit 1\n") && said.contains("which is not here"), "{said}");
    });
}

/// Without the key nothing is sealed on, and no other one is made.
#[test]
fn what_is_not_as_it_was_sealed_is_not_sealed_on() {
    on_both(|home, at| {
        home.file("flow.yaml", FLOW);
        done(home, "run flow.yaml", at);
        seal(home, at);
        done(home, "events append last bot.late", at);
        let key = fs::read(key_file(home, at)).unwrap();
        fs::remove_file(key_file(home, at)).unwrap();
        let said = says(home, "events seal last", at);
        assert!(
            said.starts_with("exit 1\n") && said.contains("nothing is sealed") && said.contains("not here"),
            "{said}"
        );
        assert!(!key_file(home, at).exists(), "no other key is made");
        fs::write(key_file(home, at), key).unwrap();
        fs::set_permissions(key_file(home, at), fs::Permissions::from_mode(0o600)).unwrap();
        seal(home, at);
        assert_eq!(verified(home, at)["intact"], true);
    });
}

/// Where a seal begins stands in the database, and can be changed there before it is made.
#[test]
fn events_that_are_kept_from_a_seal_are_found() {
    on_both(|home, at| {
        home.file("flow.yaml", FLOW);
        done(home, "run flow.yaml", at);
        Past::of(home, at).force("UPDATE run_heads SET sealed_seq = 3");
        let said = says(home, "events seal last", at);
        assert!(said.starts_with("exit 1\n") && said.contains("sealed up to 3, and its seals go up to 0"), "{said}");
        let server = Server::start(home, at);
        let is_sealed = (0..2_000).any(|_| says(home, "events verify last", at).contains(" 0 not yet"));
        drop(server);
        assert!(is_sealed, "{}", says(home, "events verify last", at));
        Past::of(home, at).force("UPDATE events SET actor_id = 'eve' WHERE seq = 2");
        let said = says(home, "events verify --all", at);
        assert!(said.starts_with("exit 1\n") && said.contains("events 1 to 3 were left out"), "{said}");
        assert!(says(home, "doctor", at).contains("events 1 to 3 were left out"));
    });
}

#[test]
fn seals_hold_in_another_database() {
    with_database(|url| {
        let home = Home::new();
        let heads = sealed_twice(&home, "");
        let file = format!("sqlite:{}", home.dir.join(".local/share/ork/ork.db").display());
        done(&home, &format!("db copy --from {file} --to {url}"), "");
        fs::copy(key_file(&home, ""), key_file(&home, url)).unwrap();
        let at = format!("--database {url}");
        done(&home, &format!("events verify last --head {}", heads[1]), &at);
        assert!(done(&home, "events verify --all", &at).contains("0 not yet: nothing is wrong"));
        done(&home, "events append last bot.there", &at);
        let there = seal(&home, &at);
        done(&home, &format!("db export out --database {url}"), "");
        done(&home, "db import out --database sqlite:back.db", "");
        fs::copy(key_file(&home, ""), home.project().join("back.db-secret.key")).unwrap();
        done(&home, &format!("events verify last --head {there} --database sqlite:back.db"), "");
        Past::of(&home, &at).force("UPDATE events SET payload = '{}' WHERE seq = 4");
        assert!(says(&home, "events verify last", &at).contains("event 4 is not what was sealed"));
    });
}

#[test]
fn what_is_removed_leaves_its_head() {
    on_both(|home, at| {
        let heads = sealed_twice(home, at);
        let run = home.values(format!("runs list --json {at}").trim_end())[0]["id"].as_str().unwrap().to_owned();
        Past::of(home, at).force("UPDATE runs SET finished_at = finished_at - 864000000000");
        done(home, "db prune --keep-days 1", at);
        let said = says(home, &format!("events verify {run}"), at);
        assert!(said.starts_with("exit 7\n") && said.contains(&heads[1]), "{said}");
        for (head, words) in [(&heads[1], "which is the one that was kept"), (&heads[0], "which is not the one")] {
            let said = says(home, &format!("events verify {run} --head {head}"), at);
            assert!(said.starts_with("exit 7\n") && said.contains(words), "{said}");
        }
        let server = Server::start(home, at);
        let gone = server.get(&format!("{RUNS}/{run}/events/verify"));
        assert!(gone.status == 410 && gone.body.contains(&heads[1]), "{}", gone.body);
    });
}

/// Every type of Ork's own stands in the guide, and no other.
#[test]
fn the_guide_lists_every_type() {
    let page = include_str!("../../../../docs/guide/events.md");
    let mut told: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split('`').next())
        .filter(|word| word.contains('.') && !word.starts_with("bot."))
        .collect();
    let mut known: Vec<&str> = ork_core::event::EventType::words().collect();
    // Statuses that are told by other words.
    known.retain(|word| !["run.pending", "task.pending", "task.paused", "step.pending"].contains(word));
    told.sort_unstable();
    known.sort_unstable();
    assert_eq!(told, known);
}

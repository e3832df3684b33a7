//! Artifacts over HTTP and from the command line: they are there as they were sent, or not at all; nothing that somebody calls or
//! puts into one is taken for anything but data; and nobody sees those of others.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ork_core::checksum::Checksum;
use serde_json::{Value, json};

use crate::access::{MATRIX, make};
use crate::home::{Home, ORK};
use crate::http::{Answer, Server};
use crate::server::{on_both, submit};

const WAITS: &str = "tasks:\n  a: {operation: nobody}\n  many: {count: 3, operation: nobody}\n";
const ARTIFACTS: &str = "/api/v1/artifacts";
const TEXT: &str = "content-type: text/plain\r\n";

/// The files that are kept, of an installation that says nothing about where.
fn files(home: &Home) -> Vec<PathBuf> {
    let data = home.dir.join(".local/share/ork");
    let (mut found, mut folders) = (Vec::new(), vec![data.join("ork.db-artifacts"), data.join("artifacts")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn of(run: &str) -> String {
    format!("/api/v1/runs/{run}/artifacts")
}

/// Sends bytes as they are.
fn send(server: &Server, run: &str, query: &str, headers: &str, body: &str) -> Answer {
    server.send("POST", &format!("{}?{query}", of(run)), headers, body)
}

/// Keeps a text, and gives its id.
fn keep(server: &Server, run: &str, name: &str, text: &str) -> String {
    let answer = send(server, run, &format!("name={name}"), TEXT, text);
    assert_eq!(answer.status, 201, "{name}: {}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

fn content(server: &Server, id: &str, headers: &str) -> Answer {
    server.send("GET", &format!("{ARTIFACTS}/{id}/content"), headers, "")
}

fn listed(server: &Server, run: &str) -> Vec<Value> {
    server.get(&of(run)).json()["items"].as_array().unwrap().clone()
}

fn names(server: &Server, run: &str) -> Vec<String> {
    listed(server, run).iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

fn digest(text: &str) -> String {
    let hex = Checksum::of(text.as_bytes());
    let bytes: Vec<u8> = (0..32).map(|n| u8::from_str_radix(&hex[n * 2..n * 2 + 2], 16).unwrap()).collect();
    format!("sha-256=:{}:", BASE64_STANDARD.encode(bytes))
}

fn form(parts: &[(&str, &str)]) -> (String, String) {
    let field = |(name, value): &(&str, &str)| {
        let file = if *name == "file" { "; filename=\"from disk.txt\"\r\ncontent-type: text/plain" } else { "" };
        format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n")
    };
    let body: String = parts.iter().map(field).collect();
    ("content-type: multipart/form-data; boundary=edge\r\n".into(), format!("{body}--edge--\r\n"))
}

/// Sends a request in pieces, and gives what comes back before the connection ends. One that is not whole ends there.
fn pieces(server: &Server, head: &str, body: &[&str], is_whole: bool) -> String {
    let mut stream = server.connect();
    let head = format!("{head}\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n", server.port);
    stream.write_all(head.as_bytes()).unwrap();
    for piece in body {
        stream.write_all(piece.as_bytes()).unwrap();
    }
    if !is_whole {
        stream.shutdown(Shutdown::Write).unwrap();
    }
    let mut answer = String::new();
    // Whoever breaks off may be cut in turn.
    stream.read_to_string(&mut answer).ok();
    answer
}

#[test]
fn bytes_come_in_several_ways_and_go_as_they_came() {
    on_both(|home, at| {
        let server = Server::begin(home, &format!("dev {at}"));
        let run = submit(&server, WAITS);
        let sum = Checksum::of(b"one");
        let query = format!("name=out/one.txt&kind=note&task=many/2&meta={{%22a%22:1}}&checksum={sum}");
        let raw = send(&server, &run, &query, &format!("{TEXT}repr-digest: {}\r\n", digest("one")), "one");
        let shape = raw.json();
        assert_eq!(
            (raw.status, raw.header("location")),
            (201, Some(&*format!("{ARTIFACTS}/{}", shape["id"].as_str().unwrap())))
        );
        for (member, value) in [
            ("run_id", json!(run)),
            ("name", json!("out/one.txt")),
            ("kind", json!("note")),
            ("content_type", json!("text/plain")),
            ("size", json!(3)),
            ("checksum", json!(sum)),
            ("task_key", json!("many")),
            ("task_index", json!(2)),
            ("attempt", Value::Null),
            ("meta", json!({"a": 1})),
            ("url", Value::Null),
        ] {
            assert_eq!(shape[member], value, "{member}");
        }
        let (headers, body) = form(&[
            ("name", "two.txt"),
            ("meta", r#"{"b": 2}"#),
            ("checksum", &Checksum::of(b"t\r\nwo")),
            ("file", "t\r\nwo"),
        ]);
        let by_form = server.send("POST", &of(&run), &headers, &body);
        assert_eq!(
            (by_form.status, &by_form.json()["meta"]["b"], &by_form.json()["content_type"]),
            (201, &json!(2), &json!("text/plain")),
            "{}",
            by_form.body
        );
        let (headers, body) = form(&[("file", "three")]);
        assert_eq!(server.send("POST", &of(&run), &headers, &body).json()["name"], "from disk.txt");
        let head = format!("POST {}?name=four HTTP/1.1\r\ntransfer-encoding: chunked", of(&run));
        let chunked = pieces(&server, &head, &["\r\n2\r\nfo\r\n", "2\r\nur\r\n0\r\n\r\n"], true);
        assert!(chunked.starts_with("HTTP/1.1 201 ") && chunked.contains(&Checksum::of(b"four")), "{chunked}");
        let url = json!({"name": "five.mp4", "url": "https://a.example/five.mp4", "size": 7, "task": "a"}).to_string();
        let elsewhere = server.post(&of(&run), "", &url);
        assert_eq!((elsewhere.status, &elsewhere.json()["url"]), (201, &json!("https://a.example/five.mp4")));
        let json_bytes = send(&server, &run, "name=six.json", "content-type: application/json\r\n", r#"{"six": 6}"#);
        assert_eq!((json_bytes.status, &json_bytes.json()["content_type"]), (201, &json!("application/json")));
        keep(&server, &run, "nothing", "");
        assert_eq!(
            names(&server, &run),
            ["nothing", "six.json", "five.mp4", "four", "from disk.txt", "two.txt", "out/one.txt"],
            "newest first"
        );
        let texts: Vec<String> = listed(&server, &run)
            .iter()
            .filter(|row| row["url"].is_null())
            .map(|row| {
                let answer = content(&server, row["id"].as_str().unwrap(), "");
                assert_eq!((answer.status, answer.header("content-length")), (200, Some(&*row["size"].to_string())));
                answer.body
            })
            .collect();
        assert_eq!(texts, ["", r#"{"six": 6}"#, "four", "three", "t\r\nwo", "one"]);
        check_elsewhere(&server, elsewhere.json()["id"].as_str().unwrap());
        check_listed(&server, &run, shape["task_id"].as_str().unwrap());
    });
}

/// Bytes elsewhere are told of, and not fetched.
fn check_elsewhere(server: &Server, id: &str) {
    let refused = content(server, id, "");
    assert_eq!(
        refused.problem(),
        format!(
            "409 artifact-elsewhere: `{id}` is not kept by Ork: it is at `https://a.example/five.mp4` (https://a.example/five.mp4)"
        )
    );
    assert_eq!(refused.header("location"), None, "nobody is sent anywhere");
}

/// Lists have pages, and filters; each artifact has its event, and can be read again.
fn check_listed(server: &Server, run: &str, task: &str) {
    let filtered = |query: &str| {
        let page = server.get(&format!("{ARTIFACTS}?run={run}&{query}")).json();
        page["items"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (filtered("kind=note"), filtered("name=four"), filtered(&format!("task={task}"))),
        (vec!["out/one.txt".into()], vec!["four".into()], vec!["out/one.txt".into()])
    );
    let first = server.get(&format!("{}?limit=2", of(run))).json();
    let next = first["next_cursor"].as_str().unwrap();
    assert_eq!(filtered(&format!("limit=2&cursor={next}")), ["five.mp4", "four"]);
    let events = server.get(&format!("/api/v1/runs/{run}/events?limit=200")).json();
    let created = events["items"].as_array().unwrap().iter().filter(|event| event["type"] == "artifact.created");
    assert_eq!(created.count(), 7, "{events}");
    let found = server.post(&format!("{}/verify", of(run)), "", "").json();
    assert_eq!(found["items"].as_array().unwrap().iter().filter(|row| row["ok"] == true).count(), 6, "{found}");
}

/// Attack 29: whatever is not as it was announced.
#[test]
fn what_is_not_as_announced_is_not_there() {
    let home = Home::new();
    let server = Server::begin(&home, "dev");
    let run = submit(&server, WAITS);
    let wrong = Checksum::of(b"other");
    let refused = |query: &str, headers: &str, body: &str| send(&server, &run, query, headers, body).problem();
    let said = refused(&format!("name=a&checksum={wrong}"), TEXT, "one");
    assert!(
        said.starts_with("422 wrong-bytes: ") && said.contains(&wrong) && said.contains(&Checksum::of(b"one")),
        "{said}"
    );
    let said = refused("name=a", &format!("repr-digest: {}\r\n", digest("other")), "one");
    assert!(said.starts_with("422 wrong-bytes: "), "{said}");
    assert!(refused("name=a&checksum=abc", TEXT, "one").starts_with("400 invalid-request: "));
    assert!(refused("name=a", "content-encoding: gzip\r\n", "one").starts_with("400 invalid-request: "));
    assert!(refused("", TEXT, "one").starts_with("400 invalid-request: `name` is wrong"));
    let post = format!("POST {}?name=a HTTP/1.1", of(&run));
    for (head, body, status) in [
        (format!("{post}\r\ncontent-length: 10"), vec!["\r\none"], "400"),
        (format!("{post}\r\ncontent-length: 99999999999999"), vec!["\r\none"], "413"),
        (post.clone(), vec!["\r\n"], "411"),
        (format!("{post}\r\ntransfer-encoding: chunked"), vec!["\r\n3\r\none\r\n"], "400"),
        (format!("{post}\r\ntransfer-encoding: chunked"), vec!["\r\n9\r\none"], "400"),
    ] {
        // These are answered before anything else comes.
        let is_whole = matches!(status, "411" | "413");
        let answer = pieces(&server, &head, &body, is_whole);
        assert!(
            !is_whole && answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{head}: {answer}"
        );
    }
    for parts in [
        &[("name", "a"), ("checksum", wrong.as_str()), ("file", "one")][..],
        &[("file", "one"), ("name", "a")],
        &[("name", "a")],
        &[("name", "a"), ("name", "b"), ("file", "one")],
        &[("nme", "a"), ("file", "one")],
        &[("name", "../a"), ("file", "one")],
    ] {
        let (headers, body) = form(parts);
        let answer = server.send("POST", &of(&run), &headers, &body);
        assert!(matches!(answer.status, 400 | 422), "{parts:?}: {} {}", answer.status, answer.body);
        // One that breaks off anywhere is none.
        let answer = server.send("POST", &of(&run), &headers, &body[..body.len() - 5]);
        assert!(matches!(answer.status, 400 | 422), "{parts:?}: {} {}", answer.status, answer.body);
    }
    let nobodys =
        server.send("POST", "/api/v1/runs/run_00000000-0000-7000-8000-000000000000/artifacts?name=a", TEXT, "one");
    assert_eq!(nobodys.status, 404);
    assert_eq!(send(&server, &run, "name=a&task=nobody", TEXT, "one").status, 404);
    assert_eq!((names(&server, &run), files(&home)), (Vec::new(), Vec::new()), "nothing is there");
}

/// Attack 29: whoever goes away in the middle leaves nothing.
#[test]
fn an_upload_that_breaks_off_leaves_nothing() {
    let home = Home::new();
    let server = Server::begin(&home, "dev");
    let run = submit(&server, WAITS);
    let open: Vec<TcpStream> = (0..20)
        .map(|n| {
            let mut stream = server.connect();
            let head = format!(
                "POST {}?name=a{n} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-length: 1000000\r\n\r\n",
                of(&run),
                server.port
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&vec![b'x'; 100_000]).unwrap();
            stream
        })
        .collect();
    // They are being written.
    home.wait_until("version --json", |_| !files(&home).is_empty());
    drop(open);
    home.wait_until("version --json", |_| files(&home).is_empty());
    assert_eq!(names(&server, &run), Vec::<String>::new());
}

/// A signed address takes the bytes that it was made for, once.
#[test]
fn a_prepared_upload_takes_what_was_announced() {
    on_both(|home, at| {
        let server = Server::begin(home, &format!("dev {at}"));
        let run = submit(&server, WAITS);
        let prepare = |name: &str, text: &str| {
            let body = json!({"name": name, "size": text.len(), "checksum": Checksum::of(text.as_bytes()), "kind": "note", "meta": {"a": 1}});
            let answer = server.post(&format!("{}/presign", of(&run)), "", &body.to_string());
            assert_eq!(answer.status, 201, "{}", answer.body);
            answer.json()
        };
        let put = |prepared: &Value, text: &str| server.send("PUT", prepared["url"].as_str().unwrap(), "", text);
        let complete = |id: &Value, token: &Value| {
            let path = format!("{ARTIFACTS}/{}/complete", id.as_str().unwrap());
            server.post(&path, "", &json!({"token": token}).to_string())
        };
        let one = prepare("one.txt", "one");
        assert_eq!((&one["method"], &one["headers"]["content-length"]), (&json!("PUT"), &json!("3")));
        let (id, token) = (&one["artifact_id"], &one["token"]);
        let early = complete(id, token).problem();
        assert!(early.starts_with("409 conflict: the bytes of") && early.contains("have not come"), "{early}");
        for wrong in ["two", "on", "ones"] {
            assert!(put(&one, wrong).problem().starts_with("422 wrong-bytes: "), "{wrong}");
        }
        assert_eq!(names(&server, &run), Vec::<String>::new());
        let came = put(&one, "one");
        assert_eq!((came.status, &came.json()["checksum"]), (200, &json!(Checksum::of(b"one"))), "{}", came.body);
        assert!(put(&one, "one").problem().starts_with("409 conflict: the address was used already"));
        assert_eq!(names(&server, &run), Vec::<String>::new(), "it is not completed");
        let two = prepare("two.txt", "two");
        assert_eq!(complete(id, &two["token"]).status, 400, "the token of another upload");
        let kept = complete(id, token);
        assert_eq!(
            (kept.status, &kept.json()["id"], &kept.json()["name"], &kept.json()["meta"]),
            (201, id, &json!("one.txt"), &json!({"a": 1})),
            "{}",
            kept.body
        );
        assert_eq!(complete(id, token).body, kept.body, "asking again changes nothing");
        assert_eq!(put(&one, "one").status, 404, "what has a name is not written again");
        assert_eq!(content(&server, id.as_str().unwrap(), "").body, "one");
        // Whoever brings other bytes by another way is found out.
        assert_eq!(put(&two, "two").status, 200);
        let own = two["artifact_id"].as_str().unwrap().trim_start_matches("art_");
        let file = files(home).into_iter().find(|file| file.ends_with(own)).unwrap();
        fs::write(file, "owt").unwrap();
        let said = complete(&two["artifact_id"], &two["token"]).problem();
        assert!(
            said.starts_with("422 wrong-bytes: ")
                && said.contains(&Checksum::of(b"two"))
                && said.contains(&Checksum::of(b"owt")),
            "{said}"
        );
        assert_eq!(names(&server, &run), ["one.txt"]);
        let body =
            json!({"name": "late.txt", "size": 1, "checksum": Checksum::of(b"l"), "expires_in_ms": 0}).to_string();
        let late = server.post(&format!("{}/presign", of(&run)), "", &body).json();
        assert_eq!(put(&late, "l").status, 404);
        for wrong in ["AAAA", token.as_str().unwrap().get(1..).unwrap()] {
            assert_eq!(server.send("PUT", &format!("/api/v1/uploads/{wrong}"), "", "one").status, 404, "{wrong}");
        }
        let huge = json!({"name": "huge", "size": u64::MAX, "checksum": Checksum::of(b"")}).to_string();
        assert_eq!(server.post(&format!("{}/presign", of(&run)), "", &huge).status, 422);
    });
}

/// Attack 31.
#[test]
fn a_range_is_one_of_bytes_that_there_are() {
    let home = Home::new();
    let server = Server::begin(&home, "dev");
    let run = submit(&server, WAITS);
    let (id, empty) = (keep(&server, &run, "digits.txt", "0123456789"), keep(&server, &run, "empty", ""));
    let part = |id: &str, headers: &str| {
        let answer = content(&server, id, headers);
        (answer.status, answer.header("content-range").unwrap_or("").to_owned(), answer.body)
    };
    let range = |text: &str| part(&id, &format!("range: {text}\r\n"));
    for (text, said, bytes) in [
        ("bytes=0-3", "bytes 0-3/10", "0123"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=-2", "bytes 8-9/10", "89"),
        ("bytes=-20", "bytes 0-9/10", "0123456789"),
        ("bytes=9-999999999999999999999999", "bytes 9-9/10", "9"),
    ] {
        assert_eq!(range(text), (206, said.to_owned(), bytes.to_owned()), "{text}");
    }
    for wrong in [
        "bytes=10-",
        "bytes=5-2",
        "bytes=-0",
        "bytes=--1",
        "bytes=0-1,3-4",
        "bytes=0-6,4-9",
        "bytes=99999999999999999999-",
        "items=0-1",
        "x",
        "bytes=",
        "bytes=a-b",
    ] {
        let answer = content(&server, &id, &format!("range: {wrong}\r\n"));
        assert_eq!(
            (answer.status, answer.header("content-range")),
            (416, Some("bytes */10")),
            "{wrong}: {}",
            answer.body
        );
        assert_eq!(answer.json()["code"], "wrong-range");
    }
    assert_eq!(part(&empty, "range: bytes=0-0\r\n").0, 416);
    let whole = content(&server, &id, "");
    let tag = whole.header("etag").unwrap().to_owned();
    assert_eq!(tag, format!("\"{}\"", Checksum::of(b"0123456789")));
    assert_eq!(whole.header("repr-digest"), Some(digest("0123456789").as_str()));
    assert_eq!(part(&id, &format!("range: bytes=0-1\r\nif-range: {tag}\r\n")).0, 206);
    assert_eq!(part(&id, "range: bytes=0-1\r\nif-range: \"other\"\r\n"), (200, String::new(), "0123456789".into()));
    assert_eq!(part(&id, &format!("if-none-match: {tag}\r\n")), (304, String::new(), String::new()));
    let head = server.send("HEAD", &format!("{ARTIFACTS}/{id}/content"), "range: bytes=0-3\r\n", "");
    assert_eq!((head.status, head.header("content-length"), head.body.as_str()), (206, Some("4"), ""));
}

/// Attacks 28, 30 and 48: what is in an artifact is nobody's business here, and no browser carries it out.
#[test]
fn what_is_kept_is_data() {
    let home = Home::new();
    let server = Server::begin(&home, "dev");
    let run = submit(&server, WAITS);
    let script = "<script>alert(document.domain)</script>";
    for (name, kind) in
        [("page.html", "text/html"), ("image.svg", "image/svg+xml"), ("feed.xml", "application/xhtml+xml")]
    {
        let kept = send(&server, &run, &format!("name={name}"), &format!("content-type: {kind}\r\n"), script).json();
        for headers in ["", "range: bytes=0-9\r\n"] {
            let answer = content(&server, kept["id"].as_str().unwrap(), headers);
            for (header, value) in [
                ("content-type", kind),
                ("content-disposition", &*format!("attachment; filename=\"{name}\"; filename*=UTF-8''{name}")),
                ("x-content-type-options", "nosniff"),
                ("content-security-policy", "sandbox; default-src 'none'"),
                ("cache-control", "private"),
            ] {
                assert_eq!(answer.header(header), Some(value), "{name} {header}");
            }
        }
    }
    // An archive that would be 4 GiB, and one that leads out of its folder, are so many bytes.
    let bomb = "PK\u{3}\u{4}../../etc/passwd".repeat(1_000);
    let kept = send(&server, &run, "name=bomb.zip", "content-type: application/zip\r\n", &bomb).json();
    assert_eq!((&kept["size"], content(&server, kept["id"].as_str().unwrap(), "").body), (&json!(bomb.len()), bomb));
    // What a name says is shown, and escaped where that is needed.
    for name in ["%3Cscript%3Ealert(1)%3C%2Fscript%3E", "a%22%20b%27.txt", "%E2%82%AC%20%F0%9F%8E%AC.mp4"] {
        let id = keep(&server, &run, name, "x");
        let answer = content(&server, &id, "");
        let disposition = answer.header("content-disposition").unwrap();
        let (plain, encoded) = disposition.split_once("; filename*=UTF-8''").unwrap();
        assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"%._-".contains(&b)), "{disposition}");
        let plain = plain.strip_prefix("attachment; filename=\"").unwrap().strip_suffix('"').unwrap();
        assert!(plain.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)), "{disposition}");
    }
    let said = home.says("artifacts list last");
    assert!(
        said.starts_with("exit 0\n") && said.contains("<script>alert(1)</script>") && !said.contains('\u{1b}'),
        "{said}"
    );
    let rows = home.values("artifacts list last --json");
    assert!(rows.iter().any(|row| row["name"] == "<script>alert(1)</script>"), "{rows:?}");
    for wrong in ["text", "text/html%0d%0aset-cookie: a=b", "a/b/c"] {
        let body = json!({"name": "a", "url": "https://a.example/", "content_type": wrong.replace("%0d%0a", "\r\n")})
            .to_string();
        assert_eq!(server.post(&of(&run), "", &body).status, 422, "{wrong}");
    }
}

/// Attack 26: names that would lead somewhere, in every way in which one is said.
#[test]
fn names_lead_nowhere() {
    let home = Home::new();
    let server = Server::begin(&home, "dev");
    let run = submit(&server, WAITS);
    let long = "a".repeat(4_096);
    for name in [
        "../a",
        "a/../../b",
        "/etc/passwd",
        "..%2fetc",
        "%2e%2e/a",
        "a\\b",
        "C:\\a",
        "a\0b",
        "a\nb",
        "",
        ".",
        "..",
        "a//b",
        "CON",
        "nul.txt",
        "out/LPT1",
        "a\u{202e}4pm.exe",
        "\u{2025}/etc",
        "..\u{2215}etc",
        "\u{ff0e}\u{ff0e}/etc",
        &long,
    ] {
        let encoded: String = name.bytes().map(|b| format!("%{b:02x}")).collect();
        let raw = send(&server, &run, &format!("name={encoded}"), TEXT, "x");
        let by_url = server.post(&of(&run), "", &json!({"name": name, "url": "https://a.example/"}).to_string());
        let wish = json!({"name": name, "size": 1, "checksum": Checksum::of(b"x")}).to_string();
        let prepared = server.post(&format!("{}/presign", of(&run)), "", &wish);
        let (headers, body) = form(&[("name", name), ("file", "x")]);
        let by_form = server.send("POST", &of(&run), &headers, &body);
        for answer in [raw, by_url, prepared, by_form] {
            assert_eq!(answer.status, 422, "{name:?}: {}", answer.body);
            assert_eq!(
                (&answer.json()["code"], answer.json()["errors"][0]["pointer"].as_str().unwrap().get(1..)),
                (&json!("invalid-artifact"), Some("name"))
            );
        }
    }
    for url in
        ["file:///etc/passwd", "javascript:alert(1)", "https://a:b@c.example/", "ftp://a", "https://a/\r\nx", "a"]
    {
        let answer = server.post(&of(&run), "", &json!({"name": "a", "url": url}).to_string());
        assert_eq!(answer.status, 422, "{url}");
    }
    for (member, value) in [
        ("kind", json!("a b")),
        ("meta", json!([1])),
        ("meta", json!({"a": "x".repeat(20_000)})),
        ("checksum", json!("abc")),
    ] {
        let mut body = json!({"name": "a", "url": "https://a.example/"});
        body[member] = value;
        assert_eq!(server.post(&of(&run), "", &body.to_string()).status, 422, "{member}");
    }
    assert_eq!((names(&server, &run), files(&home)), (Vec::new(), Vec::new()));
}

/// A disk that forgets: nobody gets wrong bytes for right ones, and each damaged artifact is named.
#[test]
fn damaged_bytes_are_found_and_named() {
    let home = Home::new();
    let mut server = Server::begin(&home, "dev");
    let run = submit(&server, WAITS);
    let (small, large) = ("small".to_owned(), "0123456789abcdef".repeat(1 << 17));
    let ids: Vec<String> = [
        ("good", &small),
        ("flipped", &small),
        ("gone", &small),
        ("short", &large),
        ("long", &large),
        ("large", &large),
    ]
    .iter()
    .map(|(name, text)| keep(&server, &run, name, text))
    .collect();
    let file =
        |n: usize| files(&home).into_iter().find(|file| file.ends_with(ids[n].trim_start_matches("art_"))).unwrap();
    fs::write(file(1), "smell").unwrap();
    fs::remove_file(file(2)).unwrap();
    fs::write(file(3), &large[1..]).unwrap();
    fs::write(file(4), format!("{large}x")).unwrap();
    let mut bytes = large.clone().into_bytes();
    bytes[1_000_000] ^= 1;
    fs::write(file(5), bytes).unwrap();
    assert_eq!(content(&server, &ids[0], "").body, "small");
    for n in [1, 2] {
        let said = content(&server, &ids[n], "").problem();
        assert!(said.starts_with("500 corrupt-artifact: ") && said.contains(&ids[n]), "{said}");
    }
    for (n, id) in ids.iter().enumerate().skip(3) {
        // What has begun is cut: less came than was announced. A range of all bytes is all of them.
        for range in ["", "range: bytes=0-\r\n"] {
            if n == 4 && !range.is_empty() {
                // What was written is there, and something behind it.
                continue;
            }
            let answer = content(&server, id, range);
            let sent = answer.body.len();
            assert!(answer.status == 500 || sent < large.len(), "{n} {range}: {} {sent} bytes", answer.status);
            let talk = server.process.wait_for(id);
            assert!(talk.contains("cannot be read"), "{talk}");
        }
    }
    let found = server.post(&format!("{ARTIFACTS}/{}/verify", ids[5]), "", "").json();
    assert_eq!((&found["ok"], &found["size"]), (&json!(false), &json!(large.len())));
    for at in [String::new(), format!(" --server http://127.0.0.1:{}", server.port)] {
        let said = home.says(&format!("artifacts verify{at}"));
        assert!(said.starts_with("exit 1\n") && said.contains("1 right, 5 damaged"), "{said}");
        for name in ["flipped", "gone", "short", "long", "large"] {
            assert!(said.contains(&format!("  {name}  ")), "{name}: {said}");
        }
        assert!(!said.contains("  good  "), "{said}");
        let rows = home.values(&format!("artifacts verify --all --json{at}"));
        assert_eq!(rows.iter().filter(|row| row["ok"] == false).count(), 5);
        for name in ["flipped", "gone", "short", "long", "large"] {
            let said = home.says(&format!("artifacts get last/{name}{at}"));
            assert!(!said.starts_with("exit 0\n") && said.contains("art_"), "{name}: {said}");
            assert!(!home.project().join(name).exists(), "{name}");
        }
        assert!(home.says(&format!("artifacts get last/good --force{at}")).starts_with("exit 0\n"));
    }
    let left: Vec<_> = fs::read_dir(home.project()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["good"], "no draft is left");
}

#[test]
fn fifty_at_once_are_all_there() {
    on_both(|home, at| {
        let server = Server::begin(home, &format!("dev {at}"));
        let run = submit(&server, WAITS);
        let text = |n: usize| format!("{n} ").repeat(40_000);
        std::thread::scope(|scope| {
            for n in 0..50 {
                let (server, run) = (&server, &run);
                scope.spawn(move || keep(server, run, &format!("part-{n}"), &text(n)));
            }
        });
        let rows = server.get(&format!("{}?limit=200", of(&run))).json();
        let rows = rows["items"].as_array().unwrap();
        assert_eq!((rows.len(), files(home).len()), (50, 50));
        for row in rows {
            let n = row["name"].as_str().unwrap().trim_start_matches("part-").parse().unwrap();
            assert_eq!(row["checksum"], Checksum::of(text(n).as_bytes()), "{n}");
        }
    });
}

/// The same files and the same words, whether the history is a database or behind a server.
#[test]
fn files_come_and_go_from_the_command_line() {
    on_both(|home, at| {
        let server = Server::begin(home, &format!("dev {at}"));
        submit(&server, WAITS);
        for (at, place) in [(at.to_owned(), "here"), (format!("--server http://127.0.0.1:{}", server.port), "there")] {
            check_files(home, &at, place);
            check_links(home, &at, place);
            check_rest(home, &at);
            fs::remove_dir_all(home.project()).unwrap();
            fs::create_dir_all(home.project()).unwrap();
        }
    });
}

/// Files go there and come back, and none is written over by chance.
fn check_files(home: &Home, at: &str, place: &str) {
    let ork = |line: &str| home.says(format!("{line} {at}").trim_end());
    let project = home.project();
    home.file("clip.mp4", &format!("film {place}"));
    home.file("notes.txt", "notes");
    let said = ork("artifacts put last clip.mp4 notes.txt --kind video --task many/1");
    assert!(said.starts_with("exit 0\n--- stdout\nart_ID\nart_ID\n"), "{said}");
    assert!(
        ork("artifacts put last clip.mp4 --name out/deep/clip.mp4 --meta {\"a\":1} --content-type video/x")
            .starts_with("exit 0\n")
    );
    assert!(ork("artifacts put last --url https://a.example/far.mp4?x=1").starts_with("exit 0\n"));
    let rows = home.values(format!("artifacts list last --json --limit 4 {at}").trim_end());
    let shown: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {} {} {}", row["name"], row["kind"], row["content_type"], row["task_key"]))
        .collect();
    assert_eq!(
        shown,
        [
            r#""far.mp4" "file" "video/mp4" null"#,
            r#""out/deep/clip.mp4" "file" "video/x" null"#,
            r#""notes.txt" "video" "text/plain; charset=utf-8" "many""#,
            r#""clip.mp4" "video" "video/mp4" "many""#,
        ]
    );
    let said = ork("artifacts get last/notes.txt");
    assert!(said.starts_with("exit 2\n") && said.contains("is there already") && said.contains("--force"), "{said}");
    home.file("notes.txt", "changed");
    assert!(ork("artifacts get last/notes.txt --force").starts_with("exit 0\n"));
    assert_eq!(fs::read_to_string(project.join("notes.txt")).unwrap(), "notes");
    assert!(ork("artifacts get last/out/deep/clip.mp4 --dir films").starts_with("exit 0\n"));
    assert_eq!(fs::read_to_string(project.join("films/out/deep/clip.mp4")).unwrap(), format!("film {place}"));
}

/// What somebody put in the way leads nowhere.
fn check_links(home: &Home, at: &str, place: &str) {
    let (ork, project) = (|line: &str| home.says(format!("{line} {at}").trim_end()), home.project());
    fs::remove_dir_all(project.join("films")).unwrap();
    fs::create_dir_all(project.join("films")).unwrap();
    fs::create_dir_all(project.join("outside/deep")).unwrap();
    symlink("../outside", project.join("films/out")).unwrap();
    let said = ork("artifacts get last/out/deep/clip.mp4 --dir films --force");
    assert!(said.starts_with("exit 2\n") && !project.join("outside/deep/clip.mp4").exists(), "{said}");
    let rows = home.values(format!("artifacts list last --json --limit 2 {at}").trim_end());
    let id = rows[1]["id"].as_str().unwrap();
    assert!(ork(&format!("artifacts get {id} -o -")).contains(&format!("film {place}")));
    symlink("notes.txt", project.join("link.txt")).unwrap();
    assert!(ork(&format!("artifacts get {id} -o link.txt")).starts_with("exit 2\n"));
    // A link, a device, a pipe: whatever its user meant by --force, it was not that.
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, project.join("pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    for other in ["link.txt", "pipe", "films"] {
        let said = ork(&format!("artifacts get {id} -o {other} --force"));
        assert!(said.starts_with("exit 2\n") && said.contains("is no regular file"), "{said}");
    }
    assert_eq!(fs::read_to_string(project.join("notes.txt")).unwrap(), "notes", "a link is not followed");
    fs::set_permissions(project.join("notes.txt"), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(ork(&format!("artifacts get {id} -o notes.txt --force")).starts_with("exit 0\n"));
    assert_eq!(
        fs::metadata(project.join("notes.txt")).unwrap().permissions().mode() & 0o777,
        0o600,
        "it stays private"
    );
}

/// What is elsewhere, what is not there, and what comes through a pipe.
fn check_rest(home: &Home, at: &str) {
    let ork = |line: &str| home.says(format!("{line} {at}").trim_end());
    let said = ork("artifacts get last/far.mp4");
    assert!(said.starts_with("exit 2\n") && said.contains("https://a.example/far.mp4?x=1"), "{said}");
    assert!(ork("artifacts get last/nothing").starts_with("exit 7\n"));
    assert!(ork("artifacts put last nothing.txt").starts_with("exit 2\n"));
    assert!(ork("artifacts put last notes.txt --name ../x").starts_with("exit 2\n"));
    let said = ork("artifacts verify last");
    assert!(said.starts_with("exit 0\n") && said.contains("right, 0 damaged") && said.contains("elsewhere"), "{said}");
    let said = ork("runs show last");
    assert!(said.contains("  artifacts "), "{said}");
    // What comes through a pipe has no length.
    let mut command = home.program("/bin/sh");
    command.args(["-c", &format!("printf 'from a pipe' | {ORK} artifacts put last - --name piped.txt {at}")]);
    assert!(command.output().unwrap().status.success());
    assert!(ork("artifacts get last/piped.txt -o -").contains("from a pipe"));
}

/// Bytes that nobody completes are removed, and nothing else is.
#[test]
fn bytes_that_nobody_names_are_removed() {
    let home = Home::new();
    let server = Server::begin(&home, "dev");
    let run = submit(&server, WAITS);
    let kept = keep(&server, &run, "kept.txt", "kept");
    let body = json!({"name": "one.txt", "size": 3, "checksum": Checksum::of(b"one")}).to_string();
    let prepared = server.post(&format!("{}/presign", of(&run)), "", &body).json();
    assert_eq!(server.send("PUT", prepared["url"].as_str().unwrap(), "", "one").status, 200);
    assert_eq!(files(&home).len(), 2);
    // A day later.
    let database = rusqlite::Connection::open(home.dir.join(".local/share/ork/ork.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    assert_eq!(
        database.execute("UPDATE loose_blobs SET kept_until = 0", []).unwrap(),
        1,
        "what has a name is not loose"
    );
    // What the janitor does by and by is done at once.
    assert!(home.says("db prune").starts_with("exit 0\n"));
    assert_eq!(files(&home).len(), 1);
    assert_eq!(content(&server, &kept, "").body, "kept");
    let path = format!("{ARTIFACTS}/{}/complete", prepared["artifact_id"].as_str().unwrap());
    let late = server.post(&path, "", &json!({"token": prepared["token"]}).to_string());
    assert_eq!(late.status, 409, "{}", late.body);
}

/// What more can be asked about a run of one of two people than the matrix of routes has.
const MORE: &[(&str, &str, &[&str])] = &[
    ("HEAD /api/v1/artifacts/{id}/content", "", &["user"]),
    ("POST /api/v1/runs/{id}/artifacts?name=mine", "{}", &["user"]),
    ("GET /api/v1/events/stream?topics=run:{id}", "", &["user"]),
];

/// Every route about one run, one of its tasks or one of its artifacts.
fn routes_of_runs() -> impl Iterator<Item = &'static (&'static str, &'static str, &'static [&'static str])> {
    let is_of_run =
        |route: &str| ["/runs/{id}", "/tasks/{id}", "/artifacts/{id}"].iter().any(|part| route.contains(part));
    MATRIX.iter().filter(move |(route, ..)| is_of_run(route)).chain(MORE)
}

/// Lists, which have what is one's own.
const LISTS: &[&str] = &[
    "GET /api/v1/runs",
    "GET /api/v1/runs/unacknowledged",
    "GET /api/v1/artifacts",
    "GET /api/v1/artifacts?kind=file",
    "GET /api/v1/artifacts?name=secret.txt",
    "GET /api/v1/artifacts?run=RUN",
    "GET /api/v1/artifacts?task=TASK",
    "GET /api/v1/gates?status=all",
];

/// What one of two people has.
struct Person {
    token: String,
    run: String,
    task: String,
    artifact: String,
    late: Value,
}

impl Person {
    fn new(server: &Server, name: &str, token: String) -> Self {
        let ask = |route: &str, kind: &str, body: &str| ask(server, &token, route, kind, body).json();
        let text = |value: &Value| value["id"].as_str().unwrap().to_owned();
        let run = text(&ask("POST /api/v1/runs", "application/json", &json!({"source": WAITS}).to_string()));
        let task = text(&ask(&format!("GET /api/v1/runs/{run}/tasks?key=a"), "", "")["items"][0]);
        let route = format!("POST /api/v1/runs/{run}/artifacts?name=secret.txt&task=a");
        let artifact = text(&ask(&route, "text/plain", &format!("the secret of {name}")));
        let wish = json!({"name": "late", "size": 0, "checksum": Checksum::of(b"")}).to_string();
        let late = ask(&format!("POST /api/v1/runs/{run}/artifacts/presign"), "application/json", &wish);
        assert_eq!(server.send("PUT", late["url"].as_str().unwrap(), "", "").status, 200);
        Self { token, run, task, artifact, late }
    }

    /// A route about what is theirs.
    fn route(&self, route: &str) -> String {
        let id = match route {
            _ if route.contains("/tasks/{id}") => &self.task,
            _ if route.ends_with("/artifacts/{id}/complete") => self.late["artifact_id"].as_str().unwrap(),
            _ if route.contains("/artifacts/{id}") => &self.artifact,
            _ => &self.run,
        };
        route.replace("{id}", id).replace("RUN", &self.run).replace("TASK", &self.task)
    }

    /// Asks about what is somebody's.
    fn ask(&self, server: &Server, of: &Self, (route, body): (&str, &str)) -> Answer {
        let kind = if body.is_empty() { "" } else { "application/json" };
        let body = body.replace("UPLOAD", of.late["token"].as_str().unwrap());
        ask(server, &self.token, &of.route(route), kind, &body)
    }

    fn is_named_in(&self, text: &str) -> bool {
        [&self.run, &self.task, &self.artifact].iter().any(|own| text.contains(own.as_str()))
    }
}

fn ask(server: &Server, token: &str, route: &str, kind: &str, body: &str) -> Answer {
    let (method, path) = route.split_once(' ').unwrap();
    let kind = if kind.is_empty() { String::new() } else { format!("content-type: {kind}\r\n") };
    server.send(method, path, &format!("{kind}authorization: Bearer {token}\r\n"), body)
}

/// Two users of a workspace that isolates owners see their own runs, events and artifacts on every route, and nothing of the other.
#[test]
fn two_users_see_only_their_own() {
    on_both(|home, at| {
        let [ada, bob, eve] = [("ada", "user"), ("bob", "user"), ("eve", "operator")]
            .map(|(name, role)| make(home, at, &format!("{name} --role {role}")));
        let said = home.says(format!("workspaces set default --isolate-owners true {at}").trim_end());
        assert!(said.starts_with("exit 0\n"), "{said}");
        let server = Server::start(home, at);
        let (ada, bob) = (Person::new(&server, "ada", ada), Person::new(&server, "bob", bob));
        for (one, other) in [(&ada, &bob), (&bob, &ada)] {
            for (route, body, roles) in routes_of_runs() {
                let answer = one.ask(&server, other, (route, body));
                // What no user may do is refused before anything is looked at.
                let expected = if roles.contains(&"user") { 404 } else { 403 };
                assert_eq!(answer.status, expected, "{route}: {}\n{}", answer.head, answer.body);
                assert!(!answer.body.contains("the secret of"), "{route}");
            }
            check_lists(&server, one, other);
        }
        // What is not there for the other is there for its owner, and for whoever looks after all.
        for person in [&ada, &bob] {
            let theirs = routes_of_runs().filter(|(.., roles)| roles.contains(&"user"));
            for (route, body, _) in theirs {
                let answer = person.ask(&server, person, (route, body));
                assert!(answer.status < 300, "{route}: {} {}", answer.status, answer.body);
            }
            assert!(content_of(&server, &eve, &person.artifact).starts_with("the secret of"));
        }
    });
}

/// Lists have what is one's own, whatever they are asked for.
fn check_lists(server: &Server, one: &Person, other: &Person) {
    for list in LISTS {
        let answer = one.ask(server, other, (list, ""));
        assert!(matches!(answer.status, 200 | 404), "{list}: {}", answer.body);
        assert!(!other.is_named_in(&answer.body), "{list}: {}", answer.body);
        let own = one.ask(server, one, (list, ""));
        let is_shown = list.contains("unacknowledged") || list.contains("gates") || one.is_named_in(&own.body);
        assert!(own.status == 200 && is_shown, "{list}: {}", own.body);
    }
    let behind = format!("GET {ARTIFACTS}?cursor={}&limit=200", other.artifact);
    let next = ask(server, &one.token, &behind, "", "");
    assert!(!other.is_named_in(&next.body), "a cursor of another's is only a place: {}", next.body);
}

fn content_of(server: &Server, token: &str, id: &str) -> String {
    ask(server, token, &format!("GET {ARTIFACTS}/{id}/content"), "", "").body
}

//! Logs from the command line and over HTTP: any line and any byte of a long one, before and after it is packed, from the database and
//! from the artifact store; and nothing in one is taken for anything but text.

use std::fs;

use serde_json::Value;

use crate::home::Home;
use crate::http::{Answer, Server};
use crate::server::{on_both, submit, wait};

/// Writes so many lines of 40 bytes.
fn seq(lines: u32) -> String {
    format!("tasks:\n  talk: {{command: [seq, -f, 'line %07.0f of a task that talks much', '{lines}']}}\n")
}

fn line(n: u32) -> String {
    format!("line {n:07} of a task that talks much")
}

fn text(lines: u32) -> String {
    (1..=lines).map(|n| line(n) + "\n").collect()
}

struct Log<'a> {
    server: &'a Server,
    run: String,
    task: String,
}

impl<'a> Log<'a> {
    fn of(home: &Home, at: &str, server: &'a Server, workflow: &str) -> Self {
        let run = submit(server, workflow);
        wait(home, at, &run);
        let tasks = server.get(&format!("/api/v1/runs/{run}/tasks")).json();
        let task = tasks["items"][0]["id"].as_str().unwrap().to_owned();
        Self { server, run, task }
    }

    fn text(&self, query: &str) -> Answer {
        self.server.get(&format!("/api/v1/tasks/{}/logs{query}", self.task))
    }

    fn range(&self, range: &str) -> Answer {
        let path = format!("/api/v1/tasks/{}/logs", self.task);
        self.server.send("GET", &path, &format!("range: {range}\r\n"), "")
    }

    fn lines(&self, query: &str) -> Value {
        self.server.get(&format!("/api/v1/tasks/{}/logs/lines{query}", self.task)).json()
    }

    fn numbers(&self, query: &str) -> Vec<u64> {
        self.lines(query)["lines"].as_array().unwrap().iter().map(|line| line["line"].as_u64().unwrap()).collect()
    }
}

/// What must be the same at every moment.
fn check(log: &Log<'_>, lines: u32) {
    let whole = text(lines);
    let answer = log.text("");
    assert!(answer.body == whole && answer.header("content-length") == Some(whole.len().to_string().as_str()));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let of_run = log.server.get(&format!("/api/v1/runs/{}/logs?task=talk&tail=2", log.run));
    assert_eq!(of_run.body, format!("{}\n{}\n", line(lines - 1), line(lines)));
    assert_eq!(log.text("?after_line=5&limit=2").body, format!("{}\n{}\n", line(6), line(7)));
    assert_eq!(log.text(&format!("?grep={:07}", lines - 3)).body, line(lines - 3) + "\n");
    let middle = lines / 2;
    for (query, expected) in [
        ("?tail=3".to_owned(), vec![lines - 2, lines - 1, lines]),
        ("?after_line=0&limit=2".to_owned(), vec![1, 2]),
        (format!("?after_line={middle}&limit=2"), vec![middle + 1, middle + 2]),
        (format!("?after_line={lines}"), vec![]),
        (format!("?grep={middle:07}"), vec![middle]),
        ("?grep=LINE%200*77%20&regex=true&ignore_case=true".to_owned(), vec![77]),
        ("?grep=nowhere".to_owned(), vec![]),
    ] {
        assert_eq!(log.numbers(&query), expected.into_iter().map(u64::from).collect::<Vec<_>>(), "{query}");
    }
    let found = log.lines("?tail=1");
    let (own, offset) = (&found["lines"][0], whole.len() - line(1).len() - 1);
    assert_eq!((&own["text"], &own["offset"], &own["stream"]), (&line(lines).into(), &offset.into(), &"stdout".into()));
    assert_eq!((&found["after_line"], &found["more"], &own["complete"]), (&lines.into(), &false.into(), &true.into()));
    // A search goes on where it stopped.
    let (mut after, mut numbers) = (0, Vec::new());
    loop {
        let page = log.lines(&format!("?grep=00%20of&limit=7&after_line={after}"));
        numbers.extend(page["lines"].as_array().unwrap().iter().map(|line| line["line"].as_u64().unwrap()));
        after = page["after_line"].as_u64().unwrap();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(numbers, (1..=u64::from(lines)).filter(|n| n % 100 == 0).collect::<Vec<_>>());
    let range = log.range("bytes=5-44");
    assert_eq!((range.status, range.body.as_str()), (206, &whole[5..45]));
    assert_eq!(range.header("content-range"), Some(format!("bytes 5-44/{}", whole.len()).as_str()));
    assert_eq!(log.range("bytes=-40").body, whole[whole.len() - 40..]);
    let wrong = log.range(&format!("bytes={}-", whole.len()));
    assert_eq!((wrong.status, wrong.header("content-range")), (416, Some(format!("bytes */{}", whole.len()).as_str())));
    assert_eq!(log.range("bytes=1-2,4-5").status, 416);
}

/// How many parts of logs are in the artifact store, wherever that is in this home.
fn kept(home: &Home) -> usize {
    let (mut count, mut folders) = (0, vec![home.dir.join(".local/share/ork")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let is_part = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log-"));
            if path.is_dir() {
                folders.push(path);
            } else if is_part {
                count += 1;
            }
        }
    }
    count
}

#[test]
fn a_log_says_the_same_before_and_after_it_is_packed() {
    on_both(|home, at| {
        let server = Server::begin(home, &format!("dev {at}"));
        // 6 MB: its parts go to the artifact store.
        let lines = 150_000;
        let log = Log::of(home, at, &server, &seq(lines));
        check(&log, lines);
        let is_packed = (0..6_000).any(|_| {
            std::thread::park_timeout(std::time::Duration::from_millis(10));
            kept(home) >= 6
        });
        assert!(is_packed, "{} parts", kept(home));
        check(&log, lines);
        // What is small stays, and reads the same.
        let small = Log::of(home, at, &server, &seq(300));
        assert_eq!(small.text("").body, text(300));
        assert_eq!(small.numbers("?tail=2"), [299, 300]);
        // From another process, which reads the database and the artifact store.
        let said = home.says(format!("runs logs {}/talk --tail 2 {at}", log.run).trim_end());
        assert_eq!(said, format!("exit 0\n--- stdout\n{}\n{}\n", line(lines - 1), line(lines)));
        let said = home.says(format!("runs logs {}/talk --grep 0149998 -n {at}", log.run).trim_end());
        assert_eq!(said, format!("exit 0\n--- stdout\n 149998  {}\n", line(149_998)));
        let run = log.run.clone();
        drop(server);
        let said = home.output(&format!("runs logs {run}/talk --raw {at}").split_whitespace().collect::<Vec<_>>());
        assert!(String::from_utf8(said.stdout).unwrap() == text(lines));
    });
}

#[test]
fn wishes_that_make_no_sense_are_refused() {
    let home = Home::new();
    let server = Server::begin(&home, "dev");
    let log = Log::of(&home, "", &server, &seq(3));
    for (query, words) in [
        ("?tail=1&after_line=1", "send one of both"),
        ("?tail=1&grep=x", "`tail` is wrong"),
        ("?tail=0", "1 to 1000 lines"),
        ("?limit=1001", "1 to 1000 lines"),
        ("?grep=", "nothing is looked for"),
        ("?grep=(&regex=true", "unclosed group"),
        ("?grep=(x%7B1000%7D)%7B1000%7D&regex=true", "size limit"),
        ("?regex=true", "`regex` is wrong"),
        ("?after_line=-1", "cannot be read"),
        ("?grepp=x", "did you mean `grep`?"),
        ("?attempt=2", "no attempt 2"),
        ("?attempt=0", "no attempt 0"),
        ("?grep=[a-z]%7B0,9000%7D[0-9]&regex=true", "size limit"),
    ] {
        let answer = server.get(&format!("/api/v1/tasks/{}/logs/lines{query}", log.task));
        assert!((400..500).contains(&answer.status) && answer.body.contains(words), "{query}: {}", answer.body);
    }
    assert_eq!(log.numbers("?after_line=18446744073709551615"), [0; 0]);
    let far = format!("/api/v1/tasks/{}/logs/chunks?from=18446744073709551615", log.task);
    assert_eq!(server.get(&far).json()["chunks"], Value::Array(vec![]));
    assert_eq!(server.get(&format!("/api/v1/runs/{}/logs?task=talk&tail=1&grep=x", log.run)).status, 400);
    // An expression that other engines never come to an end with.
    let slow = log.lines("?grep=(a%2B)%2B%24&regex=true");
    assert_eq!(slow["more"], false);
}

/// Attack 44: what a task writes is text, whoever shows it.
#[test]
fn a_log_is_only_text() {
    let home = Home::new();
    let script = "printf '\\033[31mred\\033[0m \\033]8;;javascript:alert(1)\\033\\\\x\\033[2J\\rover\\n'; \
                  printf '[ork: log truncated]\\n<script>alert(1)</script>\\342\\200\\256txt.exe\\r\\n'; \
                  printf '\\033]52;c;Zm9v\\a'; exit 1";
    home.file("flow.yaml", &format!("tasks:\n  talk:\n    run: |\n      {script}\n  more: {{run: echo fine}}\n"));
    let shown = "red \\x1b]8;;javascript:alert(1)\\x1b\\x\\x1b[2J\\rover\n\\[ork: log truncated]\n\
                 <script>alert(1)</script>\\u{202e}txt.exe\n\\x1b]52;c;Zm9v\\x07\n";
    let said = home.says("run flow.yaml");
    assert!(said.starts_with("exit 1\n") && !said.contains('\x1b') && !said.contains('\u{202e}'), "{said}");
    assert_eq!(home.says("runs logs last/talk"), format!("exit 0\n--- stdout\n{shown}"));
    let named: String = shown.lines().map(|line| format!("talk | {line}\n")).collect();
    assert_eq!(home.says("runs logs last"), format!("exit 0\n--- stdout\n{named}more | fine\n"));
    let raw = home.output(&["runs", "logs", "last/talk", "--raw"]).stdout;
    assert!(raw.starts_with(b"\x1b[31mred\x1b[0m \x1b]8;;") && raw.ends_with(b"\x07"), "{raw:?}");
    let lines = home.values("runs logs last/talk --json");
    assert_eq!(lines[2]["text"], "<script>alert(1)</script>\u{202e}txt.exe");
    assert_eq!(lines.iter().map(|line| &line["stream"]).collect::<Vec<_>>(), ["stdout"; 4]);
    let server = Server::begin(&home, "dev");
    let tasks = server.get(&format!("/api/v1/runs/{}/tasks?key=talk", home.last())).json();
    let answer = server.get(&format!("/api/v1/tasks/{}/logs", tasks["items"][0]["id"].as_str().unwrap()));
    // A browser that is led here runs nothing.
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

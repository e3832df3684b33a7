//! The event stream over real sockets: kills, cuts, slow readers.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use ork_client::stream::{Event, Parser};
use ork_core::clock::SeededEntropy;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::home::Home;
use crate::http::{Server, is_up};
use crate::postgres::with_database;

const RUNS: &str = "/api/v1/runs";
const STREAM: &str = "/api/v1/events/stream";
/// Nothing that is waited for takes longer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// An open stream. The request is HTTP/1.0, so the body comes as it is.
struct Stream {
    socket: TcpStream,
    parser: Parser,
}

impl Stream {
    /// Asks for it; `None` when nobody answers. A refusal is a failure of the test.
    fn try_open(port: u16, query: &str, cursor: &str) -> Option<Self> {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).ok()?;
        socket.set_read_timeout(Some(READ_TIMEOUT)).unwrap();
        let request =
            format!("GET {STREAM}?{query} HTTP/1.0\r\nhost: localhost:{port}\r\nlast-event-id: {cursor}\r\n\r\n");
        socket.write_all(request.as_bytes()).ok()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if socket.read(&mut byte).ok()? == 0 {
                return None;
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.0 200") && head.contains("content-type: text/event-stream\r\n"), "{head}");
        Some(Self { socket, parser: Parser::after(cursor) })
    }

    fn open(server: &Server, query: &str, cursor: &str) -> Self {
        Self::try_open(server.port, query, cursor).unwrap()
    }

    /// The events that come next; `None` at the end, however it came.
    fn read(&mut self) -> Option<Vec<Event>> {
        let mut bytes = [0; 8192];
        let count = match self.socket.read(&mut bytes) {
            Ok(count) => count,
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {
                panic!("nothing came for {READ_TIMEOUT:?}")
            }
            Err(_) => 0,
        };
        (count > 0).then(|| self.parser.push(&bytes[..count]).unwrap())
    }

    /// The next event.
    fn next(&mut self) -> Event {
        let mut events = loop {
            let events = self.read().expect("the stream goes on");
            if !events.is_empty() {
                break events;
            }
        };
        assert_eq!(events.len(), 1, "one at a time: {events:?}");
        events.remove(0)
    }
}

fn submit(server: &Server, workflow: &str) -> String {
    let answer = server.post(RUNS, "", &json!({"source": workflow}).to_string());
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Reads a stream to the end of a run, over whatever breaks, and cuts it itself now and then. Counts on `read` what comes.
fn follow(ports: &[u16], query: &str, mut dice: SeededEntropy, read: &Sender<usize>) -> BTreeMap<String, Vec<u64>> {
    let mut seen: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let (mut cursor, mut at) = ("start".to_owned(), 0);
    loop {
        at = (at + usize::try_from(dice.below(2)).unwrap()) % ports.len();
        is_up(ports[at]);
        let Some(mut stream) = Stream::try_open(ports[at], query, &cursor) else {
            // It died meanwhile: another one, if there is one.
            at = (at + 1) % ports.len();
            continue;
        };
        let mut left = 50 + dice.below(800);
        while let Some(events) = stream.read().filter(|_| left > 0) {
            read.send(events.len()).ok();
            for event in events {
                assert_ne!(event.kind, "reset", "{event:?}");
                let data: Value = serde_json::from_str(&event.data).unwrap();
                let run = data["run_id"].as_str().unwrap().to_owned();
                seen.entry(run).or_default().push(data["seq"].as_u64().unwrap());
                cursor = event.id;
                left = left.saturating_sub(1);
                if event.kind == "run.success" {
                    return seen;
                }
            }
        }
    }
}

const CLIENTS: u64 = 50;
const TASKS: usize = 2_000;

/// 50 clients follow a run of 2,000 tasks. A server is killed twice, and started again on its port; clients are cut and go to
/// whichever server answers (G6).
fn check_kills(home: &Home, at: &str, servers: usize) {
    let mut servers: Vec<Server> = (0..servers).map(|_| Server::start(home, at)).collect();
    let ports: Vec<u16> = servers.iter().map(|server| server.port).collect();
    let run = submit(&servers[0], &format!("tasks:\n  a: {{count: {TASKS}, run: 'true'}}\n"));
    let last = std::thread::scope(|scope| {
        let (sender, read) = channel();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| {
                let query = if n % 2 == 0 { format!("topics=run:{run}") } else { format!("topics=runs,run:{run}") };
                let (ports, sender) = (ports.clone(), sender.clone());
                scope.spawn(move || follow(&ports, &query, SeededEntropy::new(n), &sender))
            })
            .collect();
        drop(sender);
        let mut total = 0;
        for kill in 1..=2 {
            while total < kill * TASKS * 10 {
                total += read.recv().expect("it goes on");
            }
            let killed = servers.remove(0);
            let port = killed.port;
            killed.process.kill();
            servers.push(Server::begin_at(home, port, &format!("serve {at}")));
        }
        let seen: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        let last = seen[0][&run].len() as u64;
        for seen in &seen {
            assert_eq!(seen.keys().collect::<Vec<_>>(), [&run]);
            let numbers = &seen[&run];
            assert!(numbers.iter().copied().eq(1..=last), "a gap, a repeat or a wrong order: {numbers:?}");
        }
        last
    });
    let shown = servers[0].get(&format!("{RUNS}/{run}")).json();
    assert_eq!((shown["seq"].as_u64(), &shown["status"]), (Some(last), &"success".into()));
}

#[test]
fn streams_survive_kills_without_a_gap_or_a_repeat() {
    check_kills(&Home::new(), "", 1);
}

#[test]
fn streams_go_on_at_another_server() {
    with_database(|url| {
        let (home, at) = (Home::new(), format!("--database {url}"));
        assert!(home.says(&format!("db migrate {at}")).starts_with("exit 0\n"));
        check_kills(&home, &at, 2);
    });
}

/// A snapshot's cursor leads to all that came after it, and to nothing else when nothing else was under way.
#[test]
fn a_stream_goes_on_after_a_snapshot() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let run = submit(&server, "tasks:\n  a: {operation: nobody}\n");
    let paths = ["".into(), format!("/{run}"), format!("/{run}/tasks"), format!("/{run}/graph")];
    for (path, what) in paths.iter().zip(["pause", "resume", "pause", "resume"]) {
        let as_of = server.get(&format!("{RUNS}{path}")).json()["as_of"].as_str().unwrap().to_owned();
        server.post(&format!("{RUNS}/{run}/{what}"), "", "");
        let event = Stream::open(&server, &format!("topics=run:{run}&after={as_of}"), "").next();
        assert_eq!(event.kind, format!("run.{what}d"));
        let data: Value = serde_json::from_str(&event.data).unwrap();
        let listed = server.get(&format!("{RUNS}/{run}/events?limit=1&after={}", data["seq"].as_u64().unwrap() - 1));
        assert_eq!(listed.json()["items"][0], data, "it is the event that the list has");
    }
}

#[test]
fn streams_end_when_the_server_drains() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let mut stream = Stream::open(&server, "topics=runs", "");
    assert_eq!(stream.read(), Some(vec![]), "it begins");
    server.process.signal(Signal::TERM);
    while stream.read().is_some() {}
    assert!(server.process.end(&home).starts_with("exit 0\n"));
}

#[test]
fn what_is_no_stream_is_refused() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let run = submit(&server, "tasks:\n  a: {operation: nobody}\n");
    let ask = |query: &str, headers: &str| server.send("GET", &format!("{STREAM}{query}"), headers, "").problem();
    let good = format!("?topics=run:{run}");
    let none = "run_00000000-0000-0000-0000-000000000000";
    let refused = [
        ask(&good, "origin: https://evil.example\r\n"),
        ask(&good, "origin: null\r\n"),
        ask("", ""),
        ask("?topics=", ""),
        ask("?topics=rums", ""),
        ask("?topics=nothing", ""),
        ask("?topics=run:x", ""),
        ask(&format!("?topics=run:{none}"), ""),
        ask(&format!("?topics={}runs", "runs,".repeat(20)), ""),
        ask("?topics=runs&aftr=1", ""),
        ask("?topics=runs&after=1", ""),
        ask("?topics=runs&after=", ""),
        ask("?topics=runs&after=start", "last-event-id: 1-2-3\r\n"),
    ];
    insta::assert_snapshot!(home.masked(&refused.join("\n")), @r"
    403 foreign-origin: pages of other sites may not use this server
    403 foreign-origin: pages of other sites may not use this server
    400 invalid-request: the query cannot be read: missing field `topics`
    400 invalid-request: `topics` is wrong: `` is no topic: there are `runs`, `gates` and `run:ID`
        ?topics null:null `` is no topic: there are `runs`, `gates` and `run:ID`
    400 invalid-request: `topics` is wrong: `rums` is no topic: there are `runs`, `gates` and `run:ID`
        ?topics null:null `rums` is no topic: there are `runs`, `gates` and `run:ID` (did you mean `runs`?)
    400 invalid-request: `topics` is wrong: `nothing` is no topic: there are `runs`, `gates` and `run:ID`
        ?topics null:null `nothing` is no topic: there are `runs`, `gates` and `run:ID`
    400 invalid-request: `topics` is wrong: `x` is not a run id: it looks like `run_0191e0c8-…`
        ?topics null:null `x` is not a run id: it looks like `run_0191e0c8-…`
    404 not-found: no run `run_ID`
    400 invalid-request: `topics` is wrong: a stream has at most 20 topics
        ?topics null:null a stream has at most 20 topics
    400 invalid-request: the query cannot be read: aftr: unknown field `aftr`, expected `topics` or `after` (did you mean `after`?)
    400 invalid-request: `after` is wrong: it is no cursor of ours
        ?after null:null it is no cursor of ours
    400 invalid-request: `after` is wrong: it is no cursor of ours
        ?after null:null it is no cursor of ours
    400 invalid-request: `Last-Event-ID`: it is no cursor of ours
    ");
}

/// What a process holds in memory, in KiB.
fn memory_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Attack 80: clients that read nothing cost nothing, and are cut; others do not notice.
#[test]
fn clients_that_read_nothing_are_cut() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let run = submit(&server, "tasks:\n  a: {count: 60000, operation: nobody}\n");
    server.post(&format!("{RUNS}/{run}/cancel"), "", "");
    let query = format!("topics=run:{run}");
    // One that reads, so that what reading costs has been paid.
    let read_all = || {
        let mut stream = Stream::open(&server, &query, "start");
        let mut count = 0;
        while let Some(events) = stream.read() {
            count += events.len();
            if events.iter().any(|event| event.kind == "run.cancelled") {
                return count;
            }
        }
        panic!("it ended after {count} events");
    };
    assert_eq!(read_all(), 60_003);
    let before = memory_kib(server.process.id());
    let asked =
        format!("GET {STREAM}?{query} HTTP/1.0\r\nhost: localhost:{}\r\nlast-event-id: start\r\n\r\n", server.port);
    let lazy: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut socket = server.connect();
            socket.write_all(asked.as_bytes()).unwrap();
            socket
        })
        .collect();
    assert_eq!(read_all(), 60_003, "the others do not notice");
    for socket in &lazy {
        // Nothing is asked for; an end of the connection is told all the same.
        let mut ends = [PollFd::new(socket, PollFlags::empty())];
        poll(&mut ends, Some(&Timespec { tv_sec: 60, tv_nsec: 0 })).unwrap();
        assert!(ends[0].revents().intersects(PollFlags::ERR | PollFlags::HUP));
    }
    let grown = memory_kib(server.process.id()).saturating_sub(before);
    // Eight queues of 60,000 events would be 200 MB.
    assert!(grown < 16 << 10, "the server has grown by {grown} KiB");
}

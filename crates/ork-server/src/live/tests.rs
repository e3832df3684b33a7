//! Streams over a real store, in virtual time.

use std::sync::atomic::AtomicBool;

use ork_core::clock::{Clock, Entropy, SeededEntropy, Timestamp};
use ork_core::event::Actor;
use ork_core::graph::{NewRun, Pin, TriggeredBy};
use ork_core::id::{RunId, WorkspaceId};
use ork_core::json::Json;
use ork_core::plan::{Action, Fan, Node, Plan};
use ork_core::state::Reason;
use ork_sqlite::SqliteStore;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::*;
use crate::caller::Caller;
use crate::door::{Anybody, Door};
use crate::refused::{Answer, Code};
use crate::secret::TokenKey;
use crate::server::Server;

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        NOW
    }
}

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

struct World {
    server: Arc<Server>,
    seed: u64,
}

impl World {
    /// A server whose events are followed.
    fn new(options: LiveOptions) -> Self {
        let server = Arc::new(Server {
            vault: Arc::new(ork_vault::Vault::new(&[])),
            door: Door::new(TokenKey::new(&ork_vault::MasterKey::new([0; 32]), &[]), Anybody::Comes),
            store: Arc::new(SqliteStore::in_memory().unwrap()),
            clock: Arc::new(Stopped),
            entropy: Mutex::new(Box::new(SeededEntropy::new(1)) as Box<dyn Entropy>),
            lives: Arc::new(|_, _| true),
            flags: String::new(),
            version: "0",
            draining: AtomicBool::new(false),
            skew_ms: Box::new(|| None),
            metrics: crate::Metrics::new("test"),
            live: Live::new(options),
            blobs: None,
            alarm: Box::new(|_| {}),
            log: Box::new(|_| {}),
        });
        let own = Arc::clone(&server);
        tokio::spawn(async move { own.live.follow(own.store.as_ref()).await });
        Self { server, seed: 0 }
    }

    /// A run of so many tasks that nobody serves.
    async fn submit(&mut self, tasks: u32) -> RunId {
        self.seed += 1;
        let node = Node { fan: Fan::Count(tasks), ..Node::new("a", Action::operation("nobody", Value::Null)) };
        let new = NewRun {
            id: RunId::new(NOW, &mut SeededEntropy::new(self.seed)),
            workspace: WorkspaceId::DEFAULT,
            external_id: None,
            owner: None,
            plan: Plan { name: "test".into(), nodes: vec![node], ..Plan::default() },
            plan_source: None,
            revision: None,
            input: Json::from_stored("{}"),
            priority: None,
            pin: Pin::Anywhere,
            project: None,
            triggered_by: TriggeredBy::Api,
            retry_of: None,
            reuse: Vec::new(),
            webhook: None,
            actor: ada(),
            now: NOW,
        };
        self.server.store.submit(&new).await.unwrap();
        new.id
    }

    /// Two events.
    async fn pause_and_resume(&self, run: RunId) {
        self.server.store.pause_run(Scope::All, run, &ada(), NOW).await.unwrap();
        self.server.store.resume_run(Scope::All, run, &ada(), NOW).await.unwrap();
    }

    async fn open(&self, topics: &str, cursor: Option<FeedPosition>) -> Answer<Tail> {
        Tail::open(&self.server, caller(&self.server), Topics::parse(topics)?, cursor).await
    }

    /// A stream that has said what it says first.
    async fn stream(&self, topics: &str, cursor: Option<FeedPosition>) -> Tail {
        let mut tail = self.open(topics, cursor).await.ok().unwrap();
        let first = tail.next().await.unwrap();
        assert!(first.starts_with("retry: 1000\nid: ") && first.ends_with("\n\n"), "{first}");
        tail
    }
}

fn ada() -> Actor {
    Actor::user("ada")
}

fn caller(server: &Arc<Server>) -> Caller {
    Caller::anybody(&server.store)
}

/// The events of a text: id, type, number in the run.
fn events(text: &str) -> Vec<(FeedPosition, String, u64)> {
    let blocks = text.split_terminator("\n\n").filter(|block| block.contains("\ndata: "));
    let event = |block: &str| {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        let data: Value = serde_json::from_str(&field("data: ")).unwrap();
        assert_eq!(data["type"], field("event: "));
        (field("id: ").parse().unwrap(), field("event: "), data["seq"].as_u64().unwrap())
    };
    blocks.map(event).collect()
}

/// Reads so many events.
async fn read(tail: &mut Tail, count: usize) -> Vec<(FeedPosition, String, u64)> {
    let mut found = Vec::new();
    while found.len() < count {
        found.extend(events(&tail.next().await.unwrap()));
    }
    assert_eq!(found.len(), count, "{:?}", found.last());
    found
}

fn numbers(events: &[(FeedPosition, String, u64)]) -> Vec<u64> {
    events.iter().map(|(.., seq)| *seq).collect()
}

#[tokio::test(start_paused = true)]
async fn events_come_to_whom_they_concern() {
    let mut world = World::new(LiveOptions::default());
    let before = world.submit(1).await;
    let mut of_runs = world.stream("runs", None).await;
    let run = world.submit(3).await;
    let mut of_run = world.stream(&format!("run:{run}"), Some(FeedPosition::START)).await;
    world.server.store.cancel_run(Scope::All, run, Reason::Cancel, &ada(), NOW).await.unwrap();
    world.pause_and_resume(before).await;
    let words = |events: Vec<(FeedPosition, String, u64)>| {
        events.into_iter().map(|(_, word, seq)| format!("{seq} {word}")).collect::<Vec<_>>().join(", ")
    };
    let of_runs = words(read(&mut of_runs, 5).await);
    assert_eq!(of_runs, "1 run.created, 2 run.cancel_requested, 6 run.cancelled, 2 run.paused, 3 run.resumed");
    let of_run = words(read(&mut of_run, 6).await);
    assert_eq!(
        of_run,
        "1 run.created, 2 run.cancel_requested, 3 task.cancelled, 4 task.cancelled, 5 task.cancelled, 6 run.cancelled"
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_says_that_it_lives() {
    let options = LiveOptions { heartbeat: Duration::from_secs(7), ..LiveOptions::default() };
    let mut world = World::new(options);
    let run = world.submit(1).await;
    let mut tail = world.stream(&format!("run:{run}"), None).await;
    for _ in 0..3 {
        let began = Instant::now();
        let beat = tail.next().await.unwrap();
        assert!(beat.starts_with(":\nid: ") && events(&beat).is_empty(), "{beat}");
        assert_eq!(began.elapsed().as_secs(), 7);
    }
    // What is not for it moves its place on, so that it need not be looked at again by who comes back.
    world.submit(1).await;
    let beat = tail.next().await.unwrap();
    let head = world.server.store.feed_head().await.unwrap();
    assert_eq!(beat, format!(":\nid: {head}\n\n"));
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_misses_nothing_and_gets_nothing_twice() {
    let mut world = World::new(LiveOptions::default());
    let run = world.submit(400).await;
    world.server.store.cancel_run(Scope::All, run, Reason::Cancel, &ada(), NOW).await.unwrap();
    let topic = format!("run:{run}");
    let all = read(&mut world.stream(&topic, Some(FeedPosition::START)).await, 403).await;
    assert_eq!(numbers(&all), (1..=403).collect::<Vec<_>>());
    for at in [0, 1, 2, 5, 36, 37, 200, 400, 401] {
        let mut again = world.stream(&topic, Some(all[at].0)).await;
        assert_eq!(read(&mut again, 402 - at).await, all[at + 1..], "after event {}", at + 1);
    }
}

/// Nothing is read while no stream is open. The next one waits until it is, and keeps nobody from reading.
#[tokio::test(start_paused = true)]
async fn who_comes_after_everybody_has_left_gets_all() {
    let mut world = World::new(LiveOptions::default());
    let run = world.submit(1).await;
    let mut first = world.stream("runs", Some(FeedPosition::START)).await;
    assert_eq!(numbers(&read(&mut first, 1).await), [1]);
    drop(first);
    // What is written then is what it is noticed by.
    world.pause_and_resume(run).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let mut second = world.stream("runs", Some(FeedPosition::START)).await;
    assert_eq!(numbers(&read(&mut second, 3).await), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn who_falls_behind_reads_from_the_database() {
    let mut world = World::new(LiveOptions::default());
    let run = world.submit(1).await;
    let mut slow = world.stream(&format!("run:{run}"), None).await;
    let count = 10_600;
    for at in 0..count / 2 {
        world.pause_and_resume(run).await;
        if at % 100 == 0 {
            // What is written is read meanwhile.
            sleep(Duration::from_millis(1)).await;
        }
    }
    sleep(Duration::from_millis(1)).await;
    assert!(world.server.live.ring().after(slow.at, 1).is_err(), "the ring has forgotten what it has not read");
    let late = numbers(&read(&mut slow, count).await);
    assert_eq!(late, (2..=count as u64 + 1).collect::<Vec<_>>());
    assert!(world.server.live.ring().after(slow.at, 1).is_ok(), "and it is back in the ring");
    world.pause_and_resume(run).await;
    assert_eq!(numbers(&read(&mut slow, 2).await), [count as u64 + 2, count as u64 + 3]);
}

/// Whether a stream from this cursor begins with a reset, and that it goes on afterwards.
async fn check_reset(world: &World, run: RunId, cursor: FeedPosition) -> bool {
    let head = world.server.store.feed_head().await.unwrap();
    let mut tail = world.open(&format!("run:{run}"), Some(cursor)).await.ok().unwrap();
    let first = tail.next().await.unwrap();
    let is_reset = first.contains("event: reset\n");
    if is_reset {
        let said = format!("retry: 1000\nid: {head}\n\nid: {head}\nevent: reset\ndata: {{\"as_of\":\"{head}\"}}\n\n");
        assert_eq!(first, said);
        world.pause_and_resume(run).await;
        assert_eq!(read(&mut tail, 2).await.len(), 2);
    }
    is_reset
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_leads_nowhere_is_told_so() {
    let mut world = World::new(LiveOptions::default());
    let run = world.submit(1).await;
    let head = world.server.store.feed_head().await.unwrap();
    assert!(!check_reset(&world, run, head).await && !check_reset(&world, run, FeedPosition::START).await);
    let ahead = FeedPosition::new(head.feed() + 1, run, 2);
    assert!(check_reset(&world, run, ahead).await, "of a database that was restored since");
    let mut world = World::new(LiveOptions { floor: head, ..LiveOptions::default() });
    world.submit(1).await;
    assert!(!check_reset(&world, run, head).await);
    assert!(check_reset(&world, run, FeedPosition::START).await, "before what is kept");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_goes_back_resets_open_streams() {
    let mut world = World::new(LiveOptions::default());
    let run = world.submit(1).await;
    let mut tail = world.stream(&format!("run:{run}"), None).await;
    assert!(timeout(Duration::from_secs(1), tail.next()).await.is_err(), "nothing happens");
    let head = world.server.store.feed_head().await.unwrap();
    let ahead = FeedPosition::new(head.feed() + 7, run, 9);
    assert_eq!(world.server.live.begin(world.server.store.as_ref(), Some(ahead)).await, head);
    assert_eq!(tail.next().await.unwrap(), format!("id: {head}\nevent: reset\ndata: {{\"as_of\":\"{head}\"}}\n\n"));
    world.pause_and_resume(run).await;
    assert_eq!(numbers(&read(&mut tail, 2).await), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_so_many() {
    let mut world = World::new(LiveOptions { streams_max: 2, ..LiveOptions::default() });
    world.submit(1).await;
    let one = world.stream("runs", None).await;
    let _two = world.stream("runs", None).await;
    let refused = world.open("runs", None).await.err().unwrap();
    assert!(refused.code == Code::TooManyStreams && refused.is_retryable());
    drop(one);
    let mut three = world.stream("runs", None).await;
    world.server.live.close();
    assert_eq!(three.next().await, None, "the server ends");
}

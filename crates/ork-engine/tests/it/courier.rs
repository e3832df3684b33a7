//! Messages: at least once, one id, at their times, and nobody waits for them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ork_core::access::Settings;
use ork_core::clock::{Clock, SeededEntropy};
use ork_core::id::{DeliveryId, EndpointId, WorkspaceId};
use ork_core::store::{
    Access, Deliveries, DeliveryFilter, DeliveryRow, DeliveryStatus, EndpointRow, Endpoints, Scope, WorkspaceRow,
};
use ork_core::webhook::{ATTEMPTS_MAX, Format, Occasion};
use ork_engine::{Letter, Post, Sent};
use tokio::time::{Instant, sleep};

use crate::faulty::Fault::{After, Before};
use crate::world::World;

const TOLD: &str = "{name: told, webhook: {url: 'http://a.example/'}, tasks: {a: {operation: echo, params: 7}}}";

/// What the post does next.
#[derive(Clone, Copy)]
enum Act {
    Answers(u16),
    Hangs,
    Panics,
}

/// A post that does what it is told, and answers 200 afterwards. It keeps what it was given, and when.
struct Played {
    acts: Mutex<Vec<Act>>,
    sent: Mutex<Vec<(DeliveryId, Duration)>>,
    begun: Instant,
}

impl Played {
    fn new(acts: &[Act]) -> Arc<Self> {
        let acts = Mutex::new(acts.iter().rev().copied().collect());
        Arc::new(Self { acts, sent: Mutex::default(), begun: Instant::now() })
    }

    fn sent(&self) -> Vec<(DeliveryId, Duration)> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait]
impl Post for Played {
    async fn send(&self, letter: &Letter) -> Sent {
        assert!(letter.run.as_ref().is_some_and(|run| run.status.is_terminal()));
        self.sent.lock().unwrap().push((letter.delivery.id, self.begun.elapsed()));
        let act = self.acts.lock().unwrap().pop().unwrap_or(Act::Answers(200));
        match act {
            Act::Answers(status @ 200) => {
                Sent { status_code: Some(status), body: Some("{}".into()), ..Sent::default() }
            }
            Act::Answers(status) => Sent { status_code: Some(status), ..Sent::failed("no") },
            Act::Hangs => std::future::pending().await,
            Act::Panics => panic!("a bug in the post"),
        }
    }
}

async fn deliveries(world: &World) -> Vec<DeliveryRow> {
    let filter = DeliveryFilter { limit: 10, ..DeliveryFilter::default() };
    world.store.inner.deliveries(Scope::All, &filter).await.unwrap()
}

/// Waits until the one message is no longer to be sent.
async fn end(world: &World) -> DeliveryRow {
    let begun = Instant::now();
    loop {
        let row = deliveries(world).await.pop();
        if let Some(row) = row.filter(|row| row.status != DeliveryStatus::Pending) {
            return row;
        }
        assert!(begun.elapsed() < Duration::from_secs(4 * 86_400), "it never ends");
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_until_it_is_heard() {
    let mut world = World::new();
    let post = Played::new(&[Act::Answers(500), Act::Hangs, Act::Answers(302)]);
    let own = Arc::clone(&post);
    let _engine = world.engine_with(|config| config.post = Some(own)).await;
    let run = world.submit(TOLD).await;
    assert!(world.end_within(run, Duration::from_secs(2)).await.starts_with("run success"), "nobody waits for it");
    let row = end(&world).await;
    assert_eq!((row.status, row.attempts), (DeliveryStatus::Delivered, 4));
    let sent = post.sent();
    assert!(sent.iter().all(|(id, _)| *id == row.id), "one id");
    let waits: Vec<u64> = sent.windows(2).map(|two| (two[1].1 - two[0].1).as_secs()).collect();
    // 5 s, 20 s of nothing and 30 s, 120 s, each a fifth earlier or later.
    let ranges = [4..=7, 44..=57, 96..=146];
    assert!(waits.iter().zip(&ranges).all(|(wait, range)| range.contains(wait)), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn after_two_days_it_has_failed() {
    let mut world = World::new();
    let post = Played::new(&[Act::Answers(503); 20]);
    let own = Arc::clone(&post);
    let _engine = world.engine_with(|config| config.post = Some(own)).await;
    world.submit(TOLD).await;
    let row = end(&world).await;
    assert_eq!((row.status, row.attempts), (DeliveryStatus::Failed, ATTEMPTS_MAX));
    let took = post.sent().last().unwrap().1.as_secs() / 3_600;
    assert!((35..=60).contains(&took), "{took} h");
}

/// Whoever dies, or is not heard, between sending and writing that down: it is sent again, under the same id.
#[tokio::test(start_paused = true)]
async fn what_is_not_written_down_is_sent_again() {
    for (acts, faults) in [(vec![], vec![Before]), (vec![Act::Panics], vec![])] {
        let mut world = World::new();
        let post = Played::new(&acts);
        let own = Arc::clone(&post);
        world.store.plan("note_delivery", &faults);
        let _engine = world.engine_with(|config| config.post = Some(own)).await;
        world.submit(TOLD).await;
        let row = end(&world).await;
        assert_eq!((row.status, row.attempts), (DeliveryStatus::Delivered, 1));
        let sent = post.sent();
        assert_eq!(sent.len(), 2);
        assert!(sent[0].0 == sent[1].0 && (59..=63).contains(&(sent[1].1 - sent[0].1).as_secs()), "{sent:?}");
    }
}

/// An answer of the store that is lost makes no second message, whatever it was the answer to; at most a later one.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_the_store_is_no_message() {
    for request in ["note_delivery", "take_deliveries", "due_deliveries", "next_delivery"] {
        let mut world = World::new();
        let post = Played::new(&[]);
        let own = Arc::clone(&post);
        world.store.plan(request, &[After]);
        let _engine = world.engine_with(|config| config.post = Some(own)).await;
        world.submit(TOLD).await;
        let row = end(&world).await;
        assert_eq!((row.status, row.attempts, post.sent().len()), (DeliveryStatus::Delivered, 1, 1), "{request}");
    }
}

/// A post that hangs at addresses of `deaf.example`. It keeps what it was given.
#[derive(Default)]
struct Deaf(Mutex<Vec<(WorkspaceId, String)>>);

impl Deaf {
    fn count(&self, is_meant: impl Fn(WorkspaceId, &str) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|(workspace, url)| is_meant(*workspace, url)).count()
    }
}

#[async_trait]
impl Post for Deaf {
    async fn send(&self, letter: &Letter) -> Sent {
        let url = letter.delivery.url.clone();
        let hangs = url.contains("deaf.example");
        self.0.lock().unwrap().push((letter.delivery.workspace, url));
        if hangs {
            return std::future::pending().await;
        }
        Sent { status_code: Some(200), ..Sent::default() }
    }
}

/// Messages for an endpoint of its own. Nothing is due before what was asked for earlier.
async fn ask_for(world: &World, random: &mut SeededEntropy, workspace: WorkspaceId, url: &str, count: usize) {
    let (store, now) = (&world.store.inner, world.clock.now());
    let endpoint = EndpointRow {
        id: EndpointId::new(now, random),
        workspace,
        name: url.into(),
        url: url.into(),
        events: Occasion::RunFinished.into(),
        format: Format::Standard,
        secret: vec![9],
        previous: None,
        slot: 1,
        created_by: "ada".into(),
        created_at: now,
        updated_at: now,
        disabled_at: None,
        disabled_because: None,
    };
    store.create_endpoint(&endpoint).await.unwrap();
    for _ in 0..count {
        let row = DeliveryRow::test(&endpoint, DeliveryId::new(now, random), world.clock.now());
        store.create_delivery(&row).await.unwrap();
    }
}

/// A receiver that hangs keeps a few places, and a workspace whose receivers all hang half of them. Nobody else waits, however
/// many messages wait for those.
#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_keeps_nobody_else_waiting() {
    for (deaf, at_once) in [(1, 8), (3, 16)] {
        let world = &mut World::new();
        let mut random = SeededEntropy::new(77);
        let (own, now) = (WorkspaceId::DEFAULT, world.clock.now());
        let other = WorkspaceId::new(now, &mut random);
        let row = WorkspaceRow { id: other, name: "other".into(), settings: Settings::default(), created_at: now };
        world.store.inner.create_workspace(&row).await.unwrap();
        for n in 0..deaf {
            ask_for(world, &mut random, own, &format!("http://{n}.deaf.example/"), 500 / deaf).await;
        }
        sleep(Duration::from_millis(1)).await;
        let mut heard = 20;
        ask_for(world, &mut random, other, "http://a.example/", 20).await;
        if deaf == 1 {
            heard = 40;
            ask_for(world, &mut random, own, "http://b.example/", 20).await;
        }
        let post = Arc::new(Deaf::default());
        let given = Arc::clone(&post);
        let begun = Instant::now();
        let _engine = world.engine_with(|config| config.post = Some(given)).await;
        let filter =
            DeliveryFilter { status: Some(DeliveryStatus::Delivered), limit: 100, ..DeliveryFilter::default() };
        while world.store.inner.deliveries(Scope::All, &filter).await.unwrap().len() < heard {
            assert!(begun.elapsed() < Duration::from_secs(5), "they wait for those that hang");
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(post.count(|workspace, _| workspace == other), 20, "each once");
        assert_eq!(post.count(|_, url| url.contains("deaf")), at_once);
        for n in 0..deaf {
            let of_one = post.count(|_, url| url == format!("http://{n}.deaf.example/"));
            assert!(of_one <= 8, "{of_one} for one URL");
        }
        // What is asked for while all of those wait is heard as well.
        ask_for(world, &mut random, other, "http://c.example/", 1).await;
        sleep(Duration::from_secs(3)).await;
        assert_eq!(post.count(|_, url| url == "http://c.example/"), 1);
    }
}

/// One that has no key: whatever it is given is for another one.
struct Keyless;

#[async_trait]
impl Post for Keyless {
    async fn send(&self, _: &Letter) -> Sent {
        Sent { is_for_another: true, ..Sent::failed("no key") }
    }
}

/// A process that cannot send takes a few messages, once a minute, and none of them counts an attempt; all are sent by the other.
#[tokio::test(start_paused = true)]
async fn whoever_cannot_send_leaves_messages_to_others() {
    let mut world = World::new();
    let mut random = SeededEntropy::new(78);
    let _keyless = world.engine_with(|config| config.post = Some(Arc::new(Keyless))).await;
    ask_for(&world, &mut random, WorkspaceId::DEFAULT, "http://a.example/", 150).await;
    sleep(Duration::from_secs(10)).await;
    let post = Arc::new(Deaf::default());
    let given = Arc::clone(&post);
    let _other = world.engine_with(|config| config.post = Some(given)).await;
    sleep(Duration::from_secs(10)).await;
    let heard = post.count(|_, _| true);
    assert!((100..150).contains(&heard), "all but those that the first one took: {heard}");
    sleep(Duration::from_secs(300)).await;
    assert_eq!(post.count(|_, _| true), 150, "each once");
    let filter = DeliveryFilter { limit: 200, ..DeliveryFilter::default() };
    let rows = world.store.inner.deliveries(Scope::All, &filter).await.unwrap();
    assert!(rows.iter().all(|row| (row.status, row.attempts) == (DeliveryStatus::Delivered, 1)));
}

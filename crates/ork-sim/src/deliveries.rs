//! Whether tasks wait for messages about others: how soon a task starts on a server whose slots are all taken, without
//! messages, and while a receiver that takes its time has many of them coming. Both by turns, over real sockets.
//!
//! The messages tell of tasks that are cancelled before they began, as many at once as a round has. The runs of the load tell of their
//! tasks as well in a round with messages. The receiver is on the same machine and takes its share of it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::figures::Figures;
use crate::kills::{Database, Place};
use crate::load::{Load, SLOTS, TASK_SECONDS, Turns};
use crate::receiver::Receiver;
use crate::serving::{Serving, Watch, rest, text};

/// How many times as long a start may take.
const TIMES_MAX: f64 = 1.2;
/// Messages that a server has under way at once, as `courier.rs` of the engine says.
const UNDER_WAY: f64 = 16.0;
/// Tasks of one run that is told of.
const TASKS: u64 = 1_000;
const DELIVERIES: &str = "/api/v1/webhook-deliveries";
/// How long it may take until it is written down that the last message was heard.
const NOTED_SECONDS: f64 = 60.0;

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Messages, those of the load apart.
    pub deliveries: u64,
    /// Milliseconds that the receiver takes for each.
    pub delay_ms: u64,
    /// Rounds of each kind.
    pub rounds: u64,
    /// Starts that are measured in a round without messages. One with messages has as many as there is time for.
    pub starts: u64,
}

/// Measures it, on both databases.
///
/// # Errors
/// When a start takes too much longer beside messages, or a message did not come.
pub fn prove(ork: &Path, base: &str, size: Size) -> Result<Value, String> {
    let mut figures = Figures::default();
    let mut facts = json!({
        "deliveries": size.deliveries, "receiver_delay_ms": size.delay_ms, "rounds": size.rounds,
        "slots": SLOTS, "load_task_seconds": TASK_SECONDS,
    });
    for database in [Database::Sqlite, Database::Postgres(base.into())] {
        let place = Place::new(ork, &database, 5_000_000)?;
        facts[database.word()] = measure(&mut figures, &place, database.word(), size)?;
        place.say(&["doctor"])?;
        place.remove(&database);
    }
    figures.verdict("every message came, tasks start as soon, doctor clean", facts)
}

fn measure(figures: &mut Figures, place: &Place, word: &str, size: Size) -> Result<Value, String> {
    let settings = place.folder.join("home/.config/ork");
    fs::create_dir_all(&settings).map_err(text)?;
    fs::write(settings.join("config.toml"), "egress.allow = [\"127.0.0.1\"]\n").map_err(text)?;
    let receiver = Receiver::start(size.delay_ms)?;
    let server = Serving::start(place, &["--capacity", SLOTS])?;
    let webhook = json!({
        "url": receiver.url, "events": ["task.finished"], "secret": "whsec_b3JrLXByb29mLW9mLWRlbGl2ZXJpZXMtMDAwMDAwMDA=",
    });
    let (load, mut turns, mut sent) = (Load::default(), Turns::default(), Sent::default());
    load.beside(&server, || {
        for round in 0..size.rounds {
            turns.without.push(load.measure(&server, |count| Ok(count as u64 >= size.starts))?);
            let share = size.deliveries * (round + 1) / size.rounds - size.deliveries * round / size.rounds;
            let goal = receiver.distinct() + share;
            load.tell(Some(&webhook));
            let making = Watch::start();
            make(&server, share, &webhook)?;
            sent.making_seconds += making.seconds();
            let (watch, before) = (Watch::start(), receiver.distinct());
            turns.with.push(load.measure(&server, |_| Ok(receiver.distinct() >= goal))?);
            sent.seconds += watch.seconds();
            sent.messages += receiver.distinct() - before;
            load.tell(None);
            sent.expected += share;
            receiver.wait_for(sent.expected + load.told())?;
            println!("{word}, round {round}: {:?}", receiver.came());
        }
        Ok(())
    })?;
    noted(&server)?;
    turns.note(figures, (word, "messages"), [(0.5, Some(TIMES_MAX)), (0.99, Some(TIMES_MAX))]);
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let (rate, most) = (sent.messages as f64 / sent.seconds, UNDER_WAY * 1e3 / size.delay_ms.max(1) as f64);
    figures.note(&format!("messages heard, {word}"), "per s", Some(rate), (Some(most), None));
    let (came, expected) = (receiver.came(), sent.expected + load.told());
    if came.distinct != expected {
        return Err(format!("{expected} messages were to come: {came:?}"));
    }
    let mut found = turns.counts();
    found["messages_heard"] = came.distinct.into();
    found["messages_heard_again"] = came.again.into();
    found["messages_of_the_load"] = load.told().into();
    found["messages_at_once_max"] = came.at_once_max.into();
    found["broken_connections"] = came.broken.into();
    found["seconds_with_messages"] = sent.seconds.round().into();
    found["seconds_to_make_them"] = sent.making_seconds.round().into();
    Ok(found)
}

/// What was sent in all rounds.
#[derive(Debug, Default)]
struct Sent {
    making_seconds: f64,
    /// While starts were measured.
    seconds: f64,
    messages: u64,
    /// Those of the load apart.
    expected: u64,
}

/// Has so many tasks end at once without having begun.
fn make(server: &Serving, mut left: u64, webhook: &Value) -> Result<(), String> {
    let mut runs = Vec::new();
    while left > 0 {
        let count = left.min(TASKS);
        left -= count;
        let plan = json!({"tasks": {"told": {"operation": "nobody", "count": count}}});
        runs.push(server.submit_body("", &json!({"plan": plan, "webhook": webhook}))?);
    }
    for run in runs {
        server.post(&format!("/api/v1/runs/{run}/cancel"), "")?;
    }
    Ok(())
}

/// Waits until no message is on its way any more; none may have been given up.
fn noted(server: &Serving) -> Result<(), String> {
    let of =
        |status: &str| Ok::<_, String>(server.get(&format!("{DELIVERIES}?status={status}&limit=1"))?["items"].clone());
    let watch = Watch::start();
    while of("pending")? != json!([]) {
        if watch.seconds() > NOTED_SECONDS {
            return Err(format!("a message is still on its way: {}", of("pending")?));
        }
        rest(100);
    }
    let failed = of("failed")?;
    if failed == json!([]) { Ok(()) } else { Err(format!("a message was given up: {failed}")) }
}

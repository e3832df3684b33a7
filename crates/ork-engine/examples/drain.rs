//! Drains a run of no-op tasks from a SQLite file by a handler in this process, and says what that took: `cargo run
//! --release -p ork-engine --example drain [TASKS]`.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ork_core::clock::{Clock, SeededEntropy};
use ork_core::event::Actor;
use ork_core::graph::{NewRun, Pin, TriggeredBy};
use ork_core::id::{RunId, WorkspaceId};
use ork_core::json::Json;
use ork_core::plan::{Action, Fan, Node, Plan};
use ork_core::store::{Runs, Scope, Store};
use ork_engine::{DatabaseClock, Engine, EngineConfig, Executors, Handlers, NoLiveness};
use ork_sqlite::{SqliteOptions, SqliteStore};
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// Clock ticks of `/proc` in a second, on every Linux that Ork runs on.
const TICKS: f64 = 100.0;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tasks: u32 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let folder = std::env::temp_dir().join(format!("ork-drain-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let store = Arc::new(SqliteStore::open(&folder.join("ork.db"), &SqliteOptions::default())?);
    let clock = Arc::new(DatabaseClock::local());
    let new = run(tasks, clock.as_ref());
    store.submit(&new).await?;

    let (begin, before) = (Instant::now(), cpu_seconds()?);
    let engine = Engine {
        store: Arc::clone(&store) as Arc<dyn Store>,
        clock,
        entropy: Box::new(SeededEntropy::new(2)),
        liveness: Arc::new(NoLiveness),
    };
    let handlers = Handlers::default().with("noop", |_| async { Ok(None) });
    let config = EngineConfig { lanes: vec!["noop".into()], capacity: 16, ..EngineConfig::default() };
    let handle = engine.start(Executors { handlers, ..Executors::default() }, config).await?;
    // Counted in the database, not by the handler.
    while store.run(Scope::All, new.id).await?.is_some_and(|row| !row.status.is_terminal()) {
        sleep(Duration::from_millis(100)).await;
    }
    let (seconds, after) = (begin.elapsed().as_secs_f64(), cpu_seconds()?);
    handle.drain(Duration::from_secs(1)).await?;
    println!("{tasks} tasks in {seconds:.3} s: {:.0} per second", f64::from(tasks) / seconds);
    for (thread, cpu) in &after {
        let used = cpu - before.get(thread).copied().unwrap_or(0.0);
        println!("  {thread}: {:.2} µs of CPU per task", used * 1e6 / f64::from(tasks));
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

fn run(tasks: u32, clock: &dyn Clock) -> NewRun {
    let node = Node { fan: Fan::Count(tasks), ..Node::new("noop", Action::operation("noop", Value::Null)) };
    let now = clock.now();
    NewRun {
        id: RunId::new(now, &mut SeededEntropy::new(1)),
        workspace: WorkspaceId::DEFAULT,
        external_id: None,
        owner: None,
        plan: Plan { name: "drain".into(), nodes: vec![node], ..Plan::default() },
        plan_source: None,
        revision: None,
        input: Json::from_stored("{}"),
        priority: None,
        pin: Pin::Anywhere,
        project: None,
        triggered_by: TriggeredBy::Manual,
        retry_of: None,
        reuse: Vec::new(),
        webhook: None,
        actor: Actor::user("example"),
        now,
    }
}

/// CPU time of this process by the name of its threads.
fn cpu_seconds() -> Result<BTreeMap<String, f64>, Box<dyn Error>> {
    let mut threads = BTreeMap::new();
    for entry in std::fs::read_dir("/proc/self/task")? {
        let stat = std::fs::read_to_string(entry?.path().join("stat"))?;
        let (name, rest) = stat.rsplit_once(')').ok_or("no name")?;
        let name = name.split_once('(').map_or(name, |(_, name)| name);
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks: f64 = fields.get(11..13).ok_or("no times")?.iter().filter_map(|text| text.parse::<f64>().ok()).sum();
        *threads.entry(name.to_owned()).or_default() += ticks / TICKS;
    }
    Ok(threads)
}

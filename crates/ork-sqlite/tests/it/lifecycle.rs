//! A few whole lives, on a file and in memory. What every store must do is in `ork-conformance`.

use std::path::PathBuf;

use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::check::check;
use ork_core::clock::{Entropy, SeededEntropy, Timestamp};
use ork_core::event::Actor;
use ork_core::graph::{LeaseId, NewRun, Pin, ProcessEnd, TriggeredBy};
use ork_core::id::{RunId, WorkerId, WorkspaceId};
use ork_core::json::Json;
use ork_core::plan::{Action, Fan, Node, Plan};
use ork_core::state::{RunStatus, TaskStatus};
use ork_core::store::{
    Claim, Claimed, Inspect, Queue, Runs, Scope, Settle, Settled, Submitted, TaskFilter, Tasks, WorkerRow, Workers,
};
use ork_sqlite::{SqliteOptions, SqliteStore};
use serde_json::Value;

pub const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

pub fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ork-sqlite-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

pub fn node(key: &str, parents: &[u32]) -> Node {
    let mut node = Node::new(key, Action::operation("work", Value::Null));
    node.depends_on = parents.to_vec();
    node
}

pub fn new_run(seed: u64, nodes: Vec<Node>) -> NewRun {
    NewRun {
        id: RunId::new(NOW, &mut SeededEntropy::new(seed)),
        workspace: WorkspaceId::DEFAULT,
        external_id: None,
        owner: None,
        plan: Plan { name: "test".into(), nodes, ..Plan::default() },
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
        actor: Actor::user("tester"),
        now: NOW,
    }
}

pub async fn worker(store: &SqliteStore) -> WorkerId {
    let id = WorkerId::new(NOW, &mut SeededEntropy::new(99));
    let row = WorkerRow {
        id,
        name: "w".into(),
        host: "here".into(),
        lanes: vec!["work".into()],
        capacity: 4,
        version: "0".into(),
        started_at: NOW,
        heartbeat_at: NOW,
        ended_at: None,
    };
    store.register_worker(&row).await.expect("registers");
    id
}

pub async fn claim(store: &SqliteStore, worker: WorkerId, lease: i64, limit: usize) -> Vec<Claimed> {
    let lanes = vec!["work".into()];
    let claim = Claim { scope: Scope::All, worker, lease: LeaseId(lease), again: false, lanes, limit, now: NOW };
    store.claim(&claim).await.expect("claims")
}

pub fn settle_of(claimed: &Claimed, lease: i64, outcome: Outcome) -> Settle {
    Settle {
        task: claimed.task,
        attempt: claimed.attempt,
        lease: LeaseId(lease),
        outcome,
        started_at: Some(NOW),
        finished_at: NOW,
        end: ProcessEnd::default(),
        random: SeededEntropy::new(1).next_u64(),
    }
}

fn success() -> Outcome {
    Outcome::Success { output: None }
}

async fn assert_clean(store: &SqliteStore, run: RunId) {
    let dump = store.dump(Scope::All, run).await.expect("dumps").expect("exists");
    let violations = check(&dump);
    assert!(violations.is_empty(), "{violations:#?}");
}

#[tokio::test]
async fn a_diamond_on_a_file_survives_reopening() {
    let path = scratch("diamond").join("ork.db");
    let new = new_run(1, vec![node("a", &[]), node("b", &[0]), node("c", &[0]), node("d", &[1, 2])]);
    {
        let store = SqliteStore::open(&path, &SqliteOptions::default()).expect("opens");
        assert_eq!(store.submit(&new).await, Ok(Submitted::Created));
        assert_eq!(store.submit(&new).await, Ok(Submitted::Existing));
        let worker = worker(&store).await;
        let a = claim(&store, worker, 1, 10).await;
        assert_eq!(a.len(), 1);
        let actor = Actor::system("test");
        let done = store.settle(Scope::All, &[settle_of(&a[0], 1, success())], &actor, NOW).await.expect("settles");
        assert_eq!((done.settled, done.queued), (vec![Settled::Accepted], 2));
    }
    let store = SqliteStore::open(&path, &SqliteOptions::default()).expect("opens again");
    let worker = worker(&store).await;
    let both = claim(&store, worker, 2, 10).await;
    assert_eq!(both.len(), 2);
    let settles: Vec<Settle> = both.iter().map(|c| settle_of(c, 2, success())).collect();
    let actor = Actor::system("test");
    store.settle(Scope::All, &settles, &actor, NOW).await.expect("settles");
    let again = store.settle(Scope::All, &settles, &actor, NOW).await.expect("answers");
    assert_eq!(again.settled, [Settled::Already, Settled::Already]);
    let d = claim(&store, worker, 3, 10).await;
    assert_eq!(d.len(), 1, "the join starts once");
    let done = store.settle(Scope::All, &[settle_of(&d[0], 3, success())], &actor, NOW).await.expect("settles");
    assert_eq!(done.ended, [new.id]);
    let run = store.run(Scope::All, new.id).await.expect("reads").expect("exists");
    assert_eq!((run.status, run.progress, run.tasks_left), (RunStatus::Success, 100, 0));
    assert_clean(&store, new.id).await;
}

#[tokio::test]
async fn a_failed_root_skips_everything_below_and_ends_the_run_once() {
    let store = SqliteStore::in_memory().expect("opens");
    let mut wide = node("b", &[0]);
    wide.fan = Fan::Count(3);
    let new = new_run(2, vec![node("a", &[]), wide, node("c", &[1]), node("d", &[2])]);
    store.submit(&new).await.expect("submits");
    let worker = worker(&store).await;
    let a = claim(&store, worker, 1, 10).await;
    let failure = Failure::new(FailureKind::Exit { code: 3 }, "exit code 3");
    let settle = settle_of(&a[0], 1, Outcome::Failed(failure));
    let done = store.settle(Scope::All, &[settle], &Actor::system("test"), NOW).await.expect("settles");
    assert_eq!(done.ended, [new.id]);
    let tasks =
        store.tasks(Scope::All, new.id, &TaskFilter { limit: 100, ..TaskFilter::default() }).await.expect("reads");
    let words: Vec<TaskStatus> = tasks.iter().map(|t| t.status).collect();
    assert_eq!(words[0], TaskStatus::Failed);
    assert!(words[1..].iter().all(|status| *status == TaskStatus::Skipped), "{words:?}");
    let run = store.run(Scope::All, new.id).await.expect("reads").expect("exists");
    assert_eq!(run.status, RunStatus::Failed);
    assert_eq!(run.error.expect("an error").as_str(), r#"{"kind":"exit","code":3,"message":"exit code 3","task":"a"}"#);
    assert_clean(&store, new.id).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_a_sentence() {
    let path = scratch("newer").join("ork.db");
    drop(SqliteStore::open(&path, &SqliteOptions::default()).expect("opens"));
    let connection = rusqlite::Connection::open(&path).expect("opens");
    connection
        .execute("INSERT INTO refinery_schema_history VALUES (99, 'future', '2030-01-01T00:00:00Z', '1')", [])
        .expect("inserts");
    let error = SqliteStore::open(&path, &SqliteOptions::default()).err().expect("refuses").to_string();
    assert!(error.contains("schema 99") && error.contains("newer Ork"), "{error}");
}

#[tokio::test]
async fn events_cannot_be_changed_even_by_sql() {
    let path = scratch("events").join("ork.db");
    let store = SqliteStore::open(&path, &SqliteOptions::default()).expect("opens");
    store.submit(&new_run(3, vec![node("a", &[])])).await.expect("submits");
    let connection = rusqlite::Connection::open(&path).expect("opens");
    for statement in ["UPDATE events SET type = 'x'", "DELETE FROM events", "REPLACE INTO events SELECT * FROM events"]
    {
        let error = connection.execute(statement, []).expect_err("refuses").to_string();
        assert!(error.contains("events are immutable"), "{error}");
    }
}

#[tokio::test]
async fn two_processes_may_open_a_new_file_at_once() {
    let path = scratch("twice").join("ork.db");
    let opened: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| SqliteStore::open(&path, &SqliteOptions::default()).map(|_| ()))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(opened, vec![Ok(()); 4]);
}

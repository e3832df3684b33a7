//! How fast the store is on its own: `cargo test --release -p ork-sqlite -- --ignored --nocapture store_alone`.

use ork_core::attempt::Outcome;
use ork_core::clock::Timestamp;
use ork_core::event::Actor;
use ork_core::plan::Fan;
use ork_core::store::{Queue, Runs, Scope, Settle};
use ork_sqlite::{SqliteOptions, SqliteStore};

use crate::lifecycle::{claim, new_run, node, scratch, settle_of, worker};

fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("reads");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    (fields[11].parse::<u64>().expect("number") + fields[12].parse::<u64>().expect("number")) * 10
}

#[tokio::test]
#[ignore = "a measurement"]
#[allow(clippy::disallowed_methods)] // it measures
async fn store_alone() {
    let _ = Timestamp::default();
    for (name, fan) in [("one group", true), ("many groups", false)] {
        let path = scratch("bench").join("ork.db");
        let store = SqliteStore::open(&path, &SqliteOptions::default()).expect("opens");
        let tasks = 100_000_u32;
        let nodes = if fan {
            let mut wide = node("wide", &[]);
            wide.fan = Fan::Count(tasks);
            vec![wide]
        } else {
            (0..tasks).map(|i| node(&format!("t{i}"), &[])).collect()
        };
        let (begin, cpu) = (std::time::Instant::now(), cpu_ms());
        store.submit(&new_run(1, nodes)).await.expect("submits");
        let enqueue = begin.elapsed().as_secs_f64();
        let enqueue_cpu = cpu_ms() - cpu;
        let worker = worker(&store).await;
        let (begin, cpu) = (std::time::Instant::now(), cpu_ms());
        let mut lease = 0;
        let actor = Actor::system("bench");
        loop {
            lease += 1;
            let claimed = claim(&store, worker, lease, 500).await;
            if claimed.is_empty() {
                break;
            }
            let settles: Vec<Settle> =
                claimed.iter().map(|c| settle_of(c, lease, Outcome::Success { output: None })).collect();
            store.settle(Scope::All, &settles, &actor, Timestamp::default()).await.expect("settles");
        }
        let drain = begin.elapsed().as_secs_f64();
        println!(
            "{name}: enqueue {:.0}/s ({:.1} µs CPU), drain {:.0}/s ({:.1} µs CPU)",
            f64::from(tasks) / enqueue,
            enqueue_cpu as f64 * 1e3 / f64::from(tasks),
            f64::from(tasks) / drain,
            (cpu_ms() - cpu) as f64 * 1e3 / f64::from(tasks)
        );
    }
}

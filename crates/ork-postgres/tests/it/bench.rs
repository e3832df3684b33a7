//! How fast the store is on its own:
//! `ORK_TEST_POSTGRES_URL=… cargo test -p ork-postgres -- --ignored --nocapture store_alone`, on a cluster with fsync on.
//! The server's CPU time is that of its processes on this machine.

use std::fs;

use ork_core::attempt::Outcome;
use ork_core::plan::{Node, Plan};
use ork_core::store::{Queue, Runs, Scope, Settle, Store};

use crate::world::{NOW, World, client, fan, new_run, node, plan, settle_of, with_world};

const TASKS: u32 = 100_000;
/// Of the kernel's clock for CPU time: 100 a second.
const TICK_MICROS: u64 = 10_000;

/// User and system time of this process, and of the server with its processes, in microseconds.
fn cpu(postmaster: i32) -> (u64, u64) {
    let own = std::process::id().to_string();
    let mut times = (0, 0);
    for entry in fs::read_dir("/proc").expect("lists").flatten() {
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let time = |fields: &[&str]| fields.iter().map(|f| f.parse::<u64>().unwrap_or(0)).sum::<u64>() * TICK_MICROS;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == own {
            times.0 += time(&fields[11..13]);
        } else if name == postmaster.to_string() {
            // Of children that ended, too.
            times.1 += time(&fields[11..15]);
        } else if fields[1] == postmaster.to_string() {
            times.1 += time(&fields[11..13]);
        }
    }
    times
}

/// The process of the server: the parent of any backend.
async fn postmaster(w: &World) -> i32 {
    let pid: i32 = client(&w.url).await.query_one("SELECT pg_backend_pid()", &[]).await.expect("asks").get(0);
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let parent = stat.rsplit(')').next().and_then(|tail| tail.split_whitespace().nth(1)).map(str::to_owned);
    parent.and_then(|p| p.parse().ok()).unwrap_or(pid)
}

#[allow(clippy::disallowed_methods)] // it measures
struct Watch {
    begin: std::time::Instant,
    server: i32,
    cpu: (u64, u64),
}

#[allow(clippy::disallowed_methods, clippy::cast_precision_loss)] // it measures
impl Watch {
    async fn start(w: &World) -> Self {
        let server = postmaster(w).await;
        Self { begin: std::time::Instant::now(), server, cpu: cpu(server) }
    }

    fn report(&self, what: &str, tasks: u32) {
        let seconds = self.begin.elapsed().as_secs_f64();
        let (client, server) = cpu(self.server);
        println!(
            "{what}: {:.0}/s, client {:.1} µs, server {:.1} µs of CPU a task",
            f64::from(tasks) / seconds,
            (client - self.cpu.0) as f64 / f64::from(tasks),
            (server - self.cpu.1) as f64 / f64::from(tasks),
        );
    }
}

async fn drain(w: &World, what: &str, tasks: u32, loops: usize) {
    let watch = Watch::start(w).await;
    let work = (0..loops).map(|_| {
        let w = w.clone();
        tokio::spawn(async move {
            loop {
                let batch = w.claim(500).await;
                if batch.tasks.is_empty() {
                    return;
                }
                let success = Outcome::Success { output: None };
                let settles: Vec<Settle> =
                    batch.tasks.iter().map(|c| settle_of(c, batch.lease, success.clone())).collect();
                w.send(&settles).await;
            }
        })
    });
    for task in work.collect::<Vec<_>>() {
        task.await.expect("drains");
    }
    watch.report(what, tasks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn store_alone() {
    with_world(|w| async move {
        let layers = (0..20_u32).flat_map(|layer| {
            (0..2_000_u32).map(move |at| {
                let parents: Vec<u32> = match layer {
                    0 => Vec::new(),
                    _ => {
                        let mut parents: Vec<u32> =
                            [0, 7, 13].iter().map(|step| (layer - 1) * 2_000 + (at + step) % 2_000).collect();
                        parents.sort_unstable();
                        parents
                    }
                };
                node(&format!("l{layer}-{at}"), &parents)
            })
        });
        let shapes: [(&str, Plan, u32); 4] = [
            ("one fan of 100,000", plan(vec![fan("wide", &[], TASKS), node("join", &[0])]), TASKS),
            ("100,000 nodes", plan((0..TASKS).map(|at| node(&format!("t{at}"), &[])).collect::<Vec<Node>>()), TASKS),
            ("20 layers of 2,000 with 3 parents each", plan(layers.collect()), 40_000),
            ("one fan of 100,000 again", plan(vec![fan("wide", &[], TASKS)]), TASKS),
        ];
        for (seed, (name, shape, tasks)) in (1..).zip(shapes) {
            let new = new_run(seed, shape);
            let watch = Watch::start(&w).await;
            w.store.submit(&new).await.unwrap();
            watch.report(&format!("enqueue {name}"), tasks);
            drain(&w, &format!("drain {name}, {} at once", if seed == 4 { 2 } else { 1 }), tasks, if seed == 4 { 2 } else { 1 })
                .await;
            let db = client(&w.url).await;
            let sizes = "SELECT sum(n_dead_tup)::bigint, pg_size_pretty(pg_database_size(current_database())) FROM pg_stat_user_tables";
            let row = db.query_one(sizes, &[]).await.unwrap();
            println!("    {} dead rows, {}", row.get::<_, i64>(0), row.get::<_, String>(1));
        }
    })
    .await;
}

/// Submit on one store, claim on another that waits in `changed`: the latency of an idle system.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
#[allow(clippy::disallowed_methods)] // it measures
async fn idle_latency() {
    with_world(|w| async move {
        let other = ork_postgres::PgStore::connect(&w.url, ork_postgres::PgOptions::default()).await.unwrap();
        let mut micros = Vec::new();
        for round in 0..300_u64 {
            let ready = {
                let (w, other) = (w.clone(), other.clone());
                tokio::spawn(async move {
                    let mut claim = w.claim_of(w.worker, 10);
                    loop {
                        claim.lease = w.lease();
                        if !other.claim(&claim).await.unwrap().is_empty() {
                            return std::time::Instant::now();
                        }
                        other.changed().await;
                    }
                })
            };
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            let begin = std::time::Instant::now();
            w.store.submit(&new_run(900_000 + round, plan(vec![node("a", &[])]))).await.unwrap();
            let claimed = ready.await.unwrap();
            micros.push(claimed.duration_since(begin).as_micros());
        }
        micros.sort_unstable();
        println!("submit to claimed elsewhere: p50 {} µs, p99 {} µs", micros[150], micros[296]);
        let _ = (NOW, Scope::All);
    })
    .await;
}

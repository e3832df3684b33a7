//! How much of a bare spawn the executor leaves. Run by hand:
//! `cargo test -p ork-executors --test it -- --ignored --nocapture bench`.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ork_core::executor::Executor;

use crate::world::{Witness, World, argv, timed};

const TASKS: u32 = 3_000;

/// `std` alone, on as many threads as there are in flight: spawn, read both streams to their end, wait.
async fn bare(flight: usize) -> f64 {
    let left = Arc::new(AtomicU32::new(0));
    let work = |left: Arc<AtomicU32>| {
        move || {
            while left.fetch_add(1, Ordering::Relaxed) < TASKS {
                let mut command = Command::new("/bin/true");
                command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
                assert!(command.output().unwrap().status.success());
            }
        }
    };
    let threads: Vec<_> = (0..flight).map(|_| tokio::task::spawn_blocking(work(Arc::clone(&left)))).collect();
    let ((), secs) = timed(async {
        for thread in threads {
            thread.await.unwrap();
        }
    })
    .await;
    f64::from(TASKS) / secs
}

async fn executor(flight: usize) -> f64 {
    let world = Arc::new(World::new());
    let left = Arc::new(AtomicU32::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    let ((), secs) = timed(async {
        for _ in 0..flight {
            let (world, left) = (Arc::clone(&world), Arc::clone(&left));
            tasks.spawn(async move {
                while left.fetch_add(1, Ordering::Relaxed) < TASKS {
                    world.executor.execute(argv(&["/bin/true"]), Witness::new()).await;
                }
            });
        }
        while tasks.join_next().await.is_some() {}
    })
    .await;
    f64::from(TASKS) / secs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn bench() {
    for flight in [1, 4, 16] {
        for _ in 0..3 {
            let (bare, ours) = (bare(flight).await, executor(flight).await);
            println!("{flight:>2} in flight: bare {bare:>5.0}/s, executor {ours:>5.0}/s, ratio {:.2}", ours / bare);
        }
    }
}

//! G2, G4, G5, G6 and G7 with real processes: `kill -9` at seeded moments, and an outside witness that compares. The long form
//! is `cargo xtask prove kills`.

use std::path::Path;

use ork_sim::kills::{Database, TASKS, calm_run, killed_run, killed_worker, summary};

/// Kills per database.
const ROUNDS: u64 = 15;

fn ork() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ork"))
}

/// The PostgreSQL of the test run. Without one the test says so and is skipped; in CI it fails.
fn postgres() -> Option<String> {
    let url = std::env::var("ORK_TEST_POSTGRES_URL").ok();
    if url.is_none() {
        assert!(std::env::var_os("CI").is_none(), "ORK_TEST_POSTGRES_URL is not set: run `cargo xtask test`");
        println!("skipped: ORK_TEST_POSTGRES_URL is not set");
    }
    url
}

fn rounds_on(database: &Database) {
    let calm_ms = calm_run(ork(), database).expect("an undisturbed run succeeds");
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|seed| {
            killed_run(ork(), database, seed, calm_ms).unwrap_or_else(|problem| panic!("seed {seed}: {problem}"))
        })
        .collect();
    println!("{}", summary(&rounds));
    let midway = rounds.iter().filter(|round| round.begun_before > 0 && round.begun_before < TASKS).count();
    assert!(midway * 2 > rounds.len(), "most kills must land while tasks run, and {midway} did");
}

#[test]
fn a_killed_run_goes_on_on_sqlite() {
    rounds_on(&Database::Sqlite);
}

#[test]
fn a_killed_run_goes_on_on_postgres() {
    if let Some(url) = postgres() {
        rounds_on(&Database::Postgres(url));
    }
}

#[test]
fn a_killed_workers_tasks_run_elsewhere_on_the_same_host() {
    let Some(url) = postgres() else { return };
    let round = killed_worker(ork(), &url, 1, false).expect("the other worker goes on");
    let after_ms = round.on_after_ms.expect("an attempt is repeated");
    // 2 s are promised (G7); a test machine that is busy with other tests gets more.
    assert!(after_ms < 10_000, "{after_ms} ms: the lock file tells at once that a worker of this host is dead");
}

#[test]
fn a_killed_workers_tasks_run_elsewhere_on_another_host() {
    let Some(url) = postgres() else { return };
    if !rustix::process::geteuid().is_root() {
        return println!("skipped: only root can give a worker another host name");
    }
    let round = killed_worker(ork(), &url, 2, true).expect("the other worker goes on");
    let after_ms = round.on_after_ms.expect("an attempt is repeated");
    assert!(after_ms < 30_000, "{after_ms} ms: 20 s are promised (G7), and a busy machine gets more");
}

//! The same on PostgreSQL: `ORK_TEST_POSTGRES_URL` names a cluster in which databases may be created. Without it these
//! tests say that they were skipped; in CI they fail.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::Signal;
use tokio_postgres::{NoTls, SimpleQueryMessage, SimpleQueryRow};

use crate::home::Home;

/// Runs statements, and gives the rows of the last one as text.
pub fn rows(url: &str, statements: &str) -> Vec<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let messages = client.simple_query(statements).await.unwrap_or_else(|error| panic!("{statements}\n{error:?}"));
        drop(client);
        connection.await.unwrap().unwrap();
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let cell = |row: &SimpleQueryRow, at| row.get(at).unwrap_or_default().to_owned();
        rows.map(|row| (0..row.len()).map(|at| cell(row, at)).collect()).collect()
    })
}

/// Hands an empty database to a test, and drops it.
pub fn with_database(test: impl FnOnce(&str)) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let Some(cluster) = std::env::var("ORK_TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty()) else {
        let in_ci = std::env::var("CI").as_deref() == Ok("true");
        assert!(!in_ci, "ORK_TEST_POSTGRES_URL is not set, and in CI nothing is skipped");
        println!("skipped: ORK_TEST_POSTGRES_URL is not set");
        return;
    };
    let name = format!("ork_cli_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    rows(&cluster, &format!("CREATE DATABASE {name}"));
    let (server, _) = cluster.rsplit_once('/').unwrap();
    let outcome = catch_unwind(AssertUnwindSafe(|| test(&format!("{server}/{name}"))));
    rows(&cluster, &format!("DROP DATABASE {name} WITH (FORCE)"));
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

#[test]
fn a_worker_carries_what_was_submitted() {
    with_database(|url| {
        let home = Home::new();
        home.file(
            "flow.yaml",
            "tasks:\n  a: {count: 5, run: 'echo $ORK_TASK_INDEX'}\n  b: {depends_on: [a], run: pwd}\n",
        );
        let at = format!("--database {url}");
        let said = home.says(&format!("runs list {at}"));
        assert!(said.starts_with("exit 2\n") && said.contains("ork db migrate"), "{said}");
        assert!(home.says(&format!("db status {at}")).starts_with("exit 1\n"));
        assert!(home.says(&format!("db migrate {at}")).starts_with("exit 0\n"));
        assert!(home.says(&format!("db status {at}")).starts_with("exit 0\n"));
        let said = home.says(&format!("runs submit flow.yaml {at}"));
        assert!(said.starts_with("exit 0\n--- stdout\nrun_ID\n"), "{said}");
        let said = home.says(&format!("why last {at}"));
        assert!(said.contains("nobody serves the queue `default` on host `HOST`; start one there with: ork worker --queues default --database URL"), "{said}");
        let mut worker = home.start(&format!("worker --capacity 2 {at}"));
        worker.wait_for("ready:");
        let said = home.says(&format!("runs watch last {at}"));
        assert!(said.starts_with("exit 0\n"), "{said}");
        // Tasks of a run from a file of this host run in its folder.
        assert_eq!(home.says(&format!("runs logs last/b {at}")), "exit 0\n--- stdout\nHOME/project\n");
        worker.signal(Signal::TERM);
        let said = worker.end(&home);
        assert!(said.starts_with("exit 0\n") && said.contains("stopped: everything is settled"), "{said}");
        let said = home.says(&format!("doctor {at}"));
        assert!(said.starts_with("exit 0\n") && said.contains("1 run checked: nothing is wrong"), "{said}");
        assert!(!said.contains(url), "a password is not shown: {said}");
    });
}

#[test]
fn a_run_here_is_resumed_on_postgresql_too() {
    with_database(|url| {
        let home = Home::new();
        home.file("flow.yaml", "tasks:\n  a: {run: 'test $ORK_ATTEMPT -gt 1 || sleep 60'}\n");
        let at = format!("--database {url}");
        assert!(home.says(&format!("db migrate {at}")).starts_with("exit 0\n"));
        let mut run = home.start(&format!("run flow.yaml {at}"));
        run.wait_for("started");
        run.kill();
        let said = home.says(&format!("run --resume last {at}"));
        assert!(said.starts_with("exit 0\n") && said.contains("its worker died; again"), "{said}");
    });
}

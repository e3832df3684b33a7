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

/// The URL of the owner of a database, who may migrate it and do nothing else.
pub fn owner(url: &str) -> String {
    url.replacen("://ork_app:", "://ork_owner:", 1)
}

/// Hands a migrated database to a test, as the login that works on it, and drops it.
pub fn with_database(test: impl FnOnce(&str)) {
    with_empty_database(|url| {
        let said = Home::new().says(&format!("db migrate --database {}", owner(url)));
        assert!(said.starts_with("exit 0\n"), "{said}");
        test(url);
    });
}

/// Hands an empty database to a test, as the login that works on it, and drops it.
pub fn with_empty_database(test: impl FnOnce(&str)) {
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
    let server = server.replacen("://ork_owner:", "://ork_app:", 1);
    let outcome = catch_unwind(AssertUnwindSafe(|| test(&format!("{server}/{name}"))));
    rows(&cluster, &format!("DROP DATABASE {name} WITH (FORCE)"));
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

#[test]
fn a_worker_carries_what_was_submitted() {
    with_empty_database(|url| {
        let home = Home::new();
        home.file(
            "flow.yaml",
            "tasks:\n  a: {count: 5, run: 'echo $ORK_TASK_INDEX'}\n  b: {depends_on: [a], run: pwd}\n",
        );
        let at = format!("--database {url}");
        let said = home.says(&format!("runs list {at}"));
        assert!(said.starts_with("exit 2\n") && said.contains("ork db migrate"), "{said}");
        assert!(home.says(&format!("db status {at}")).starts_with("exit 1\n"));
        let said = home.says(&format!("db migrate --database {}", owner(url)));
        assert!(said.starts_with("exit 0\n"), "{said}");
        assert!(home.says(&format!("db status {at}")).starts_with("exit 0\n"));
        let said = home.says(&format!("db verify {at}"));
        assert!(!said.contains("role") && !said.contains("policy") && !said.contains("index"), "{said}");
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

/// One rule for all commands: what policies do not bind may migrate, and nothing else.
#[test]
fn whom_policies_do_not_bind_is_refused() {
    with_database(|url| {
        let home = Home::new();
        home.file("flow.yaml", "tasks:\n  a: {run: 'true'}\n");
        for (login, why) in [
            ("ork_owner", "it owns the tables, and is for `ork db` alone"),
            ("ork_super", "it is a superuser, and no policy binds it"),
            ("ork_bypass", "it can bypass row level security"),
            ("ork_stranger", "it is not a member of both `ork_engine` and `ork_api`"),
        ] {
            let at = format!("--database {}", url.replacen("ork_app", login, 1));
            for line in ["run flow.yaml", "runs list", "worker", "serve", "doctor"] {
                let said = home.says(&format!("{line} {at}"));
                assert!(said.starts_with("exit 2\n"), "{line}: {said}");
                // It looks at the migrations first, and not even those may a stranger read.
                if (login, line) == ("ork_stranger", "doctor") {
                    continue;
                }
                // A login with the length of a token's beginning is masked as one.
                let login = login.replace("ork_stranger", "ork_PREFIX");
                assert!(said.contains(&format!("the login `{login}` is refused: {why}")), "{line}: {said}");
                assert!(
                    said.contains("CREATE ROLE ork LOGIN PASSWORD '…' IN ROLE ork_engine, ork_api\n"),
                    "{line}: {said}"
                );
            }
        }
        // What there is to know is everybody's; what there is to do, the owner's.
        for login in ["ork_owner", "ork_app", "ork_super"] {
            let at = format!("--database {}", url.replacen("ork_app", login, 1));
            for line in ["db status", "db migrate"] {
                let said = home.says(&format!("{line} {at}"));
                assert!(said.starts_with("exit 0\n") && said.contains("is up to date"), "{line}: {said}");
            }
            let said = home.says(&format!("db verify {at}"));
            assert!(!said.contains("role") && !said.contains("policy"), "{said}");
            assert_eq!(said.contains("plans were not looked at"), login == "ork_owner", "{said}");
        }
        rows(&owner(url), "DELETE FROM refinery_schema_history WHERE version > 3");
        let said = home.says(&format!("db migrate --database {url}"));
        assert!(said.starts_with("exit 2\n") && said.contains("does not own the tables"), "{said}");
        assert!(said.contains("ork db migrate as `ork_owner`"), "{said}");
    });
}

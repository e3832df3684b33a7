//! Migrations, and what is refused.

use ork_core::error::StoreError;
use ork_postgres::{PgOptions, PgStore, migrate, migration_state, verify};

use crate::world::{client, fan, first, plan, with_database, with_world};

/// What `verify` finds on a cluster that tests run on, which need not survive a power cut.
fn allowed(problem: &str) -> bool {
    problem.starts_with("`fsync` is off") || problem.starts_with("`full_page_writes` is off")
}

#[tokio::test]
async fn a_database_is_migrated_once() {
    with_database(|url| async move {
        let refused = PgStore::connect(&url, PgOptions::default()).await.err();
        assert!(matches!(refused, Some(StoreError::Incompatible(text)) if text.contains("ork db migrate")));
        assert!(migration_state(&url).await.unwrap().iter().all(|m| !m.applied));
        assert_eq!(verify(&url).await.unwrap(), ["not migrated: run `ork db migrate`"]);
        // Two at once: one of them migrates.
        let (one, two) = tokio::join!(migrate(&url), migrate(&url));
        let mut applied = [one.unwrap(), two.unwrap()];
        applied.sort();
        assert_eq!(applied, [vec![], vec!["V1__core".to_owned(), "V2__queued_at".to_owned()]]);
        assert!(migration_state(&url).await.unwrap().iter().all(|m| m.applied));
        PgStore::connect(&url, PgOptions::default()).await.unwrap();
    })
    .await;
}

/// Also the test that prepares every statement.
#[tokio::test]
async fn verify_finds_what_is_missing() {
    with_world(|w| async move {
        let problems: Vec<String> =
            verify(&w.url).await.unwrap().into_iter().filter(|p| !allowed(p.as_str())).collect();
        assert_eq!(problems, Vec::<String>::new());
        let admin = client(&w.url).await;
        admin.batch_execute("DROP INDEX ready_by_run; ALTER TABLE delayed DROP COLUMN due_at CASCADE").await.unwrap();
        let problems = verify(&w.url).await.unwrap();
        let says = |text: &str| assert!(problems.iter().any(|p| p.contains(text)), "{text}: {problems:#?}");
        says("index `ready_by_run` is missing");
        says("index `delayed_by_due` is missing");
        says("statement `queue/due`");
    })
    .await;
}

#[tokio::test]
async fn another_version_is_refused() {
    with_world(|w| async move {
        let admin = client(&w.url).await;
        admin.batch_execute("UPDATE refinery_schema_history SET checksum = '1'").await.unwrap();
        assert!(verify(&w.url).await.unwrap().iter().any(|p| p.contains("differs from the one that was applied")));
        assert!(matches!(migrate(&w.url).await, Err(StoreError::Incompatible(_))));
        let newer =
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (999, 'later', '', '1')";
        admin.batch_execute(newer).await.unwrap();
        let refused = PgStore::connect(&w.url, PgOptions::default()).await.err();
        assert!(matches!(refused, Some(StoreError::Incompatible(text)) if text.contains("use the newer Ork")));
        assert!(matches!(migrate(&w.url).await, Err(StoreError::Incompatible(_))));
    })
    .await;
}

#[tokio::test]
async fn encryption_is_not_pretended() {
    let refused = PgStore::connect("postgres://ork@127.0.0.1:1/ork?sslmode=require", PgOptions::default()).await.err();
    assert!(matches!(refused, Some(StoreError::Incompatible(text)) if text.contains("without TLS")));
    let gone = PgStore::connect("postgres://ork@127.0.0.1:1/ork", PgOptions::default()).await.err();
    assert!(matches!(gone, Some(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn events_cannot_be_changed() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![fan("a", &[], 2)])).await;
        let admin = client(&w.url).await;
        for statement in ["UPDATE events SET actor_id = 'x'", "DELETE FROM events", "TRUNCATE events"] {
            let refused = admin.batch_execute(statement).await.unwrap_err();
            assert_eq!(refused.as_db_error().unwrap().message(), "events are immutable", "{statement}");
        }
        // Views are what SQL users read.
        let row =
            admin.query_one("SELECT status FROM v_tasks WHERE run_id = $1 AND n = 0", &[&first(run).run.uuid()]).await;
        assert_eq!(row.unwrap().get::<_, &str>(0), "queued");
    })
    .await;
}

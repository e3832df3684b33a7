//! Migrations, and what is refused.

use std::collections::BTreeMap;

use ork_core::error::StoreError;
use ork_core::transfer::{Kind, Table, is_moved, is_one_sided_column};
use ork_postgres::{PgOptions, PgStore, migrate, migration_state, verify};

use crate::world::{app, client, fan, first, plan, with_database, with_world};

/// What `verify` finds on a cluster that tests run on, which need not survive a power cut.
fn allowed(problem: &str) -> bool {
    problem.starts_with("`fsync` is off") || problem.starts_with("`full_page_writes` is off")
}

/// What else it finds.
pub async fn problems(url: &str) -> Vec<String> {
    let found = verify(url).await.expect("verifies");
    found.problems.into_iter().filter(|problem| !allowed(problem)).collect()
}

#[tokio::test]
async fn a_database_is_migrated_once() {
    with_database(|url| async move {
        let refused = PgStore::connect(&url, PgOptions::default()).await.err();
        assert!(matches!(refused, Some(StoreError::Incompatible(text)) if text.contains("ork db migrate")));
        assert!(migration_state(&url).await.unwrap().iter().all(|m| !m.applied));
        assert_eq!(verify(&url).await.unwrap().problems, ["not migrated: run `ork db migrate`"]);
        // Two at once: one of them migrates.
        let (one, two) = tokio::join!(migrate(&url), migrate(&url));
        let mut applied = [one.unwrap(), two.unwrap()];
        applied.sort();
        let all = [
            "V1__core",
            "V2__queued_at",
            "V3__server",
            "V4__roles",
            "V5__keeping",
            "V6__steps",
            "V7__artifacts",
            "V8__logs",
            "V9__seals",
            "V10__origins",
        ]
        .map(str::to_owned)
        .to_vec();
        assert_eq!(applied, [vec![], all]);
        assert!(migration_state(&url).await.unwrap().iter().all(|m| m.applied));
        PgStore::connect(&app(&url), PgOptions::default()).await.unwrap();
    })
    .await;
}

/// Also the test that prepares every statement.
#[tokio::test]
async fn verify_finds_what_is_missing() {
    with_world(|w| async move {
        assert_eq!(verify(&w.url).await.unwrap().unchecked, None);
        for url in [&w.url, &w.owner] {
            assert_eq!(problems(url).await, Vec::<String>::new());
        }
        let unchecked = verify(&w.owner).await.unwrap().unchecked.unwrap();
        assert!(unchecked.contains("plans were not looked at"), "{unchecked}");
        let admin = client(&w.owner).await;
        admin.batch_execute("DROP INDEX ready_by_run; ALTER TABLE delayed DROP COLUMN due_at CASCADE").await.unwrap();
        let problems = problems(&w.url).await;
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
        let admin = client(&w.owner).await;
        admin.batch_execute("UPDATE refinery_schema_history SET checksum = '1'").await.unwrap();
        assert!(problems(&w.url).await.iter().any(|p| p.contains("differs from the one that was applied")));
        assert!(matches!(migrate(&w.owner).await, Err(StoreError::Incompatible(_))));
        let newer =
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (999, 'later', '', '1')";
        admin.batch_execute(newer).await.unwrap();
        let refused = PgStore::connect(&w.url, PgOptions::default()).await.err();
        assert!(matches!(refused, Some(StoreError::Incompatible(text)) if text.contains("use the newer Ork")));
        assert!(matches!(migrate(&w.owner).await, Err(StoreError::Incompatible(_))));
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
        let (app, admin) = (client(&w.url).await, client(&w.owner).await);
        // Even the owner, when no policy hides the rows from it.
        admin.batch_execute("ALTER TABLE events NO FORCE ROW LEVEL SECURITY").await.unwrap();
        for statement in ["UPDATE events SET actor_id = 'x'", "DELETE FROM events", "TRUNCATE events"] {
            let refused = admin.batch_execute(statement).await.unwrap_err();
            assert_eq!(refused.as_db_error().unwrap().message(), "events are immutable", "{statement}");
            let refused = app.batch_execute(statement).await.unwrap_err();
            // Who removes a run may delete its events, once there is nothing left of the run but its tombstone.
            let may = statement.starts_with("DELETE");
            let expected = if may { "events are immutable" } else { "permission denied for table events" };
            assert_eq!(refused.as_db_error().unwrap().message(), expected, "{statement}");
        }
        // Views are what SQL users read.
        let row =
            app.query_one("SELECT status FROM v_tasks WHERE run_id = $1 AND n = 0", &[&first(run).run.uuid()]).await;
        assert_eq!(row.unwrap().get::<_, &str>(0), "queued");
    })
    .await;
}

/// Rows are moved by what the migrations say of tables, and PostgreSQL says the same of them.
#[tokio::test]
async fn tables_are_read_from_migrations_as_they_are() {
    with_world(|world| async move {
        let db = client(&world.owner).await;
        let columns = "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL)
                       FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
                         AND NOT a.attisdropped ORDER BY c.relname, a.attnum";
        let mut found: BTreeMap<String, Vec<(String, Kind)>> = BTreeMap::new();
        for row in db.query(columns, &[]).await.unwrap() {
            let (table, column, word): (String, String, &str) = (row.get(0), row.get(1), row.get(2));
            let kind = match word {
                "smallint" | "integer" | "bigint" => Kind::Integer,
                "boolean" => Kind::Bool,
                "text" => Kind::Text,
                "json" => Kind::Json,
                "uuid" => Kind::Id,
                "bytea" => Kind::Bytes,
                "text[]" => Kind::Texts,
                "integer[]" => Kind::Integers,
                other if is_moved(&table) => panic!("`{table}.{column}` is of type `{other}`, which SQLite has not"),
                _ => continue,
            };
            if is_moved(&table) && !is_one_sided_column(&table, &column) {
                found.entry(table).or_default().push((column, kind));
            }
        }
        let named = |table: &Table| {
            let columns = table.columns.iter().map(|column| (column.name.clone(), column.kind));
            (table.name.clone(), columns.collect::<Vec<_>>())
        };
        let tables = ork_postgres::tables();
        assert_eq!(tables.iter().map(named).collect::<BTreeMap<_, _>>(), found);
        let keys = "SELECT c.relname::text, array_agg(a.attname::text ORDER BY k.at)
                    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
                    CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, at)
                    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
                    WHERE c.relnamespace = 'public'::regnamespace AND i.indisprimary GROUP BY 1";
        for row in db.query(keys, &[]).await.unwrap() {
            let (name, key): (String, Vec<String>) = (row.get(0), row.get(1));
            let Some(table) = tables.iter().find(|table| table.name == name) else { continue };
            assert_eq!(table.key.iter().map(|at| table.columns[*at].name.clone()).collect::<Vec<_>>(), key, "{name}");
        }
        let parents =
            "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'";
        for row in db.query(parents, &[]).await.unwrap() {
            let place = |name: &str| tables.iter().position(|table| table.name == name);
            assert!(place(row.get(1)) < place(row.get(0)), "what is referred to comes first");
        }
    })
    .await;
}

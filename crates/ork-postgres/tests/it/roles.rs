//! Who is let in, and what `verify` finds when somebody changed what they may.

use ork_core::error::StoreError;
use ork_postgres::{PgOptions, PgStore, migrate};

use crate::schema::problems;
use crate::world::{app, as_login, client, with_database, with_world};

/// What a login is told that may not work.
async fn refusal(url: &str) -> String {
    match PgStore::connect(url, PgOptions::default()).await.err() {
        Some(StoreError::Incompatible(text)) => text,
        other => panic!("it was not refused: {other:?}"),
    }
}

/// Attack 12.
#[tokio::test]
async fn logins_that_policies_do_not_bind_are_refused() {
    with_world(|w| async move {
        for (login, why) in [
            ("ork_owner", "owns the tables"),
            ("ork_member", "owns the tables"),
            ("ork_super", "is a superuser"),
            ("ork_bypass", "can bypass row level security"),
            ("ork_stranger", "is not a member of both"),
        ] {
            let text = refusal(&as_login(login, &w.owner)).await;
            assert!(text.contains(&format!("`{login}` is refused: it {why}")), "{text}");
            assert!(text.ends_with("(hint: CREATE ROLE ork LOGIN PASSWORD '…' IN ROLE ork_engine, ork_api)"), "{text}");
        }
    })
    .await;
}

/// Databases of one cluster are migrated side by side.
#[tokio::test]
async fn migrations_side_by_side_do_not_meet() {
    with_database(|one| async move {
        with_database(|two| async move {
            let (one, two) = tokio::join!(migrate(&one), migrate(&two));
            assert_eq!((one.unwrap().len(), two.unwrap().len()), (10, 10));
        })
        .await;
    })
    .await;
}

/// Each of these is done to a database of its own, and named by `verify`.
#[tokio::test]
async fn verify_names_what_somebody_changed() {
    let cases = [
        ("ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY", "table `tasks` does not force row level security"),
        ("ALTER TABLE logs DISABLE ROW LEVEL SECURITY", "table `logs` does not force row level security"),
        ("DROP POLICY tenant ON runs", "policy `tenant` of table `runs` is missing or differs"),
        ("DROP POLICY engine ON leases", "policy `engine` of table `leases` is missing or differs"),
        (
            "ALTER POLICY tenant ON events TO ork_api USING (workspace_id IS NOT NULL)",
            "policy `tenant` of table `events` is missing or differs",
        ),
        ("CREATE POLICY mine ON held TO ork_api USING (true)", "policy `mine` of table `held` is not Ork's"),
        (
            "DROP POLICY tenant ON held; CREATE POLICY tenant ON held FOR SELECT TO ork_api USING (true)",
            "policy `tenant` of table `held` is permissive and for `r`, not for all commands",
        ),
        ("GRANT DELETE ON events TO ork_api", "`ork_api` may delete on `events`, and must not"),
        ("GRANT UPDATE (actor_id) ON events TO ork_api", "`ork_api` may update on `events`, and must not"),
        ("GRANT SELECT ON runs TO public", "`public` may select on `runs`, and must not"),
        ("REVOKE INSERT ON tasks FROM ork_api", "`ork_api` may not insert on `tasks`, and must"),
        ("REVOKE USAGE ON SEQUENCE ready_seq FROM ork_engine", "`ork_engine` may not usage on `ready_seq`, and must"),
        ("ALTER VIEW v_runs SET (security_invoker = false)", "view `v_runs` is read with the rights of its owner"),
        (
            "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM runs'",
            "function `peek` has the rights of its owner",
        ),
        (
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "function `refuse_change` is missing or differs",
        ),
        (
            "CREATE OR REPLACE FUNCTION ork_place(workspace uuid) RETURNS text LANGUAGE sql AS $$SELECT 'own'$$",
            "function `ork_place` is missing or differs",
        ),
        (
            "ALTER TABLE events DISABLE TRIGGER events_are_not_changed",
            "trigger `events_are_not_changed` is missing or disabled",
        ),
        ("DROP TRIGGER runs_stay_where_they_are ON runs", "trigger `runs_stay_where_they_are` is missing or disabled"),
        ("DROP INDEX events_by_feed", "index `events_by_feed` is missing"),
        ("DROP INDEX leases_by_worker", "statement `leases/of_worker` does not go by the index `leases_by_worker`"),
        (
            "ALTER TABLE ready DROP CONSTRAINT ready_pkey",
            "statement `queue/claim` does not go by the index `ready_pkey`",
        ),
        ("DROP TABLE duties", "table `duties` is missing"),
    ];
    with_database(|model| async move {
        migrate(&model).await.unwrap();
        let (server, name) = model.rsplit_once('/').unwrap();
        let admin = client(&format!("{server}/postgres")).await;
        // A copy for each, so that no change hides another.
        let found_after = async |number: usize, change: &str| {
            let copy = format!("{name}_{number}");
            admin.batch_execute(&format!("CREATE DATABASE {copy} TEMPLATE {name}")).await.unwrap();
            let url = format!("{server}/{copy}");
            client(&url).await.batch_execute(change).await.unwrap_or_else(|e| panic!("{change}: {e:?}"));
            let found = problems(&app(&url)).await;
            admin.batch_execute(&format!("DROP DATABASE {copy} WITH (FORCE)")).await.unwrap();
            found
        };
        assert_eq!(found_after(0, "SELECT 1").await, Vec::<String>::new());
        for (number, (change, expected)) in cases.into_iter().enumerate() {
            let found = found_after(number + 1, change).await;
            assert!(found.iter().any(|problem| problem.starts_with(expected)), "{change}: {found:#?}");
        }
    })
    .await;
}

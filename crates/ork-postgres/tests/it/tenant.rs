//! G15 on PostgreSQL: what a tenant's handle sees and changes, also when the statement forgets to ask whose rows it is about.

use ork_core::error::StoreError;
use ork_core::graph::NewRun;
use ork_core::id::{RunId, WorkspaceId};
use ork_core::store::{Claim, Inspect, Queue, RunFilter, Runs, Scope, TaskFilter, Tasks, Workers};
use ork_postgres::{PgOptions, PgStore};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::world::{NOW, World, client, fan, new_run, node, plan, settle_of, success, with_world};

const OTHER: WorkspaceId = ork_conformance::OTHER;

/// The second tenant.
async fn add_other(w: &World) {
    let add = "INSERT INTO workspaces (id, name, created_at) VALUES ($1, 'other', 0)";
    client(&w.url).await.execute(add, &[&OTHER.uuid()]).await.expect("adds");
}

/// A run of that workspace, with something in most tables: an ended attempt, a lease, a queued task, labels, a log.
async fn run_in(w: &World, seed: u64, workspace: WorkspaceId) -> RunId {
    let mut new = new_run(seed, plan(vec![fan("a", &[], 3), node("b", &[0])]));
    new.plan.labels.insert("team".into(), workspace.to_string());
    new.workspace = workspace;
    w.store.submit(&new).await.expect("submits");
    let claim = Claim { scope: Scope::One(workspace), ..w.claim_of(w.worker, 2) };
    let claimed = w.store.claim(&claim).await.expect("claims");
    w.send(&[settle_of(&claimed[0], claim.lease, success())]).await;
    new.id
}

/// A connection that is what the handle of a tenant has, in a transaction of this workspace.
async fn as_api(w: &World, workspace: Option<WorkspaceId>) -> Client {
    let db = client(&w.url).await;
    db.batch_execute("SET ROLE ork_api").await.expect("answers");
    if let Some(workspace) = workspace {
        db.execute("SELECT set_config('ork.workspace', $1, false)", &[&workspace.uuid().to_string()])
            .await
            .expect("answers");
    }
    db
}

/// Tables by the catalogue: whatever is added must guard its rows too.
async fn tables(db: &Client, with_column: &str) -> Vec<String> {
    let rows = db
        .query(
            "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
             AND c.relname <> 'refinery_schema_history' AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = $1)",
            &[&with_column],
        )
        .await
        .expect("answers");
    rows.iter().map(|row| row.get(0)).collect()
}

async fn count(db: &Client, table: &str) -> Result<i64, Option<SqlState>> {
    let row = db.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await;
    row.map(|row| row.get(0)).map_err(|e| e.code().cloned())
}

#[tokio::test]
async fn every_table_guards_its_rows() {
    with_world(|w| async move {
        let db = client(&w.owner).await;
        let open = db
            .query(
                "SELECT relname::text FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
                 AND relname <> 'refinery_schema_history'
                 AND NOT (relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid))",
                &[],
            )
            .await
            .unwrap();
        let open: Vec<String> = open.iter().map(|row| row.get(0)).collect();
        assert_eq!(open, Vec::<String>::new(), "a new table needs policies, and its line in src/access.rs");
    })
    .await;
}

/// Attack 12: nothing is shown until somebody says for whom; an error would tell that there is something.
#[tokio::test]
async fn without_a_workspace_there_are_no_rows() {
    with_world(|w| async move {
        add_other(&w).await;
        run_in(&w, 1, WorkspaceId::DEFAULT).await;
        let db = client(&w.url).await;
        let tenants = tables(&db, "workspace_id").await;
        assert!(tenants.len() >= 20 && tenants.iter().any(|name| name == "v_tasks"), "{tenants:?}");
        let mut seen = 0;
        for table in tenants.iter().map(String::as_str).chain(["workspaces"]) {
            seen += i64::from(count(&db, table).await.unwrap() > 0);
        }
        assert!(seen >= 9, "{seen} tables have rows for the engine");
        let api = as_api(&w, None).await;
        for nobody in
            ["RESET ork.workspace", "SET ork.workspace = ''", "BEGIN; SET LOCAL ork.workspace = 'x'; ROLLBACK"]
        {
            api.batch_execute(nobody).await.unwrap();
            for table in tenants.iter().map(String::as_str).chain(["workspaces"]) {
                assert_eq!(count(&api, table).await, Ok(0), "{table}");
            }
        }
        // The owner migrates, and sees no more.
        let owner = client(&w.owner).await;
        for table in tenants.iter().filter(|name| !name.starts_with("v_")) {
            assert_eq!(count(&owner, table).await, Ok(0), "{table}");
        }
    })
    .await;
}

/// Attack 14: whatever a statement forgets.
#[tokio::test]
async fn a_statement_that_forgets_the_workspace_sees_its_own() {
    with_world(|w| async move {
        add_other(&w).await;
        let (own, theirs) = (run_in(&w, 1, WorkspaceId::DEFAULT).await, run_in(&w, 2, OTHER).await);
        let api = as_api(&w, Some(OTHER)).await;
        for table in tables(&api, "workspace_id").await {
            let others = format!("SELECT count(*) FROM {table} WHERE workspace_id IS DISTINCT FROM $1");
            let row = api.query_one(&others, &[&OTHER.uuid()]).await.unwrap();
            assert_eq!(row.get::<_, i64>(0), 0, "{table}");
        }
        for table in ["runs", "tasks", "events", "leases", "run_labels", "v_runs", "v_tasks"] {
            assert!(count(&api, table).await.unwrap() > 0, "{table}");
        }
        let row = api.query_one("SELECT count(*), min(id::text) FROM workspaces", &[]).await.unwrap();
        assert_eq!((row.get(0), row.get::<_, &str>(1)), (1_i64, OTHER.uuid().to_string().as_str()));
        // Neither does a write reach further.
        for write in ["UPDATE runs SET priority = 9", "UPDATE run_heads SET paused = true", "DELETE FROM ready"] {
            api.batch_execute(write).await.unwrap();
        }
        let row = w.store.run(Scope::All, own).await.unwrap().unwrap();
        assert_eq!((row.priority, row.status.word()), (0, "running"));
        assert_eq!(w.store.run(Scope::All, theirs).await.unwrap().unwrap().priority, 9);
        assert_eq!(w.store.lanes(Scope::All, 100).await.unwrap()[0].ready, 1);
    })
    .await;
}

/// What `ork_api` is refused, and the text that says so has nothing of others in it (attack 15).
#[tokio::test]
async fn what_a_tenant_may_not_write() {
    with_world(|w| async move {
        add_other(&w).await;
        let (own, theirs) = (run_in(&w, 1, WorkspaceId::DEFAULT).await, run_in(&w, 2, OTHER).await);
        let api = as_api(&w, Some(OTHER)).await;
        let foreign = WorkspaceId::DEFAULT.uuid();
        let (own, theirs) = (own.uuid(), theirs.uuid());
        let check = async |statement: String, expected: SqlState, message: &str| {
            let refused = api.batch_execute(&statement).await.expect_err(&statement);
            let error = refused.as_db_error().unwrap();
            assert_eq!((error.code(), error.message()), (&expected, message), "{statement}");
            assert_eq!(error.detail(), None, "{statement}");
        };
        let policy = |table: &str| format!("new row violates row-level security policy for table \"{table}\"");
        let insert = format!("INSERT INTO run_labels (run_id, key, value, workspace_id) VALUES ('{theirs}', 'k', 'v', '{foreign}')");
        check(insert, SqlState::INSUFFICIENT_PRIVILEGE, &policy("run_labels")).await;
        let insert = format!("INSERT INTO queue_pauses VALUES ('{foreign}', 'q', 'me', 0)");
        check(insert, SqlState::INSUFFICIENT_PRIVILEGE, &policy("queue_pauses")).await;
        let moved = format!("UPDATE run_heads SET workspace_id = '{foreign}'");
        check(moved, SqlState::INSUFFICIENT_PRIVILEGE, &policy("run_heads")).await;
        let moved = format!("UPDATE runs SET workspace_id = '{foreign}'");
        check(moved, SqlState::RAISE_EXCEPTION, "a run keeps its workspace and its owner").await;
        // The index sees the row that the policy hides; it says no more than that there is one.
        let twin = format!(
            "INSERT INTO run_heads SELECT '{own}', workspace_id, status, paused, held, stopping, cancelling, on_failure, has_result, seq,
             tasks_total, tasks_left, tasks_bad FROM run_heads LIMIT 1"
        );
        check(twin, SqlState::UNIQUE_VIOLATION, "duplicate key value violates unique constraint \"run_heads_pkey\"").await;
        for (statement, table) in [
            ("DELETE FROM runs", "runs"),
            ("DELETE FROM tasks", "tasks"),
            ("UPDATE events SET actor_id = ''", "events"),
            ("DELETE FROM events", "events"),
            ("TRUNCATE ready", "ready"),
            ("UPDATE workers SET ended_at = 0", "workers"),
            ("UPDATE workspaces SET name = 'mine'", "workspaces"),
            ("SELECT * FROM duties", "duties"),
        ] {
            check(statement.into(), SqlState::INSUFFICIENT_PRIVILEGE, &format!("permission denied for table {table}")).await;
        }
        check("DROP TABLE ready".into(), SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of table ready").await;
    })
    .await;
}

/// A handle is of one tenant: that what it is asked for is its own, the handle says before the database does.
#[tokio::test]
async fn a_handle_serves_its_own_tenant() {
    with_world(|w| async move {
        add_other(&w).await;
        let (own, theirs) = (run_in(&w, 1, WorkspaceId::DEFAULT).await, run_in(&w, 2, OTHER).await);
        let tenant = w.store.for_tenant(OTHER, None);
        let scope = Scope::One(OTHER);
        assert_eq!(tenant.run(scope, own).await, Ok(None));
        assert_eq!(tenant.run(scope, theirs).await.unwrap().unwrap().id, theirs);
        for scope in [Scope::All, Scope::One(WorkspaceId::DEFAULT)] {
            assert!(matches!(tenant.run(scope, theirs).await, Err(StoreError::NotFound(_))));
            assert!(matches!(tenant.runs(scope, &RunFilter::default()).await, Err(StoreError::NotFound(_))));
            assert!(matches!(tenant.dump(scope, theirs).await, Err(StoreError::NotFound(_))));
            let cancelled = tenant.cancel_run(scope, own, ork_core::state::Reason::Cancel, &w.actor(), NOW).await;
            assert!(matches!(cancelled, Err(StoreError::NotFound(_))));
        }
        assert!(matches!(tenant.submit(&new_run(3, plan(vec![node("a", &[])]))).await, Err(StoreError::NotFound(_))));
        assert!(matches!(tenant.retire_worker(w.worker, NOW).await, Err(StoreError::NotFound(_))));
        assert_eq!(tenant.leases_of(w.worker, 100).await.unwrap().len(), 1, "and not the leases of others");
        assert_eq!(w.store.leases_of(w.worker, 100).await.unwrap().len(), 2);
        assert_eq!(tenant.workers(scope).await.unwrap().len(), 1, "workers serve all");
    })
    .await;
}

/// Attacks 13 and 53: a connection that was another tenant's a moment ago, on a pool of one.
#[tokio::test]
async fn a_connection_keeps_nothing_of_the_one_before() {
    with_world(|w| async move {
        add_other(&w).await;
        let store = PgStore::connect(&w.url, PgOptions { writers: 1, readers: 1 }).await.unwrap();
        let runs =
            [(WorkspaceId::DEFAULT, run_in(&w, 1, WorkspaceId::DEFAULT).await), (OTHER, run_in(&w, 2, OTHER).await)];
        for round in 0..20 {
            for (workspace, run) in runs {
                let (tenant, scope) = (store.for_tenant(workspace, None), Scope::One(workspace));
                let listed = tenant.runs(scope, &RunFilter { limit: 10, ..RunFilter::default() }).await.unwrap();
                assert_eq!(listed.iter().map(|row| row.id).collect::<Vec<_>>(), [run], "round {round}");
                assert_eq!(tenant.run_ids(scope, None, 10).await, Ok(vec![run]));
                assert_eq!(
                    tenant.tasks(scope, run, &TaskFilter { limit: 10, ..TaskFilter::default() }).await.unwrap().len(),
                    4
                );
                let paused = tenant.pause_run(scope, run, &w.actor(), NOW).await.unwrap();
                assert!(paused && tenant.resume_run(scope, run, &w.actor(), NOW).await.unwrap());
                // A statement that fails ends its transaction too.
                let missing = tenant.pause_run(scope, RunId::from_uuid(Uuid::nil()), &w.actor(), NOW).await;
                assert!(matches!(missing, Err(StoreError::NotFound(_))));
            }
        }
        let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
        let row = client(&w.url).await.query_one(idle, &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 0);
    })
    .await;
}

/// A caller that gives up in the middle leaves a connection that the next tenant can use, or none.
#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_tenant_behind() {
    with_world(|w| async move {
        add_other(&w).await;
        let store = PgStore::connect(&w.url, PgOptions { writers: 1, readers: 1 }).await.unwrap();
        let (own, theirs) = (run_in(&w, 1, WorkspaceId::DEFAULT).await, run_in(&w, 2, OTHER).await);
        for polls in 0..40 {
            let (mine, other) = (store.for_tenant(WorkspaceId::DEFAULT, None), store.for_tenant(OTHER, None));
            let mut asked = Box::pin(mine.run_ids(Scope::One(WorkspaceId::DEFAULT), None, 10));
            for _ in 0..polls {
                let once = futures_util::poll!(&mut asked);
                if let std::task::Poll::Ready(answer) = once {
                    assert_eq!(answer, Ok(vec![own]));
                    asked = Box::pin(mine.run_ids(Scope::One(WorkspaceId::DEFAULT), None, 10));
                }
                tokio::task::yield_now().await;
            }
            drop(asked);
            assert_eq!(other.run_ids(Scope::One(OTHER), None, 10).await, Ok(vec![theirs]), "after {polls} polls");
        }
    })
    .await;
}

/// Where a workspace isolates owners: a person sees and changes only the runs that are theirs, and adds nothing below others.
#[tokio::test]
async fn owners_see_their_own_runs() {
    with_world(|w| async move {
        let scope = Scope::One(WorkspaceId::DEFAULT);
        let [ada, bob] = ["ada", "bob"].map(|name| w.store.for_tenant(WorkspaceId::DEFAULT, Some(name)));
        let run_of =
            |seed, name: &str| NewRun { owner: Some(name.into()), ..new_run(seed, plan(vec![node("a", &[])])) };
        let (hers, his) = (run_of(101, "ada"), run_of(102, "bob"));
        assert!(ada.submit(&run_of(103, "bob")).await.is_err(), "not on behalf of somebody else");
        ada.submit(&hers).await.unwrap();
        bob.submit(&his).await.unwrap();
        let nobodys = w.submit(plan(vec![node("a", &[])])).await;
        for (store, expected) in [(&ada, hers.id), (&bob, his.id)] {
            assert_eq!(store.run_ids(scope, None, 10).await, Ok(vec![expected]));
        }
        assert_eq!(w.store.for_tenant(WorkspaceId::DEFAULT, None).run_ids(scope, None, 10).await.unwrap().len(), 3);
        for stranger in [his.id, nobodys] {
            assert_eq!(ada.run(scope, stranger).await, Ok(None));
            assert_eq!(ada.groups(scope, stranger).await.unwrap(), []);
            let cancelled = ada.cancel_run(scope, stranger, ork_core::state::Reason::Cancel, &w.actor(), NOW).await;
            assert!(matches!(cancelled, Err(StoreError::NotFound(_))), "{cancelled:?}");
        }
        assert!(ada.cancel_run(scope, hers.id, ork_core::state::Reason::Cancel, &w.actor(), NOW).await.unwrap());
        let api = as_api(&w, Some(WorkspaceId::DEFAULT)).await;
        api.batch_execute("SET ork.owner = 'ada'").await.unwrap();
        for table in ["tasks", "groups", "run_heads", "events", "ready"] {
            let strangers = format!("SELECT count(*) FROM {table} WHERE run_id <> $1");
            assert_eq!(api.query_one(&strangers, &[&hers.id.uuid()]).await.unwrap().get::<_, i64>(0), 0, "{table}");
        }
        let below = "INSERT INTO run_labels (run_id, key, value, workspace_id) VALUES ($1, 'k', 'v', $2)";
        let workspace = WorkspaceId::DEFAULT.uuid();
        let refused = api.execute(below, &[&his.id.uuid(), &workspace]).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
        api.execute(below, &[&hers.id.uuid(), &workspace]).await.unwrap();
        let engine = client(&w.url).await;
        let moved = engine.batch_execute("UPDATE runs SET owner_id = 'eve'").await.unwrap_err();
        assert_eq!(moved.as_db_error().unwrap().message(), "a run keeps its workspace and its owner");
        let rows = engine.query("SELECT owner_id FROM runs ORDER BY id", &[]).await.unwrap();
        let owners: Vec<Option<String>> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(owners.iter().flatten().collect::<Vec<_>>(), ["ada", "bob"]);
    })
    .await;
}

/// A claim of one tenant's says nothing about what others have in the queue.
#[tokio::test]
async fn a_tenants_claim_hides_nothing_from_the_engine() {
    with_world(|w| async move {
        add_other(&w).await;
        w.submit(plan(vec![fan("a", &[], 2)])).await;
        let tenant = w.store.for_tenant(OTHER, None);
        for _ in 0..3 {
            let claim = Claim { scope: Scope::One(OTHER), ..w.claim_of(w.worker, 10) };
            assert_eq!(tenant.claim(&claim).await, Ok(vec![]));
        }
        assert_eq!(w.claim(10).await.tasks.len(), 2);
    })
    .await;
}

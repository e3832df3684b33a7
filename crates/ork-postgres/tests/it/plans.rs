//! How statements scale: how many there are, and how PostgreSQL carries out the hot ones.

use ork_core::id::{RunId, WorkspaceId};
use ork_core::store::{Inspect, Queue, Scope};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::world::{World, client, failure, fan, node, plan, success, with_world};

/// Statements that a settle of `count` tasks sends, once everything is prepared.
async fn statements(w: &World, count: u32, fails: bool) -> u64 {
    w.submit(plan(vec![fan("a", &[], count), node("b", &[0])])).await;
    let batch = w.claim(count as usize).await;
    assert_eq!(batch.tasks.len(), count as usize);
    let before = w.store.statements_sent();
    w.settle(&batch, if fails { failure() } else { success() }).await;
    let sent = w.store.statements_sent() - before;
    w.drain(500).await;
    sent
}

#[tokio::test]
async fn a_settle_sends_as_many_statements_for_500_tasks_as_for_one() {
    with_world(|w| async move {
        for fails in [false, true] {
            let one = statements(&w, 1, fails).await;
            let many = statements(&w, 500, fails).await;
            assert_eq!(one, many, "fails: {fails}");
            assert!(one <= 22, "{one} statements");
        }
    })
    .await;
}

#[tokio::test]
async fn a_settle_of_many_runs_is_no_longer() {
    with_world(|w| async move {
        let one = statements(&w, 1, false).await;
        for _ in 0..50 {
            w.submit(plan(vec![node("a", &[]), node("b", &[0])])).await;
        }
        let batch = w.claim(100).await;
        let before = w.store.statements_sent();
        w.settle(&batch, success()).await;
        assert_eq!((batch.tasks.len(), w.store.statements_sent() - before), (50, one));
    })
    .await;
}

/// Fills the queue behind PostgreSQL's back.
async fn fill(w: &World, run: RunId) {
    let owner = client(&w.owner).await;
    owner.batch_execute("ALTER TABLE ready SET (autovacuum_enabled = off); ANALYZE ready").await.expect("prepares");
    let db = client(&w.url).await;
    db.batch_execute(&format!(
        "INSERT INTO ready SELECT 'work', '{}', s % 3, nextval('ready_seq'), '{}', s, 0, 0, 1 FROM generate_series(1, 200000) s",
        WorkspaceId::DEFAULT.uuid(),
        run.uuid()
    ))
    .await
    .expect("the queue is filled");
}

/// Counting a lane ends at the limit, whatever lies behind it.
#[tokio::test]
async fn lanes_are_counted_along_the_key() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![node("a", &[])])).await;
        let (db, owner) = (client(&w.url).await, client(&w.owner).await);
        fill(&w, run).await;
        let statement = format!("EXPLAIN (ANALYZE, TIMING off) {}", include_str!("../../sql/lanes/list.sql"));
        db.batch_execute("SET ROLE ork_engine; SET plan_cache_mode = force_custom_plan").await.unwrap();
        for analyze in ["", "ANALYZE ready"] {
            owner.batch_execute(analyze).await.unwrap();
            for workspace in [None, Some(WorkspaceId::DEFAULT.uuid())] {
                let rows = db.query(&statement, &[&workspace, &100_i64]).await.unwrap();
                let shape = rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n");
                assert!(!shape.contains("Seq Scan on ready") && !shape.contains("actual rows=200000"), "{shape}");
            }
        }
        let lanes = w.store.lanes(Scope::All, 100).await.unwrap();
        assert!(lanes.iter().any(|lane| lane.lane == "work" && lane.ready == 100), "{lanes:?}");
    })
    .await;
}

/// Fills the queue, and explains a claim while its statistics still say that the table is empty.
#[tokio::test]
async fn a_claim_walks_along_the_key() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![node("a", &[])])).await;
        let (db, owner) = (client(&w.url).await, client(&w.owner).await);
        fill(&w, run).await;
        db.batch_execute(
            "SET ROLE ork_engine; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET plan_cache_mode = force_generic_plan",
        )
        .await
        .unwrap();
        for analyze in ["", "ANALYZE ready"] {
            owner.batch_execute(analyze).await.unwrap();
            let shape = explain_claim(&db, w.worker.uuid()).await;
            assert!(!shape.contains("Seq Scan"), "{shape}");
            assert!(shape.contains("Index Scan using ready_pkey") || shape.contains("Index Only Scan using ready_pkey"), "{shape}");
            assert!(shape.contains("Tid Scan on ready"), "{shape}");
        }
        let batch = w.claim(500).await;
        assert_eq!(batch.tasks.len(), 500);
        assert!(w.store.claim(&ork_core::store::Claim { scope: Scope::All, ..w.claim_of(w.worker, 0) }).await.unwrap().is_empty());
    })
    .await;
}

async fn explain_claim(db: &tokio_postgres::Client, worker: Uuid) -> String {
    let statement = format!("EXPLAIN (ANALYZE, TIMING off) {}", include_str!("../../sql/queue/claim.sql"));
    let params: [&(dyn ToSql + Sync); 9] = [
        &vec!["work"],
        &vec![WorkspaceId::DEFAULT.uuid()],
        &vec![i64::MIN],
        &vec![i64::MIN],
        &500_i64,
        &500_i64,
        &worker,
        &1_i64,
        &1_i64,
    ];
    db.batch_execute("BEGIN").await.expect("begins");
    let rows = db.query(&statement, &params).await.expect("explains");
    db.batch_execute("ROLLBACK").await.expect("rolls back");
    rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

/// What claims, settles and sweeps send, and a resume: it may meet 100,000 tasks.
const HOT: &[&str] = &[
    "evaluations/drop",
    "groups/lock",
    "groups/update",
    "heads/lock",
    "heads/update",
    "leases/lock",
    "leases/progress",
    "leases/start",
    "leases/take",
    "queue/claim",
    "queue/drop_unspared",
    "queue/insert",
    "queue/undelay",
    "queue/undelay_unspared",
    "runs/finish",
    "tasks/end",
    "tasks/go_on",
    "tasks/settled_as",
    "tasks/skip_groups",
    "tasks/sweep",
    "tasks/tally",
    "tasks/to_resume",
];

/// Plans are kept as long as a connection lives. Those that were made while tables were tiny, and known to be, must find each
/// row by its key all the same: a walk over the index that was as good for two rows took 40 seconds for 100,000.
#[tokio::test]
async fn plans_made_for_tiny_tables_stay_good() {
    with_world(|w| async move {
        w.submit(plan(vec![node("a", &[])])).await;
        client(&w.owner).await.batch_execute("ANALYZE").await.unwrap();
        let db = client(&w.url).await;
        db.batch_execute(
            "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
             SET plan_cache_mode = force_generic_plan",
        )
        .await
        .unwrap();
        for (role, name) in
            ["ork_engine", "ork_api"].into_iter().flat_map(|role| HOT.iter().map(move |name| (role, name)))
        {
            db.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
            let path = format!("{}/sql/{name}.sql", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            let params = (1..=30).rev().find(|n| text.contains(&format!("${n}"))).unwrap();
            db.batch_execute(&format!("PREPARE hot AS {text}")).await.unwrap();
            let nulls = vec!["NULL"; params].join(", ");
            let rows = db.query(&format!("EXPLAIN EXECUTE hot({nulls})"), &[]).await.unwrap();
            db.batch_execute("DEALLOCATE hot").await.unwrap();
            let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            let shape = lines.join("\n");
            assert!(!shape.contains("Seq Scan") && !shape.contains("Join Filter"), "{role} {name}:\n{shape}");
            for (at, _) in lines.iter().enumerate().filter(|(_, line)| line.contains("Index")) {
                let keyed =
                    lines[at].contains("Cond:") || lines.get(at + 1).is_some_and(|next| next.contains("Index Cond"));
                assert!(keyed, "{role} {name}:\n{shape}");
            }
        }
    })
    .await;
}

/// With policies, too, a tenant's list is a walk along its newest runs that ends with the page. What a policy asks for must
/// look as common to PostgreSQL as it is: else it gathers all runs and sorts them.
#[tokio::test]
async fn a_tenants_list_ends_with_its_page() {
    with_world(|w| async move {
        let db = client(&w.url).await;
        let workspace = WorkspaceId::DEFAULT.uuid();
        db.batch_execute(&format!(
            "INSERT INTO runs (id, workspace_id, name, priority, plan, input, triggered_by, created_at, finished_at)
             SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(s), 12, '0'))::uuid, '{workspace}', 'n' || s % 10, 0, '{{}}', '{{}}', 'api', s, s
             FROM generate_series(1, 50000) s;
             INSERT INTO run_heads (run_id, workspace_id, status, paused, held, stopping, on_failure, has_result, seq, tasks_total,
                                    tasks_left, tasks_bad)
             SELECT id, workspace_id, 'success', false, false, false, 'stop', false, 1, 1, 0, 0 FROM runs"
        ))
        .await
        .unwrap();
        client(&w.owner).await.batch_execute("ANALYZE runs; ANALYZE run_heads").await.unwrap();
        let prepare = format!("PREPARE list AS {}", include_str!("../../sql/runs/list.sql"));
        db.batch_execute(&format!("SET plan_cache_mode = force_custom_plan; SET ork.workspace = '{workspace}'; {prepare}"))
            .await
            .unwrap();
        for role in ["ork_engine", "ork_api"] {
            db.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
            for wanted in ["NULL, NULL", "'n2', NULL"] {
                let rest = "NULL, NULL, false, false, NULL, NULL, NULL, NULL, NULL, NULL, 20, NULL, false";
                let explain = format!("EXPLAIN (ANALYZE, TIMING off) EXECUTE list ('{workspace}', NULL, {wanted}, {rest})");
                let rows = db.query(&explain, &[]).await.unwrap();
                let shape = rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n");
                assert!(!shape.contains("Sort") && !shape.contains("Seq Scan on run"), "{role} {wanted}:\n{shape}");
            }
        }
    })
    .await;
}

/// What a tenant reads along a key, with the values it is asked for: `RUN` is one.
const BY_KEY: &[(&str, &str)] = &[
    ("artifacts/get", "RUN, NULL"),
    ("attempts/of_task", "RUN, 7, NULL"),
    ("events/list", "RUN, 4990, NULL, 100"),
    ("logs/last", "RUN, 7, 1, NULL"),
    ("logs/place", "RUN, 7, 1, 5000, NULL"),
    ("logs/read", "RUN, 7, 1, 4999, NULL, 1000"),
    ("run_budgets/get", "RUN, NULL"),
    ("runs/get", "RUN, NULL"),
    ("runs/source", "RUN, NULL"),
    ("tasks/get", "RUN, 7, NULL"),
];

/// Their plans are kept as well, and are made while the server is new. In a large run each of them meets only a few rows.
#[tokio::test]
async fn what_is_read_along_a_key_meets_few_rows() {
    with_world(|w| async move {
        w.submit(plan(vec![node("a", &[])])).await;
        client(&w.owner).await.batch_execute("ANALYZE").await.unwrap();
        let (db, workspace) = (client(&w.url).await, WorkspaceId::DEFAULT.uuid());
        let text = format!("{}/sql/session/set_tenant_by_key.sql", env!("CARGO_MANIFEST_DIR"));
        let set = std::fs::read_to_string(text).unwrap().replace("$1", &format!("'{workspace}'")).replace("$2", "''");
        db.batch_execute(&format!("SET ROLE ork_api; BEGIN; {set}")).await.unwrap();
        let explain = async |(at, values): (usize, &str)| {
            let rows =
                db.query(&format!("EXPLAIN (ANALYZE, TIMING off) EXECUTE own{at}({values})"), &[]).await.unwrap();
            rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
        };
        for (at, (name, values)) in BY_KEY.iter().enumerate() {
            let path = format!("{}/sql/{name}.sql", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            db.batch_execute(&format!("PREPARE own{at} AS {text}")).await.unwrap();
            explain((at, &values.replace("RUN", &format!("'{workspace}'")))).await;
        }
        let mut nodes: Vec<_> = (0..1_000).map(|n| node(&format!("n{n}"), &[])).collect();
        nodes.push(fan("many", &[], 2_000));
        let run = w.submit(plan(nodes)).await;
        let other = client(&w.url).await;
        other
            .batch_execute(&format!(
                "INSERT INTO logs (run_id, n, attempt, start, line, workspace_id, stream, bytes)
                 SELECT '{run}', 7, 1, s, s, '{workspace}', 'stdout', '\\x0a' FROM generate_series(0, 4999) s;
                 INSERT INTO events SELECT (jsonb_populate_record(e, jsonb_build_object('seq', s, 'seq_last', s))).*
                 FROM events e, generate_series(100, 5000) s WHERE e.run_id = '{run}' AND e.seq = 1",
                run = run.uuid()
            ))
            .await
            .unwrap();
        for (at, (name, values)) in BY_KEY.iter().enumerate() {
            let shape = explain((at, &values.replace("RUN", &format!("'{}'", run.uuid())))).await;
            let met = shape.match_indices("rows=").chain(shape.match_indices("Removed by Filter: "));
            let met = met.filter_map(|(at, word)| shape[at + word.len()..].split(|c: char| !c.is_ascii_digit()).next());
            let most = met.filter_map(|count| count.parse::<u64>().ok()).max();
            assert!(most.is_some_and(|most| most <= 20) && !shape.contains("Seq Scan"), "{name}:\n{shape}");
        }
    })
    .await;
}

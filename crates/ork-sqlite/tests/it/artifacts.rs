//! What runs keep: rows that SQLite itself keeps as they are, and lists that go by their indexes.

use ork_core::artifact::{ArtifactAt, NewArtifact, Provenance};
use ork_core::clock::SeededEntropy;
use ork_core::error::StoreError;
use ork_core::event::Actor;
use ork_core::id::{ArtifactId, RunId};
use ork_core::store::{Artifacts, ArtifactsCreated, Runs, Scope};
use ork_sqlite::{SqliteOptions, SqliteStore};
use rusqlite::Connection;

use crate::lifecycle::{NOW, new_run, node, scratch};

fn link(run: RunId, seed: u64) -> NewArtifact {
    NewArtifact {
        id: ArtifactId::new(NOW, &mut SeededEntropy::new(seed)),
        run,
        from: Provenance::default(),
        name: format!("file {seed}"),
        kind: "file".into(),
        content_type: "text/plain".into(),
        at: ArtifactAt::Elsewhere { url: "https://a.example/".into(), size: None, checksum: None },
        meta: None,
    }
}

async fn create(store: &SqliteStore, new: &[NewArtifact]) -> Result<ArtifactsCreated, StoreError> {
    store.create_artifacts(Scope::All, new, None, &Actor::user("tester"), NOW).await
}

/// A file with a run in it, opened twice.
async fn opened(name: &str) -> (SqliteStore, Connection, RunId) {
    let path = scratch(name).join("ork.db");
    let store = SqliteStore::open(&path, &SqliteOptions::default()).expect("opens");
    let new = new_run(1, vec![node("a", &[])]);
    store.submit(&new).await.expect("submits");
    (store, Connection::open(&path).expect("opens again"), new.id)
}

/// Attack 48, at the database itself.
#[tokio::test]
async fn artifacts_cannot_be_changed() {
    let (store, db, run) = opened("immutable").await;
    assert_eq!(create(&store, &[link(run, 1)]).await, Ok(ArtifactsCreated::Created));
    for statement in [
        "UPDATE artifacts SET checksum = 'x'",
        "DELETE FROM artifacts",
        "REPLACE INTO artifacts SELECT * FROM artifacts",
    ] {
        let refused = db.execute(statement, []).expect_err(statement);
        assert!(refused.to_string().contains("artifacts are immutable"), "{statement}: {refused}");
    }
    let insert = "INSERT INTO artifacts (id, workspace_id, run_id, name, kind, content_type, key, url, size, checksum, created_at)
                  SELECT randomblob(16), workspace_id, run_id, ?1, 'b', 'c', ?2, ?3, ?4, ?5, 0 FROM artifacts";
    let none = None::<&str>;
    for (name, key, url, size, checksum) in [
        ("", none, Some("u"), None, none),
        ("a", none, none, None, none),
        ("a", Some("k"), Some("u"), Some(1), Some("c")),
        ("a", Some("k"), none, None, Some("c")),
        ("a", Some("k"), none, Some(1), none),
        ("a", none, Some("u"), Some(-1), none),
    ] {
        let refused = db.execute(insert, (name, key, url, size, checksum)).expect_err("it cannot be");
        assert!(refused.to_string().contains("CHECK"), "{refused}");
    }
}

#[tokio::test]
async fn a_run_has_so_many_artifacts() {
    let (store, db, run) = opened("many").await;
    db.execute("UPDATE run_heads SET artifacts = 99998", []).expect("counts up");
    let new: Vec<NewArtifact> = (1..5).map(|seed| link(run, seed)).collect();
    assert!(matches!(create(&store, &new[..3]).await, Err(StoreError::Limit(_))));
    assert_eq!(create(&store, &new[..1]).await, Ok(ArtifactsCreated::Created));
    assert_eq!(create(&store, &new[..2]).await, Ok(ArtifactsCreated::Created), "what is there counts once");
    assert!(matches!(create(&store, &new[2..3]).await, Err(StoreError::Limit(_))));
    let count: (i64, i64) = db
        .query_row("SELECT artifacts, (SELECT count(*) FROM artifacts) FROM run_heads", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("counts");
    assert_eq!(count, (100_000, 2));
}

/// Whatever SQLite knows of a file, a page of a list is read along an index and nothing is sorted.
#[tokio::test]
async fn lists_go_by_their_indexes() {
    let (_store, db, _) = opened("lists").await;
    for (name, index) in [
        ("list", "PRIMARY KEY (id<?)"),
        ("list_of_workspace", "artifacts_by_workspace (workspace_id=? AND id<?)"),
        ("list_of_run", "artifacts_by_run (run_id=? AND id<?)"),
        ("list_of_task", "artifacts_by_task (run_id=? AND n=? AND id<?)"),
        ("of_run", "artifacts_by_run (run_id=?)"),
        ("get", "PRIMARY KEY (id=?)"),
    ] {
        let path = format!("{}/sql/artifacts/{name}.sql", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("it is there");
        let mut explained = db.prepare(&format!("EXPLAIN QUERY PLAN {text}")).expect("prepares");
        let count = explained.parameter_count();
        let rows =
            explained.query_map(rusqlite::params_from_iter(vec![rusqlite::types::Null; count]), |row| row.get(3));
        let plan: Vec<String> = rows.expect("explains").collect::<Result<_, _>>().expect("rows");
        assert!(plan.iter().any(|step| step.contains(index)), "{name}: {plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE") || step.starts_with("SCAN")), "{name}: {plan:?}");
    }
}

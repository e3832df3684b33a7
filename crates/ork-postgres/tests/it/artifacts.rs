//! What runs keep, on connections that race and roles that may not.

use ork_core::artifact::{ArtifactAt, NewArtifact, Provenance};
use ork_core::clock::SeededEntropy;
use ork_core::error::StoreError;
use ork_core::graph::NewRun;
use ork_core::id::{ArtifactId, RunId, WorkspaceId};
use ork_core::store::{ArtifactFilter, Artifacts, ArtifactsCreated, Runs, Scope};
use ork_postgres::PgStore;
use tokio_postgres::error::SqlState;

use crate::world::{NOW, World, client, new_run, node, plan, with_world};

const OWN: Scope = Scope::One(WorkspaceId::DEFAULT);

/// An artifact whose bytes are elsewhere.
pub fn link(run: RunId, seed: u64) -> NewArtifact {
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

async fn create(w: &World, store: &PgStore, new: &[NewArtifact]) -> Result<ArtifactsCreated, StoreError> {
    store.create_artifacts(OWN, new, None, &w.actor(), NOW).await
}

/// Attack 48, at the database itself.
#[tokio::test]
async fn artifacts_cannot_be_changed() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![node("a", &[])])).await;
        assert_eq!(create(&w, &w.store, &[link(run, 1)]).await, Ok(ArtifactsCreated::Created));
        let (app, admin) = (client(&w.url).await, client(&w.owner).await);
        // Even the owner, when no policy hides the rows from it.
        admin.batch_execute("ALTER TABLE artifacts NO FORCE ROW LEVEL SECURITY").await.unwrap();
        for statement in ["UPDATE artifacts SET checksum = 'x'", "DELETE FROM artifacts", "TRUNCATE artifacts"] {
            let refused = admin.batch_execute(statement).await.unwrap_err();
            assert_eq!(refused.as_db_error().unwrap().message(), "artifacts are immutable", "{statement}");
            let refused = app.batch_execute(statement).await.unwrap_err();
            // Who removes a run may delete its artifacts, once there is nothing left of the run but its tombstone.
            let may = statement.starts_with("DELETE");
            let expected = if may { "artifacts are immutable" } else { "permission denied for table artifacts" };
            assert_eq!(refused.as_db_error().unwrap().message(), expected, "{statement}");
        }
        let insert = "INSERT INTO artifacts (id, workspace_id, run_id, name, kind, content_type, key, url, size, checksum, created_at)
                      SELECT gen_random_uuid(), workspace_id, run_id, $1::text, 'b', 'c', $2::text, $3::text, $4::bigint, $5::text, 0
                      FROM artifacts";
        for (name, key, url, size, checksum) in [
            ("", None, Some("u"), None, None),
            ("a", None, None, None, None),
            ("a", Some("k"), Some("u"), Some(1_i64), Some("c")),
            ("a", Some("k"), None, None, Some("c")),
            ("a", Some("k"), None, Some(1), None),
            ("a", None, Some("u"), Some(-1), None),
        ] {
            let refused = app.execute(insert, &[&name, &key, &url, &size, &checksum]).await.unwrap_err();
            assert_eq!(refused.code(), Some(&SqlState::CHECK_VIOLATION), "{name} {key:?} {url:?}");
        }
    })
    .await;
}

/// Whoever comes first, on as many connections as there are: bytes that an artifact names are there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_race_the_collector() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![node("a", &[])])).await;
        let store = std::sync::Arc::new(w.store.clone()) as std::sync::Arc<dyn ork_core::store::Store>;
        let raced = ork_conformance::uploads_against_the_collector(&store, run, NOW, 1_000).await;
        println!("{raced:?}");
        assert_eq!(raced.named, 1_000);
        assert!(raced.gone > 20, "they meet: {raced:?}");
    })
    .await;
}

#[tokio::test]
async fn a_run_has_so_many_artifacts() {
    with_world(|w| async move {
        let run = w.submit(plan(vec![node("a", &[])])).await;
        let admin = client(&w.url).await;
        admin.batch_execute("UPDATE run_heads SET artifacts = 99998").await.unwrap();
        let new: Vec<NewArtifact> = (1..5).map(|seed| link(run, seed)).collect();
        assert!(matches!(create(&w, &w.store, &new[..3]).await, Err(StoreError::Limit(_))));
        assert_eq!(create(&w, &w.store, &new[..1]).await, Ok(ArtifactsCreated::Created));
        assert_eq!(create(&w, &w.store, &new[..2]).await, Ok(ArtifactsCreated::Created), "what is there counts once");
        assert!(matches!(create(&w, &w.store, &new[2..3]).await, Err(StoreError::Limit(_))));
        assert_eq!(create(&w, &w.store, &new[..2]).await, Ok(ArtifactsCreated::Created));
        let row =
            admin.query_one("SELECT artifacts, (SELECT count(*) FROM artifacts) FROM run_heads", &[]).await.unwrap();
        assert_eq!((row.get(0), row.get(1)), (100_000_i32, 2_i64));
    })
    .await;
}

/// Where a workspace isolates owners: a person sees what their own runs keep, and adds nothing to others.
#[tokio::test]
async fn owners_see_their_own_artifacts() {
    with_world(|w| async move {
        let [ada, bob] = ["ada", "bob"].map(|name| w.store.for_tenant(WorkspaceId::DEFAULT, Some(name)));
        let run_of =
            |seed, name: &str| NewRun { owner: Some(name.into()), ..new_run(seed, plan(vec![node("a", &[])])) };
        let (hers, his) = (run_of(101, "ada"), run_of(102, "bob"));
        ada.submit(&hers).await.unwrap();
        bob.submit(&his).await.unwrap();
        let (one, two) = (link(hers.id, 1), link(his.id, 2));
        assert_eq!(create(&w, &ada, std::slice::from_ref(&one)).await, Ok(ArtifactsCreated::Created));
        assert_eq!(create(&w, &bob, std::slice::from_ref(&two)).await, Ok(ArtifactsCreated::Created));
        for (store, own, other) in [(&ada, &one, &two), (&bob, &two, &one)] {
            let filter = ArtifactFilter { limit: 10, ..ArtifactFilter::default() };
            let listed = store.artifacts(OWN, &filter).await.unwrap();
            assert_eq!(listed.iter().map(|row| row.artifact.id).collect::<Vec<_>>(), [own.id]);
            let of_other = ArtifactFilter { run: Some(other.run), ..filter };
            assert_eq!(store.artifacts(OWN, &of_other).await, Ok(vec![]));
            assert_eq!(store.artifact(OWN, other.id).await, Ok(None));
            let added = create(&w, store, &[link(other.run, 7)]).await;
            assert!(matches!(added, Err(StoreError::NotFound(_))), "{added:?}");
            // What the index knows of others is no more than that the id is given.
            let forged = NewArtifact { run: own.run, ..(*other).clone() };
            assert!(matches!(create(&w, store, &[forged]).await, Err(StoreError::Conflict(_))));
            for refused in [store.doom_blobs(NOW, 1).await.map(drop), store.forget_blobs(&[]).await] {
                assert!(matches!(refused, Err(StoreError::NotFound(_))), "bytes of all are removed by the engine");
            }
        }
    })
    .await;
}

//! What every store must do, on databases of this one.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::FutureExt;
use ork_core::store::Store;
use ork_postgres::{PgOptions, PgStore};

use crate::tenants::Tenants;
use crate::world::{app, client, cluster, with_database};

type Opening = Pin<Box<dyn Future<Output = Arc<PgStore>>>>;

/// A copy of the database at `model`, opened.
async fn copy(model: String, number: u32) -> Arc<PgStore> {
    let (server, name) = model.rsplit_once('/').expect("the URL names a database");
    let admin = client(&cluster().expect("it was there before")).await;
    let create = format!("CREATE DATABASE {name}_{number} TEMPLATE {name}");
    admin.batch_execute(&create).await.expect("copies");
    let url = app(&format!("{server}/{name}_{number}"));
    let options = PgOptions { writers: 1, readers: 1 };
    Arc::new(PgStore::connect(&url, options).await.expect("connects"))
}

/// Hands a factory of stores to the test, each on a database of its own with a second workspace, and drops them all.
async fn with_factory<F: Future<Output = ()>>(test: impl FnOnce(Box<dyn Fn() -> Opening>) -> F) {
    with_database(|model| async move {
        ork_postgres::migrate(&model).await.expect("migrates");
        let db = client(&app(&model)).await;
        let other = ork_conformance::OTHER.uuid();
        db.execute("INSERT INTO workspaces (id, name, created_at) VALUES ($1, 'other', 0)", &[&other])
            .await
            .expect("adds");
        drop(db);
        let count = Arc::new(AtomicU32::new(0));
        let (made, from) = (Arc::clone(&count), model.clone());
        let factory: Box<dyn Fn() -> Opening> =
            Box::new(move || Box::pin(copy(from.clone(), made.fetch_add(1, Ordering::Relaxed))));
        let outcome = AssertUnwindSafe(test(factory)).catch_unwind().await;
        let admin = client(&cluster().expect("it was there before")).await;
        let name = model.rsplit_once('/').expect("the URL names a database").1;
        for number in 0..count.load(Ordering::Relaxed) {
            let drop = format!("DROP DATABASE IF EXISTS {name}_{number} WITH (FORCE)");
            admin.batch_execute(&drop).await.expect("drops");
        }
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    })
    .await;
}

#[tokio::test]
async fn conformance() {
    with_factory(|fresh| async move {
        ork_conformance::conformance(|| async { fresh().await as Arc<dyn Store> }).await;
    })
    .await;
}

/// The same through handles of tenants, which see what policies show them.
#[tokio::test]
async fn tenants_conform() {
    with_factory(|fresh| async move {
        let tenants = || async { Arc::new(Tenants(PgStore::clone(&*fresh().await))) as Arc<dyn Store> };
        ork_conformance::conformance_in_one_workspace(tenants).await;
    })
    .await;
}

#[tokio::test]
async fn random_commands_agree_with_the_model() {
    let seeds = std::env::var("ORK_TEST_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    with_factory(|fresh| async move {
        ork_conformance::random(|| async { fresh().await as Arc<dyn Store> }, 0..seeds, 120).await;
    })
    .await;
}

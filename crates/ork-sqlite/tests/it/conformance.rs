//! What every store must do, on files of this one.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ork_core::store::Store;
use ork_sqlite::{Durability, SqliteOptions, SqliteStore};

use crate::lifecycle::scratch;

/// A store on a file of its own, with a second workspace.
fn open(path: &Path) -> Arc<dyn Store> {
    let options = SqliteOptions { durability: Durability::Normal, ..SqliteOptions::default() };
    let store = SqliteStore::open(path, &options).expect("a new file opens");
    let db = rusqlite::Connection::open(path).expect("the file opens again");
    db.execute(
        "INSERT INTO workspaces (id, name, created_at) VALUES (?1, 'other', 0)",
        [ork_conformance::OTHER.uuid().into_bytes().to_vec()],
    )
    .expect("a workspace is added");
    Arc::new(store)
}

type Opening = Pin<Box<dyn Future<Output = Arc<dyn Store>>>>;

/// A factory of stores in a folder.
fn fresh(folder: PathBuf) -> impl Fn() -> Opening {
    let count = AtomicU32::new(0);
    move || {
        let path = folder.join(format!("{}.db", count.fetch_add(1, Ordering::Relaxed)));
        Box::pin(async move { open(&path) })
    }
}

#[tokio::test]
async fn conformance() {
    let folder = scratch("conformance");
    ork_conformance::conformance(fresh(folder.clone())).await;
    std::fs::remove_dir_all(folder).expect("the folder goes");
}

#[tokio::test]
async fn random_commands_agree_with_the_model() {
    let folder = scratch("random");
    let seeds = std::env::var("ORK_TEST_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    ork_conformance::random(fresh(folder.clone()), 0..seeds, 120).await;
    std::fs::remove_dir_all(folder).expect("the folder goes");
}

//! Whether a place takes bytes, and gives them back.

use std::sync::atomic::{AtomicU64, Ordering};

use ork_core::blobs::{BlobError, BlobKey, BlobResult, Blobs, Expected, Whole};

/// What is written.
const BYTES: &[u8] = b"ork";

/// Writes a few bytes, reads them, and removes them.
///
/// # Errors
/// `Unavailable`, whatever went wrong.
pub async fn probe(blobs: &dyn Blobs) -> BlobResult<()> {
    let key = key();
    let tried = round(blobs, &key).await;
    let removed = blobs.remove(&key).await;
    tried.and(removed).map_err(|error| match error {
        BlobError::Unavailable(why) => BlobError::Unavailable(why),
        other => BlobError::Unavailable(other.to_string()),
    })
}

async fn round(blobs: &dyn Blobs, key: &BlobKey) -> BlobResult<()> {
    blobs.put(key, &mut Whole::new(BYTES.to_vec()), &Expected::default()).await?;
    let mut source = blobs.get(key, None).await?;
    let mut read = Vec::new();
    while let Some(piece) = source.next().await? {
        read.extend(piece);
    }
    match read == BYTES {
        true => Ok(()),
        false => Err(BlobError::Corrupt("what was written is not what is read".into())),
    }
}

/// One that no other process has at the same time.
fn key() -> BlobKey {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let system = rustix::system::uname();
    let host: String =
        system.nodename().to_string_lossy().chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    BlobKey::parse(&format!("check/check/{host}-{}-{count}", std::process::id())).expect("three names")
}

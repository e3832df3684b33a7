//! An artifact store in memory.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

use async_trait::async_trait;
use ork_core::blobs::{BlobError, BlobKey, BlobResult, Blobs, ByteSource, Expected, LinkUse, Whole, Written};

#[derive(Default)]
pub struct Shelf(pub Mutex<BTreeMap<BlobKey, Vec<u8>>>);

#[async_trait]
impl Blobs for Shelf {
    async fn put(&self, key: &BlobKey, bytes: &mut dyn ByteSource, _: &Expected) -> BlobResult<Written> {
        let mut whole = Vec::new();
        while let Some(piece) = bytes.next().await? {
            whole.extend(piece);
        }
        let size = whole.len() as u64;
        self.0.lock().unwrap().insert(key.clone(), whole);
        Ok(Written { size, checksum: String::new() })
    }

    async fn get(&self, key: &BlobKey, _: Option<Range<u64>>) -> BlobResult<Box<dyn ByteSource>> {
        let found = self.0.lock().unwrap().get(key).cloned();
        found.map(|bytes| Box::new(Whole::new(bytes)) as _).ok_or_else(|| BlobError::NotFound(key.to_string()))
    }

    async fn size(&self, key: &BlobKey) -> BlobResult<Option<u64>> {
        Ok(self.0.lock().unwrap().get(key).map(|bytes| bytes.len() as u64))
    }

    async fn remove(&self, key: &BlobKey) -> BlobResult<()> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }

    async fn link(&self, _: &BlobKey, _: LinkUse, _: u64) -> BlobResult<Option<String>> {
        Ok(None)
    }

    async fn check(&self) -> BlobResult<()> {
        Ok(())
    }
}

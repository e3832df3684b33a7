//! What all places do alike.

use std::sync::Arc;
use std::time::Duration;

use ork_core::blobs::{BlobError, Expected, LinkUse, checked};
use ork_core::checksum::Checksum;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::site::{End, Pieces, Site, bytes, drain, key};

/// As large as one part of an upload.
const PART: usize = 8 << 20;
/// In one request, and in parts.
const SIZES: [usize; 2] = [300_000, PART + PART / 2];

#[tokio::test]
async fn what_is_written_is_read_and_removed() {
    for site in Site::all().await {
        for size in [0, 1, 65_536, 65_537, 300_000, PART, PART + 1, 2 * PART + 12_345] {
            let (key, bytes) = (key(&format!("a{size}")), bytes(size));
            let written = site.put(&key, &bytes).await.unwrap();
            assert_eq!((written.size, written.checksum), (size as u64, Checksum::of(&bytes)));
            assert_eq!(site.blobs.size(&key).await, Ok(Some(size as u64)));
            assert!(site.read(&key, None).await.unwrap() == bytes, "{size}");
            site.blobs.remove(&key).await.unwrap();
            assert_eq!(site.blobs.size(&key).await, Ok(None));
            assert_eq!(site.read(&key, None).await, Err(BlobError::NotFound(key.to_string())));
            assert_eq!(site.blobs.remove(&key).await, Ok(()), "twice");
        }
        assert_eq!(site.kept().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_range_is_read_by_itself() {
    for site in Site::all().await {
        let (key, bytes) = (key("a"), bytes(700_000));
        site.put(&key, &bytes).await.unwrap();
        for (start, end) in
            [(0, 1), (0, 700_000), (699_999, 700_000), (123_456, 654_321), (5, 5), (0, 0), (700_000, 700_000)]
        {
            let read = site.read(&key, Some(start as u64..end as u64)).await.unwrap();
            assert!(read == bytes[start..end], "{start}..{end}");
        }
        for (start, end) in [(0, 700_001), (700_000, 700_001), (800_000, 900_000), (700_001, 700_001)] {
            let read = site.read(&key, Some(start..end)).await;
            assert!(matches!(read, Err(BlobError::Corrupt(_))), "{start}..{end}: {read:?}");
        }
        let none = site.read(&crate::site::key("b"), Some(0..1)).await;
        assert!(matches!(none, Err(BlobError::NotFound(_))), "{none:?}");
    }
}

#[tokio::test]
async fn what_is_not_as_announced_is_refused_and_not_kept() {
    for site in Site::all().await {
        for size in SIZES {
            let (key, bytes) = (key("a"), bytes(size));
            let right = Checksum::of(&bytes);
            let refuse = async |expected: Expected, words: &str| {
                let put = site.blobs.put(&key, &mut Pieces::of(&bytes), &expected).await;
                assert!(matches!(&put, Err(BlobError::Refused(why)) if why.contains(words)), "{put:?}");
                assert_eq!(site.kept().await, Vec::<String>::new(), "{words}");
            };
            let size = size as u64;
            refuse(Expected { size: Some(size - 1), ..Expected::default() }, "more than the").await;
            refuse(Expected { size: Some(size + 1), ..Expected::default() }, "end after").await;
            refuse(Expected { size_max: Some(size - 1), ..Expected::default() }, "no more are allowed").await;
            let other = Checksum::of(b"other");
            refuse(Expected { checksum: Some(other), ..Expected::default() }, "the SHA-256 of the bytes is").await;
            let expected = Expected { size: Some(size), size_max: Some(size), checksum: Some(right) };
            assert!(site.blobs.put(&key, &mut Pieces::of(&bytes), &expected).await.is_ok());
            site.blobs.remove(&key).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_leaves_nothing() {
    for site in Site::all().await {
        for size in SIZES {
            let mut broken = Pieces::of(&bytes(size));
            broken.1 = End::Breaks;
            let put = site.blobs.put(&key("a"), &mut broken, &Expected::default()).await;
            assert_eq!(put, Err(BlobError::Refused("the stream broke off".into())));
            assert_eq!(site.kept().await, Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn an_upload_that_is_abandoned_leaves_nothing() {
    for site in Site::all().await {
        for size in SIZES {
            let told = Arc::new(Notify::new());
            let mut hanging = Pieces::of(&bytes(size));
            hanging.1 = End::Hangs(Arc::clone(&told));
            let (key, expected) = (key("a"), Expected::default());
            tokio::select! {
                put = site.blobs.put(&key, &mut hanging, &expected) => panic!("{put:?}"),
                () = told.notified() => {}
            }
            let empty = async { while !site.kept().await.is_empty() {} };
            timeout(Duration::from_secs(20), empty).await.unwrap();
        }
    }
}

#[tokio::test]
async fn bytes_that_are_not_those_that_were_written_name_the_artifact() {
    for site in Site::all().await {
        let (key, mut bytes) = (key("a"), bytes(500_000));
        let written = site.put(&key, &bytes).await.unwrap();
        let read = async || {
            let source = site.blobs.get(&key, None).await.unwrap();
            drain(checked(source, written.size, &written.checksum, "artifact `out/clip.mp4`")).await
        };
        assert!(read().await.unwrap() == bytes);
        let corrupt = async |bytes: &[u8], words: &str| {
            site.overwrite(&key, bytes).await;
            let said = read().await;
            let is_it = matches!(&said, Err(BlobError::Corrupt(why)) if why.contains("`out/clip.mp4` is corrupt") && why.contains(words));
            assert!(is_it, "{words}: {said:?}");
        };
        corrupt(&bytes[..400_000], "ends after 400000 of 500000 bytes").await;
        corrupt(&[&bytes[..], b"more"].concat(), "more than the 500000 bytes").await;
        bytes[250_000] ^= 1;
        corrupt(&bytes, "its SHA-256 is").await;
        corrupt(b"", "ends after 0 of 500000 bytes").await;
    }
}

#[tokio::test]
async fn a_place_is_checked_without_a_trace() {
    for site in Site::all().await {
        assert_eq!(site.blobs.check().await, Ok(()));
        assert_eq!(site.kept().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn many_uploads_at_once_do_not_mix() {
    for site in Site::all().await {
        let all = (0..100_usize).map(|n| {
            let blobs = Arc::clone(&site.blobs);
            tokio::spawn(async move {
                let (key, bytes) = (key(&format!("a{n}")), bytes(10_000 + n * 2_000));
                blobs.put(&key, &mut Pieces::of(&bytes), &Expected::default()).await.unwrap();
                assert!(drain(blobs.get(&key, None).await.unwrap()).await.unwrap() == bytes, "{n}");
            })
        });
        for one in all.collect::<Vec<_>>() {
            one.await.unwrap();
        }
        assert_eq!(site.kept().await.len(), 100);
    }
}

#[tokio::test]
async fn a_folder_has_no_links() {
    let site = Site::folder();
    site.put(&key("a"), b"a").await.unwrap();
    assert_eq!(site.blobs.link(&key("a"), LinkUse::Get, 60).await, Ok(None));
}

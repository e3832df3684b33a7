//! What a folder does that somebody else can write to.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use ork_blobs::Folder;
use ork_core::blobs::{BlobError, BlobKey, Blobs, Expected, Whole};

use crate::site::{Scratch, Site, drain, key};

/// A folder with one file in it, and outside of it a secret.
async fn planted() -> (Scratch, Folder) {
    let scratch = Scratch::new();
    let folder = Folder::new(scratch.0.join("artifacts"));
    folder.put(&key("a"), &mut Whole::new(b"bytes".to_vec()), &Expected::default()).await.unwrap();
    fs::create_dir_all(scratch.0.join("outside/r")).unwrap();
    fs::write(scratch.0.join("outside/r/a"), "secret").unwrap();
    (scratch, folder)
}

fn is_corrupt<T>(result: &Result<T, BlobError>) -> bool {
    matches!(result, Err(BlobError::Corrupt(why)) if why.contains("behind a link") || why.contains("no regular file"))
}

/// All that can be asked about a key, while something outside is in its place.
async fn ask(folder: &Folder, scratch: &Scratch, key: &BlobKey, is_above: bool) {
    assert!(is_corrupt(&folder.get(key, None).await.map(|_| ())), "get {key}");
    assert!(is_corrupt(&folder.size(key).await), "size {key}");
    let put = folder.put(key, &mut Whole::new(b"other".to_vec()), &Expected::default()).await;
    assert!(is_corrupt(&put) == is_above, "put {key}: {put:?}");
    let removed = folder.remove(key).await;
    assert!(is_corrupt(&removed) == is_above, "remove {key}: {removed:?}");
    assert_eq!(fs::read_to_string(scratch.0.join("outside/r/a")).unwrap(), "secret", "{key}");
}

#[tokio::test]
async fn links_in_the_folder_are_not_followed() {
    let (scratch, folder) = planted().await;
    let inside = scratch.0.join("artifacts");
    for target in ["../outside", "/"] {
        let target = if target == "/" { scratch.0.join("outside") } else { target.into() };
        symlink(&target, inside.join("w2")).unwrap();
        ask(&folder, &scratch, &BlobKey::parse("w2/r/a").unwrap(), true).await;
        fs::remove_file(inside.join("w2")).unwrap();
    }
    symlink("../../outside/r", inside.join("w/r2")).unwrap();
    ask(&folder, &scratch, &BlobKey::parse("w/r2/a").unwrap(), true).await;
    // The file itself: a link there is replaced, and removed, and never followed.
    symlink("../../../outside/r/a", inside.join("w/r/b")).unwrap();
    ask(&folder, &scratch, &key("b"), false).await;
    // A link to a neighbour stays within the folder, and is none of ours all the same.
    symlink("a", inside.join("w/r/c")).unwrap();
    assert!(is_corrupt(&folder.get(&key("c"), None).await.map(|_| ())));
}

#[tokio::test]
async fn what_is_no_file_is_not_waited_for() {
    let (scratch, folder) = planted().await;
    let run = scratch.0.join("artifacts/w/r");
    let made = std::process::Command::new("mkfifo").arg(run.join("pipe")).status().unwrap();
    assert!(made.success());
    fs::create_dir(run.join("folder")).unwrap();
    for name in ["pipe", "folder"] {
        assert!(is_corrupt(&folder.get(&key(name), None).await.map(|_| ())), "{name}");
    }
    let under = BlobKey::parse("w/r/a").unwrap();
    fs::remove_dir_all(scratch.0.join("artifacts/w")).unwrap();
    fs::write(scratch.0.join("artifacts/w"), "a file where a folder should be").unwrap();
    assert!(is_corrupt(&folder.size(&under).await));
}

#[tokio::test]
async fn nobody_else_reads_the_files() {
    let (scratch, _) = planted().await;
    for (path, mode) in
        [("artifacts", 0o700), ("artifacts/w", 0o700), ("artifacts/w/r", 0o700), ("artifacts/w/r/a", 0o600)]
    {
        assert_eq!(fs::metadata(scratch.0.join(path)).unwrap().permissions().mode() & 0o777, mode, "{path}");
    }
}

#[tokio::test]
async fn removing_takes_leftovers_and_empty_folders_along_and_nothing_else() {
    let (scratch, folder) = planted().await;
    let run = scratch.0.join("artifacts/w/r");
    folder.put(&key("ab"), &mut Whole::new(b"neighbour".to_vec()), &Expected::default()).await.unwrap();
    // What a process leaves that is killed while it writes.
    fs::write(run.join(".a.4711-0"), "half").unwrap();
    fs::write(run.join(".ab.4711-0"), "half").unwrap();
    folder.remove(&key("a")).await.unwrap();
    let mut left: Vec<_> = fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".ab.4711-0", "ab"]);
    folder.remove(&key("ab")).await.unwrap();
    assert!(!scratch.0.join("artifacts/w").exists(), "empty folders go");
    assert!(scratch.0.join("artifacts").exists());
    folder.remove(&key("ab")).await.unwrap();
}

/// The last file of a run's folder goes, and the folder with it, while the next one comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn puts_and_removes_race_for_1000_rounds() {
    let site = Site::folder();
    let blobs = Arc::clone(&site.blobs);
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let blobs = Arc::clone(&blobs);
            tokio::spawn(async move {
                for round in 0..250 {
                    let (key, bytes) = (key(&format!("a{worker}-{round}")), vec![7; 1 + round * 13]);
                    blobs.put(&key, &mut Whole::new(bytes.clone()), &Expected::default()).await.unwrap();
                    assert_eq!(drain(blobs.get(&key, None).await.unwrap()).await, Ok(bytes));
                    blobs.remove(&key).await.unwrap();
                    assert_eq!(blobs.size(&key).await, Ok(None));
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(site.kept().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_not_available() {
    let scratch = Scratch::new();
    fs::write(scratch.0.join("file"), "").unwrap();
    let folder = Folder::new(scratch.0.join("file/artifacts"));
    let checked = folder.check().await;
    assert!(matches!(checked, Err(BlobError::Unavailable(_))), "{checked:?}");
    let none = Folder::new(scratch.0.join("none"));
    assert_eq!(none.size(&key("a")).await, Ok(None));
    assert_eq!(none.remove(&key("a")).await, Ok(()));
    assert!(!scratch.0.join("none").exists(), "it is made when the first bytes come");
}

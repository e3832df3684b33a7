//! 256 MiB up and down, in a process of its own whose memory is measured.

use std::process::Command;

use ork_blobs::open_with;
use ork_core::blobs::{Expected, checked};

use crate::moto::Moto;
use crate::site::{Pattern, Scratch, key, variables};

/// Names the place to the process that is measured.
const PLACE: &str = "ORK_BLOBS_MEASURED";
const SIZE: u64 = 256 << 20;
const MOST_KIB: u64 = 64 << 10;

/// What the kernel says of this process, in KiB.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Does nothing but in the process that the other tests start.
#[tokio::test]
async fn the_process_that_is_measured() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let blobs = open_with(&place, &variables()).unwrap();
    blobs.check().await.unwrap();
    let idle = memory("VmRSS:");
    let expected = Expected { size: Some(SIZE), ..Expected::default() };
    let written = blobs.put(&key("large"), &mut Pattern::new(SIZE), &expected).await.unwrap();
    let up = memory("VmHWM:");
    let source = blobs.get(&key("large"), None).await.unwrap();
    let mut source = checked(source, SIZE, &written.checksum, "artifact `large`");
    let mut read = 0;
    while let Some(piece) = source.next().await.unwrap() {
        read += piece.len() as u64;
    }
    assert_eq!(read, SIZE);
    let down = memory("VmHWM:");
    blobs.remove(&key("large")).await.unwrap();
    println!(
        "{place}: {idle} KiB idle, {} KiB more to write 256 MiB, {} KiB more to read them",
        up - idle,
        down - idle
    );
    assert!(down - idle < MOST_KIB, "{} KiB more than idle", down - idle);
}

fn measure(place: &str) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "memory::the_process_that_is_measured", "--nocapture"]).env(PLACE, place);
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("KiB idle"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    println!("{}", said.lines().find(|line| line.contains("KiB idle")).unwrap());
}

#[test]
fn a_folder_takes_256_mib_in_bounded_memory() {
    let scratch = Scratch::new();
    measure(&format!("file:{}", scratch.0.display()));
}

#[tokio::test]
async fn a_bucket_takes_256_mib_in_bounded_memory() {
    let Some(moto) = Moto::find() else { return };
    let bucket = moto.bucket().await;
    measure(&format!("s3://{bucket}/some?endpoint={}", moto.endpoint));
}

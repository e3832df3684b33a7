//! The two streams.

use std::fs;
use std::sync::atomic::Ordering;

use ork_core::executor::Stream;
use ork_core::limits::{LOG_BYTES_MAX, LOG_LINE_BYTES_MAX};

use crate::world::{Witness, World, processes_with, script, timed, told, unique};

#[tokio::test]
async fn bytes_pass_as_they_are() {
    let (_, io) = World::new().run(script(r"printf 'a\377\000b\r\n'; printf 'no newline' >&2")).await;
    assert_eq!(io.bytes_of(Stream::Stdout), b"a\xff\0b\r\n");
    assert_eq!(io.bytes_of(Stream::Stderr), b"no newline");
}

fn resident_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[tokio::test]
async fn a_flood_is_cut_once_and_memory_stays_flat() {
    let io = Witness::counting();
    let before = resident_bytes();
    let report = World::new().run_with(script("yes | head -c 300000000; exit 5"), &io).await;
    assert_eq!(told(&report), "exit 5");
    let mark = "[ork: log truncated: the first 50 MiB are kept]\n";
    assert_eq!(io.bytes.load(Ordering::Relaxed), LOG_BYTES_MAX + mark.len() as u64);
    assert_eq!(io.notes(), mark);
    assert_eq!(*io.cuts.lock().unwrap(), [(Stream::Stdout, LOG_BYTES_MAX)], "said before the mark");
    assert!(resident_bytes() < before + (64 << 20), "{before} {}", resident_bytes());
}

#[tokio::test]
async fn a_long_line_is_cut_and_the_next_is_whole() {
    let text = "head -c 5000000 /dev/zero | tr '\\0' x; echo; echo after; head -c 70000 /dev/zero | tr '\\0' y";
    let (report, io) = World::new().run(script(text)).await;
    assert_eq!(told(&report), "success");
    let cut = |letter: &str| format!("{} [ork: line truncated]", letter.repeat(LOG_LINE_BYTES_MAX));
    assert!(io.stdout() == format!("{}\nafter\n{}", cut("x"), cut("y")), "{} bytes", io.stdout().len());
    let first = LOG_LINE_BYTES_MAX as u64;
    let second = (cut("x").len() + "\nafter\n".len()) as u64 + first;
    let cuts = [(Stream::Stdout, first), (Stream::Stdout, second)];
    assert_eq!(*io.cuts.lock().unwrap(), cuts, "said before the marks");
}

#[tokio::test]
async fn a_line_of_exactly_the_limit_is_whole() {
    let text = format!("head -c {LOG_LINE_BYTES_MAX} /dev/zero | tr '\\0' x; echo; echo after");
    let (_, io) = World::new().run(script(&text)).await;
    assert!(io.stdout() == format!("{}\nafter\n", "x".repeat(LOG_LINE_BYTES_MAX)));
}

#[tokio::test]
async fn whoever_holds_a_stream_is_read_for_a_while_and_killed() {
    let mark = format!("1000.{}", unique().replace('x', "1"));
    let world = World::new();
    let text = format!("(sleep 0.1; echo late; exec sleep {mark}) & echo early");
    let ((report, io), secs) = timed(world.run(script(&text))).await;
    assert_eq!((told(&report).as_str(), io.stdout().as_str()), ("success", "early\nlate\n"));
    assert!(secs < 5.0, "{secs}");
    assert_eq!(processes_with("cmdline", &mark), Vec::<i32>::new());
}

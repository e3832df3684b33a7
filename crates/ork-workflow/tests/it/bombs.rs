//! Files that are made to exhaust their reader: each is refused fast, on a small stack.

use std::fmt::Write as _;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ork_workflow::{Format, Source, parse};

use crate::codes_of;

/// Reads a text on a thread with 2 MiB of stack; it must be refused with this code first, within 2 s of processor time
/// (of an unoptimised build, on a machine that may be busy).
fn refused(what: &str, text: String, format: Format, code: &str) {
    // One at a time: side by side they take memory bandwidth from each other.
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let reader = move || {
        let before = thread_time();
        let found = codes_of(parse(&Source { name: "flow.yaml", text: &text, format }));
        (found, thread_time() - before)
    };
    let (found, took) =
        thread::Builder::new().stack_size(2 << 20).spawn(reader).unwrap().join().expect("no stack overflow");
    drop(turn);
    println!("{what}: {took:?} {:?}", found.first());
    assert_eq!(found.first(), Some(&code), "{what}");
    assert!(took < Duration::from_secs(2), "{what} took {took:?}");
}

/// Time that this thread has spent on a processor.
fn thread_time() -> Duration {
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(schedstat.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds"))
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    let mut text = String::from("tasks:\n");
    for index in 0..count {
        let _ = writeln!(text, "{}", line(index));
    }
    text
}

/// A number as five letters.
fn letters(n: usize) -> String {
    (0_u32..5).map(|digit| char::from(b'a' + u8::try_from(n / 26_usize.pow(digit) % 26).unwrap())).collect()
}

#[test]
fn too_much_of_anything() {
    use Format::{Json, Yaml};
    refused("8 MiB and more", "#".repeat(9 << 20), Yaml, "ORK-E0101");
    refused("10^6 tasks", lines(1_000_000, |n| format!(" {}:", letters(n))), Yaml, "ORK-E0306");
    refused("4 * 10^6 values in YAML", format!("[{}]", "1,".repeat(4_000_000)), Yaml, "ORK-E0106");
    refused("4 * 10^6 values in JSON", format!("[{}1]", "1,".repeat(4_000_000)), Json, "ORK-E0106");
    let all: String = (0..710).fold(String::new(), |text, n| text + &format!("a{n},"));
    let groups = |n: usize| {
        if n < 710 { format!("  a{n}: {{run: x}}") } else { format!("  b{n}: {{run: x, depends_on: [{all}]}}") }
    };
    refused(
        "10^5 siblings and more",
        "tasks:\n  a: {run: x, count: 100000}\n  b: {run: x}\n".into(),
        Yaml,
        "ORK-E0306",
    );
    refused("504,100 dependencies", lines(1_420, groups), Yaml, "ORK-E0307");
    refused(
        "a value of 7 MiB",
        format!("tasks:\n  a: {{operation: x, params: {}}}\n", "x".repeat(7 << 20)),
        Yaml,
        "ORK-E0209",
    );
    refused(
        "a quoted value of 7 MiB",
        format!("tasks:\n  a: {{operation: x, params: \"{}\"}}\n", "\\\"".repeat(7 << 19)),
        Yaml,
        "ORK-E0209",
    );
    refused("a key of 7 MiB", format!("tasks:\n  \"{}\": {{run: x}}\n", "x".repeat(7 << 20)), Yaml, "ORK-E0102");
    refused("a block of 7 MiB", format!("run: |\n  {}\n", "x".repeat(7 << 20)), Yaml, "ORK-E0201");
}

#[test]
fn too_deep() {
    use Format::{Json, Yaml};
    let deep = 100_000;
    refused("lists", "[".repeat(deep), Yaml, "ORK-E0105");
    refused("mappings", "{a: ".repeat(deep), Yaml, "ORK-E0105");
    refused("block lists", format!("{}x", "- ".repeat(deep)), Yaml, "ORK-E0105");
    let blocks: String = (0..3_000).fold(String::new(), |text, n| text + &" ".repeat(n) + "a:\n");
    refused("block mappings", blocks, Yaml, "ORK-E0105");
    refused("explicit keys", format!("{}x", "? ".repeat(deep)), Yaml, "ORK-E0105");
    refused("JSON lists", "[".repeat(deep), Json, "ORK-E0105");
    refused("JSON mappings", "{\"a\":".repeat(deep), Json, "ORK-E0105");
    refused("a chain of 10^4", lines(10_000, |n| chain(n, 0)), Yaml, "ORK-E0308");
    refused("a chain of 5 * 10^4", lines(50_000, |n| chain(n, 0)), Yaml, "ORK-E0308");
    refused("a circle of 5 * 10^4", lines(50_000, |n| chain(n, 50_000)), Yaml, "ORK-E0305");
    let expression = |inner: String| format!("tasks:\n  a: {{command: [echo, \"{{{{ {inner} }}}}\"]}}\n");
    refused("brackets", expression("(".repeat(deep)), Yaml, "ORK-E0414");
    refused("some brackets", expression("(".repeat(200)), Yaml, "ORK-E0414");
    refused("signs", expression("-".repeat(2_000)), Yaml, "ORK-E0414");
    refused("negations", expression("not ".repeat(900)), Yaml, "ORK-E0414");
    refused("filters", expression(format!("x{}", "|int".repeat(1_000))), Yaml, "ORK-E0414");
}

/// Task `n` needs the one before it; the first needs the last of a circle.
fn chain(n: usize, circle: usize) -> String {
    match (n, circle) {
        (0, 0) => "  t0: {run: x}".to_owned(),
        (0, circle) => format!("  t0: {{run: x, depends_on: t{}}}", circle - 1),
        (n, _) => format!("  t{n}: {{run: x, depends_on: t{}}}", n - 1),
    }
}

#[test]
fn aliases_that_multiply() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..30 {
        let last = n - 1;
        let _ = writeln!(
            laughs,
            "a{n}: &a{n} [*a{last}, *a{last}, *a{last}, *a{last}, *a{last}, *a{last}, *a{last}, *a{last}]"
        );
    }
    refused("a billion laughs", laughs, Format::Yaml, "ORK-E0107");
    let nested: String = (0..60).fold(String::new(), |text, n| text + &format!("&a{n} ["));
    refused(
        "anchors around a large value",
        format!("{nested}{}{}", "x, ".repeat(300_000), "]".repeat(60)),
        Format::Yaml,
        "ORK-E0107",
    );
    let many: String = (0..100_000).fold(String::from("a: &a {b: [c, d]}\nl:\n"), |text, _| text + "- *a\n");
    refused("many aliases", many, Format::Yaml, "ORK-E0107");
}

#[test]
fn many_errors_at_once() {
    use Format::Yaml;
    refused(
        "30,000 unknown dependencies",
        lines(30_000, |n| format!("  some-task-{n}: {{run: x, depends_on: some-tisk-{n}}}")),
        Yaml,
        "ORK-E0303",
    );
    let reads = lines(30_000, |n| format!("  some-task-{n}: {{command: [\"{{{{ tasks.some_tisk_{n}.output }}}}\"]}}"));
    refused("30,000 unknown tasks in expressions", reads, Yaml, "ORK-E0406");
    refused("50,000 tasks of one name", lines(50_000, |_| "  some-task: {run: x}".into()), Yaml, "ORK-E0111");
    refused("50,000 unknown keys", lines(50_000, |n| format!("  t{n}: {{runn: x}}")), Yaml, "ORK-E0201");
    refused(
        "one line of errors",
        format!("tasks: {{{}}}", (0..200_000).fold(String::new(), |text, n| text + &format!("t{n}: {{rum: x}},"))),
        Yaml,
        "ORK-E0306",
    );
    let one_line = (0..50_000).fold(String::new(), |text, n| text + &format!("t{n}: {{rum: x}},"));
    refused("a shorter line of errors", format!("tasks: {{{one_line}}}"), Yaml, "ORK-E0201");
}

#[test]
fn reads_of_tasks_that_do_not_come_before() {
    // A ladder of pairs, in which every task reads one far away that is not its ancestor: the worst case of that check.
    let ladder = |n: usize| {
        let above = n.saturating_sub(100);
        let far = (n * 7_919) % 30_000;
        let needs = if n < 100 { String::new() } else { format!(", depends_on: [t{above}]") };
        format!("  t{n}: {{command: [\"{{{{ tasks.t{far}.output }}}}\"]{needs}}}")
    };
    refused("30,000 reads", lines(30_000, ladder), Format::Yaml, "ORK-E0407");
}

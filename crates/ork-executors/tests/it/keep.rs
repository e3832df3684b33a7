//! The files that outlast an attempt, and outputs that are too large for a row.

use ork_core::attempt::Outcome;
use ork_core::executor::{Report, StopCause, Unkept};
use ork_core::limits::VALUE_BYTES_MAX;
use ork_core::plan::OutputFrom;

use crate::world::{Witness, World, process, script, told};

/// What a script leaves is kept, and this is told.
async fn check(text: &str, outcome: &str, kept: &str, log: &str) {
    let (report, io) = World::new().run(script(text)).await;
    assert_eq!((told(&report).as_str(), io.kept().as_str(), io.notes().as_str()), (outcome, kept, log), "{text}");
}

#[tokio::test]
async fn files_are_kept_however_the_attempt_ends() {
    let text = "cd $ORK_ARTIFACTS; echo 1 > b.json; mkdir -p a/empty; printf 2 > a/c; : > a/d.txt";
    let kept =
        "a/c (application/octet-stream): 2\na/d.txt (text/plain; charset=utf-8): \nb.json (application/json): 1\n";
    check(text, "success", kept, "").await;
    check(&format!("{text}; exit 3"), "exit 3", kept, "").await;
    check(&format!("{text}; kill -9 $$"), "signal 9", kept, "").await;
    check(
        &format!("{text}; echo nonsense > $ORK_OUTPUT"),
        "Output: `$ORK_OUTPUT`: not valid JSON: expected ident at line 1 column 2",
        kept,
        "",
    )
    .await;
    check("mkdir $ORK_ARTIFACTS/empty", "success", "", "").await;
    check("rmdir $ORK_ARTIFACTS", "success", "", "").await;
}

#[tokio::test]
async fn what_is_no_file_of_its_own_is_left_out() {
    let text = "cd $ORK_ARTIFACTS; ln -s /etc/shadow s; mkfifo p; echo x > a; ln a b; mkdir d; chmod 0 d; ln -s / root; echo y > y";
    let (report, io) = World::new().run(script(text)).await;
    assert_eq!((told(&report).as_str(), io.kept().as_str()), ("success", "y (application/octet-stream): y\n"));
    let said = io.notes();
    for line in [
        "ork: artifacts: `a` is left out: it has another name (a hard link)",
        "ork: artifacts: `b` is left out: it has another name (a hard link)",
        "ork: artifacts: `p` is left out: it is a pipe",
        "ork: artifacts: `root` is left out: it is a symbolic link",
        "ork: artifacts: `s` is left out: it is a symbolic link",
    ] {
        assert!(said.lines().any(|said| said == line), "{line}\n{said}");
    }
    // What stands in the place of the folder is not the folder.
    let text = "rmdir $ORK_ARTIFACTS; ln -s /etc $ORK_ARTIFACTS";
    let log = "ork: artifacts: `$ORK_ARTIFACTS` is left out: it is a symbolic link, or lies behind one\n";
    check(text, "success", "", log).await;
    let text = "cd /; base=$(dirname $ORK_WORK); mv $base $base.moved; mkdir $base $base.evil; ln -s /etc $base/artifacts; echo x > $base.evil/x";
    let (report, io) = World::new().run(script(&format!("{text}; rm -r $base.moved $base.evil"))).await;
    assert_eq!((told(&report).as_str(), io.kept().as_str()), ("success", ""));
    // More than can be kept is no matter of one file: nothing is.
    let text = "cd $ORK_ARTIFACTS; i=0; while [ $i -le 1000 ]; do : > $i; i=$((i+1)); done";
    let failed = "Artifact: `$ORK_ARTIFACTS`: more than 1000 files are to be kept: put them into an archive";
    check(text, failed, "", "").await;
    let log = "ork: artifacts: none is kept: `$ORK_ARTIFACTS`: more than 1000 files are to be kept: put them into an archive\n";
    check(&format!("{text}; exit 3"), "exit 3", "", log).await;
}

/// Runs a script that leaves a file, which is not kept.
async fn unkept(text: &str, unkept: Unkept) -> (String, String) {
    let (world, io) = (World::new(), Witness::new());
    *io.unkept.lock().unwrap() = Some(unkept);
    let report = world.run_with(script(&format!("echo a > $ORK_ARTIFACTS/a; {text}")), &io).await;
    world.check_folders();
    (told(&report), io.notes())
}

#[tokio::test]
async fn work_of_which_the_files_are_not_kept_is_not_done() {
    let is = |told: &str, log: &str| (told.to_owned(), log.to_owned());
    assert_eq!(unkept("true", Unkept::failed("no room")).await, is("Artifact: no room", ""));
    let log = "ork: artifacts: none is kept: no room\n";
    assert_eq!(unkept("exit 3", Unkept::failed("no room")).await, is("exit 3", log));
    assert_eq!(unkept("true", Unkept::Stopped(StopCause::Cancel)).await, is("cancelled", ""));
    assert_eq!(unkept("true", Unkept::Stopped(StopCause::Drain)).await, is("handed back", ""));
    let timeout = "Timeout: ran longer than its timeout, while its files were kept";
    assert_eq!(unkept("true", Unkept::Stopped(StopCause::Timeout)).await, is(timeout, ""));
}

#[tokio::test]
async fn nothing_is_kept_of_what_was_stopped_but_for_its_time() {
    for (cause, kept) in [
        (StopCause::Cancel, ""),
        (StopCause::Drain, ""),
        (StopCause::Timeout, "a.log (text/plain; charset=utf-8): so far\n"),
    ] {
        let (world, io) = (World::new(), Witness::new());
        let work = script("echo so far > $ORK_ARTIFACTS/a.log; echo up; sleep 1000");
        let stop = async {
            io.lines(1).await;
            io.stop(cause);
        };
        let (report, ()) = tokio::join!(world.run_with(work, &io), stop);
        assert_eq!(io.kept(), kept, "{cause:?}: {}", told(&report));
        world.check_folders();
    }
}

async fn large(text: &str, from: OutputFrom) -> (Report, std::sync::Arc<Witness>) {
    let mut work = script(text);
    process(&mut work).output = from;
    World::new().run(work).await
}

#[tokio::test]
async fn an_output_over_a_mebibyte_becomes_a_file() {
    use OutputFrom::{File, Stdout, StdoutJson};
    let list = |count: usize| format!("printf '['; yes '\"äöü\",' | head -n {count} | tr -d '\\n'; printf '1]'");
    for (text, from, name, content_type) in [
        (format!("({}) > $ORK_OUTPUT", list(300_000)), File, "output.json", "application/json"),
        (list(300_000), StdoutJson, "output.json", "application/json"),
        ("yes ä | head -n 600000".to_owned(), Stdout, "output.txt", "text/plain; charset=utf-8"),
    ] {
        let (report, io) = large(&format!("{text}; echo 1 > $ORK_ARTIFACTS/first"), from).await;
        let kept = io.kept.lock().unwrap();
        let (first, (value, bytes)) = (&kept[0].0, &kept[1]);
        assert_eq!(
            (first.name.as_str(), value.name.as_str(), value.is_value, value.kind.as_str()),
            ("first", name, true, "value")
        );
        assert!(bytes.len() > VALUE_BYTES_MAX && value.size == bytes.len() as u64);
        if from != Stdout {
            assert_eq!(serde_json::from_slice::<Vec<serde_json::Value>>(bytes).unwrap().len(), 300_001);
        }
        let Outcome::Success { output: Some(output) } = report.outcome else { panic!("{}", told(&report)) };
        let output = output.value();
        assert_eq!((output["size"].as_u64(), output["content_type"].as_str()), (Some(value.size), Some(content_type)));
        assert!(output["artifact"].as_str().unwrap().starts_with("art_") && output["checksum"] == "sum");
    }
}

#[tokio::test]
async fn the_size_that_counts_is_that_of_the_value() {
    // Quoted, each line feed is two bytes.
    let half = VALUE_BYTES_MAX / 2;
    let (report, io) = large(&format!("yes '' | head -n {}", half - 1), OutputFrom::Stdout).await;
    assert!(
        io.kept().is_empty()
            && matches!(&report.outcome, Outcome::Success { output: Some(output) } if output.as_str().len() <= VALUE_BYTES_MAX)
    );
    let (report, io) = large(&format!("yes '' | head -n {}", half + 1), OutputFrom::Stdout).await;
    assert_eq!((io.kept.lock().unwrap().len(), told(&report).contains("art_")), (1, true));
    assert_eq!(io.kept.lock().unwrap()[0].1.len(), half + 1);
}

#[tokio::test]
async fn a_large_output_is_looked_at_like_a_small_one() {
    use OutputFrom::{File, Stdout, StdoutJson};
    let wrong = async |text: &str, from, part: &str| {
        let (report, io) = large(text, from).await;
        assert!(told(&report).starts_with("Output: ") && told(&report).contains(part), "{text}: {}", told(&report));
        assert_eq!(io.kept(), "");
    };
    wrong(
        "yes 1, | head -n 600000 > $ORK_OUTPUT",
        File,
        "`$ORK_OUTPUT`: not valid JSON: something follows the value, at byte 2",
    )
    .await;
    wrong("yes 1, | head -n 600000", StdoutJson, "the standard output: not valid JSON").await;
    wrong("printf '['; yes '[' | head -n 70; yes ' ' | head -n 600000", StdoutJson, "64 levels deep").await;
    wrong(r#"printf '["\\u0000"'; yes ' ' | head -n 600000; printf ]"#, StdoutJson, "NUL").await;
    wrong(r"printf '\377'; yes | head -n 600000", Stdout, "not valid UTF-8").await;
    wrong(r"yes | head -n 600000; printf '\000'", Stdout, "NUL").await;
    wrong("printf '[1'; yes ' ' | head -n 600000", StdoutJson, "it ends too early").await;
    wrong("yes 1 | head -n 600000 > x; ln x $ORK_OUTPUT", File, "a hard link").await;
    let (report, io) = large("yes 1, | head -n 600000 > $ORK_OUTPUT; exit 3", File).await;
    assert_eq!((told(&report).as_str(), io.kept().as_str()), ("exit 3", ""));
}

#[tokio::test]
async fn a_large_output_that_is_not_kept_is_none() {
    let (world, io) = (World::new(), Witness::new());
    *io.unkept.lock().unwrap() = Some(Unkept::failed("this worker has no artifact store"));
    let mut work = script("yes 1 | head -n 600000");
    process(&mut work).output = OutputFrom::Stdout;
    let report = world.run_with(work, &io).await;
    assert_eq!(told(&report), "Artifact: this worker has no artifact store");
    world.check_folders();
}

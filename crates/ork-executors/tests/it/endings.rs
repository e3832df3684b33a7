//! How an attempt ends by itself.

use ork_core::limits::VALUE_BYTES_MAX;
use ork_core::plan::OutputFrom;

use crate::world::{World, argv, process, script, told};

async fn check_script(text: &str, output: OutputFrom, expected: &str) {
    let mut work = script(text);
    process(&mut work).output = output;
    let (report, _) = World::new().run(work).await;
    assert_eq!(told(&report), expected, "{text}");
}

async fn check_argv(words: &[&str], expected: &str) {
    let (report, _) = World::new().run(argv(words)).await;
    assert_eq!(told(&report), expected, "{words:?}");
}

#[tokio::test]
async fn codes_and_signals() {
    check_script("", OutputFrom::File, "success").await;
    check_script("exit 3", OutputFrom::File, "exit 3").await;
    check_script("false; echo not reached", OutputFrom::File, "exit 1").await;
    check_script("kill -SEGV $$", OutputFrom::File, "signal 11").await;
    check_script("kill -KILL $$", OutputFrom::File, "signal 9").await;
    check_script("sh -c 'kill -KILL $$'", OutputFrom::File, "exit 137").await;
    check_script("-x", OutputFrom::File, "exit 127").await;
    let (report, _) = World::new().run(script("exit 3")).await;
    assert_eq!((report.exit_code, report.signal), (Some(3), None));
    let (report, _) = World::new().run(script("kill -9 $$")).await;
    assert_eq!((report.exit_code, report.signal), (None, Some(9)));
}

#[tokio::test]
async fn outputs_of_every_form() {
    use OutputFrom::{File, Stdout, StdoutJson};
    check_script(r#"echo '{"a": 1.50}' > "$ORK_OUTPUT""#, File, r#"success {"a": 1.50}"#).await;
    check_script(r#"echo " " > "$ORK_OUTPUT""#, File, "success").await;
    check_script(r#"echo '{"a": 1}' > "$ORK_OUTPUT"; exit 1"#, File, "exit 1").await;
    check_script("printf 'a\\n\\n'", Stdout, r#"success "a\n""#).await;
    check_script("true", Stdout, r#"success """#).await;
    check_script("echo '[1, 2]'", StdoutJson, "success [1, 2]").await;
}

#[tokio::test]
async fn outputs_that_are_none() {
    use OutputFrom::{File, Stdout, StdoutJson};
    let check = async |text, from, part: &str| {
        let mut work = script(text);
        process(&mut work).output = from;
        let told = told(&World::new().run(work).await.0);
        assert!(told.starts_with("Output: ") && told.contains(part), "{text}: {told}");
    };
    check("echo '{' > $ORK_OUTPUT", File, "`$ORK_OUTPUT`: not valid JSON").await;
    check(r#"printf '"\\u0000"' > $ORK_OUTPUT"#, File, "NUL").await;
    check(r"printf '\377' > $ORK_OUTPUT", File, "UTF-8").await;
    check("ln -s /etc/passwd $ORK_OUTPUT", File, "symbolic link").await;
    check("mkdir $ORK_OUTPUT", File, "not a regular file").await;
    check("mkfifo $ORK_OUTPUT", File, "not a regular file").await;
    check(
        "head -c 3000000 /dev/zero > $ORK_OUTPUT",
        File,
        "`$ORK_OUTPUT`: not valid JSON: a value was expected, at byte 1",
    )
    .await;
    check("head -c 3000000 /dev/zero", Stdout, "NUL").await;
    check("truncate -s 1073741825 $ORK_OUTPUT", File, "`$ORK_OUTPUT` is larger than 1073741824 bytes").await;
    check(r"printf 'a\000b'", Stdout, "NUL").await;
    check(r"printf '\377'", Stdout, "UTF-8").await;
    check("true", StdoutJson, "not valid JSON").await;
    check("echo 1 2", StdoutJson, "not valid JSON").await;
}

#[tokio::test]
async fn the_largest_output() {
    let body = VALUE_BYTES_MAX - 2;
    let mut work = script(&format!("head -c {body} /dev/zero | tr '\\0' x; echo"));
    process(&mut work).output = OutputFrom::Stdout;
    let told = told(&World::new().run(work).await.0);
    assert_eq!(told.len(), "success ".len() + VALUE_BYTES_MAX);
}

#[tokio::test]
async fn what_cannot_be_started() {
    let world = World::new();
    std::fs::write(world.path("plain"), "echo hi").unwrap();
    std::fs::write(world.path("lost"), "#!/no/such/interpreter\n").unwrap();
    for name in ["lost", "plain"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = if name == "lost" { 0o755 } else { 0o644 };
        std::fs::set_permissions(world.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let check = async |words: &[&str], part: &str| {
        let told = told(&world.run(argv(words)).await.0);
        assert!(told.starts_with("Start: ") && told.contains(part), "{words:?}: {told}");
    };
    check(&[], "the command is empty").await;
    check(&[""], "has no name").await;
    check(&["no-such-program-at-all"], "no such program on the task's `PATH`").await;
    check(&["./missing"], "No such file").await;
    check(&["/"], "it is a folder").await;
    check(&["a\0b"], "NUL").await;
    check(&[world.path("plain").to_str().unwrap()], "is not executable; `chmod +x").await;
    check(&[world.path("lost").to_str().unwrap()], "the interpreter that it names").await;
    check(&["echo", &"x".repeat(200_000)], "too large").await;

    let mut work = argv(&["true"]);
    process(&mut work).workdir = Some("missing".into());
    let told = told(&world.run(work).await.0);
    assert!(told.starts_with("Start: failed to run in `") && told.contains("No such file"), "{told}");
}

#[tokio::test]
async fn a_program_is_looked_up_on_the_tasks_path() {
    let world = World::new();
    let tool = world.path("tool-of-the-task");
    std::os::unix::fs::symlink("/bin/echo", &tool).unwrap();
    let mut work = argv(&["tool-of-the-task", "hi"]);
    process(&mut work).env.insert("PATH".into(), world.root.to_string_lossy().into_owned());
    let (report, io) = world.run(work).await;
    assert_eq!((told(&report).as_str(), io.stdout().as_str()), ("success", "hi\n"));
}

#[tokio::test]
async fn no_shell_sees_a_command() {
    let world = World::new();
    let words = ["printf", "%s|", "; rm -rf /nowhere", "$HOME", "a\nb", "*", ""];
    let (report, io) = world.run(argv(&words)).await;
    assert_eq!(told(&report), "success");
    assert_eq!(io.stdout(), "; rm -rf /nowhere|$HOME|a\nb|*||");
    check_argv(&["sh", "-c", "exit 4"], "exit 4").await;
}

#[tokio::test]
async fn a_script_too_long_for_an_argument() {
    let world = World::new();
    let text = format!("# {}\necho \"$0\" | grep -q script && echo ran", "x".repeat(300_000));
    let (report, io) = world.run(script(&text)).await;
    assert_eq!((told(&report).as_str(), io.stdout().as_str()), ("success", "ran\n"));
}

#[tokio::test]
async fn what_an_attempt_used() {
    let burn = r#"perl -e 'my $x = "a" x 150_000_000; my $n = 0; $n += $_ for 1..2_000_000; print length $x'"#;
    let (report, _) = World::new().run(script(burn)).await;
    assert!(report.usage.cpu_ms >= 10, "{:?}", report.usage);
    assert!(report.usage.memory_bytes_max > 100_000_000, "{:?}", report.usage);
    // Its memory is never mistaken for ours, which it shares until its `exec`.
    let (report, _) = World::new().run(argv(&["true"])).await;
    assert_eq!(report.usage.memory_bytes_max, 0);
}

#[tokio::test]
async fn an_operation_is_not_for_this_executor() {
    let mut work = argv(&["true"]);
    work.work = ork_core::executor::Work::Operation { name: "render".into() };
    let (report, _) = World::new().run(work).await;
    assert_eq!(told(&report), "Start: the process executor has no operation `render`: a worker must serve it");
}

/// Says that the process is in a control group with a limit of 300 MB.
const LIMITED: &str = "ORK_TEST_LIMITED";

/// Carried out by [`out_of_memory_is_told_apart`], in a control group of its own.
#[tokio::test]
async fn out_of_memory() {
    if std::env::var_os(LIMITED).is_none() {
        return;
    }
    let fill = r#"perl -e 'my $x = "a" x 900_000_000; print length $x'"#;
    for text in [format!("exec {fill}"), format!("{fill}; true")] {
        let told = told(&World::new().run(script(&text)).await.0);
        assert_eq!(told, "OutOfMemory: killed by the kernel, which was out of memory for it", "{text}");
    }
    let told = told(&World::new().run(script("kill -9 $$")).await.0);
    assert_eq!(told, "signal 9");
}

#[test]
fn out_of_memory_is_told_apart() {
    let Some((group, processes)) = limited_group() else {
        return println!("skipped: no control group can be made here");
    };
    let enter = format!("echo $$ > {processes} && exec \"$0\" endings::out_of_memory --exact --nocapture");
    let tests = std::env::current_exe().unwrap();
    let output = std::process::Command::new("sh").arg("-c").arg(enter).arg(tests).env(LIMITED, "1").output().unwrap();
    let _ = std::fs::remove_dir(group);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A new control group with a limit of 300 MB, of version 1 or 2, and the file that takes its processes.
fn limited_group() -> Option<(String, String)> {
    let name = format!("ork-test-{}", std::process::id());
    let versions =
        [("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "tasks"), ("/sys/fs/cgroup", "memory.max", "cgroup.procs")];
    versions.into_iter().find_map(|(root, limit, processes)| {
        let group = format!("{root}/{name}");
        std::fs::create_dir(&group).ok()?;
        if std::fs::write(format!("{group}/{limit}"), "300M").is_err() {
            let _ = std::fs::remove_dir(&group);
            return None;
        }
        Some((group.clone(), format!("{group}/{processes}")))
    })
}

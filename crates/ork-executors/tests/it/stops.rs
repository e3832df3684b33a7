//! Attempts that are stopped, and trees that do not want to be (G10, G11).

use std::fs;
use std::sync::Arc;

use ork_core::executor::{Assignment, AttemptIo, Executor, StopCause};

use crate::world::{Witness, World, eventually, processes_with, script, timed, told, unique};

/// Five processes that ignore TERM: the leader, a child, one in a session of its own, a daemon, and a daemon that has
/// thrown its environment away. Each says `up` when it is there; `MARK` is among each one's arguments.
const STUBBORN: &str = r#"
exec perl -e '
use POSIX;
$SIG{TERM} = "IGNORE";
my $stay = q($SIG{TERM} = "IGNORE"; syswrite STDOUT, "up\n"; sleep 1000 while 1);
for my $how (1 .. 4) {
    next if fork;
    POSIX::setsid() if $how > 1;
    exit if $how > 2 && fork;
    %ENV = () if $how == 4;
    exec $^X, "-e", $stay, @ARGV;
}
eval $stay;
' MARK
"#;

fn marked(text: &str) -> (Assignment, String) {
    let mark = format!("mark-{}", unique());
    (script(&text.replace("MARK", &mark)), mark)
}

/// Stops a script once it has said so many lines, and proves that nothing of it is left.
async fn check(text: &str, lines: usize, cause: StopCause, expected: &str) {
    let world = World::new();
    let (work, mark) = marked(text);
    let io = Witness::new();
    let stop = async {
        io.lines(lines).await;
        io.stop(cause);
        timed(std::future::ready(())).await
    };
    let (report, _) = tokio::join!(world.run_with(work, &io), stop);
    assert_eq!(told(&report), expected, "{text}");
    assert_eq!(processes_with("cmdline", &mark), Vec::<i32>::new());
}

#[tokio::test]
async fn a_process_that_heeds_term() {
    check("echo up; exec sleep 1000", 1, StopCause::Cancel, "cancelled").await;
    check("echo up; exec sleep 1000", 1, StopCause::Drain, "handed back").await;
    check("echo up; exec sleep 1000", 1, StopCause::Timeout, "Timeout: ran longer than its timeout").await;
    // Whoever ends with 0 because it was told to has not done its work.
    check("trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done", 1, StopCause::Cancel, "cancelled").await;
    // A stopped process heeds nothing until it goes on.
    check("echo up; kill -STOP $$", 1, StopCause::Cancel, "cancelled").await;
}

#[tokio::test]
async fn a_tree_that_does_not_want_to_end() {
    for (cause, expected) in
        [(StopCause::Cancel, "cancelled"), (StopCause::Timeout, "Timeout: ran longer than its timeout")]
    {
        let ((), secs) = timed(check(STUBBORN, 5, cause, expected)).await;
        assert!(secs < 5.0, "{secs}");
    }
}

#[tokio::test]
async fn what_is_left_behind_is_killed_at_the_end() {
    // The leader waits for its children to be up, and ends; they hold no stream.
    let text = r#"
        mkfifo f; exec 3<>f
        setsid sh -c 'echo up >&3; exec sleep 1000 MARK' >/dev/null 2>&1 &
        (setsid sh -c '(echo up >&3; perl -e "sleep 1000" MARK) & ' >/dev/null 2>&1 3>&3 &)
        sh -c 'trap "" TERM; echo up >&3; perl -e "sleep 1000" MARK' >/dev/null 2>&1 &
        read a <&3; read b <&3; read c <&3; exit 6"#;
    let world = World::new();
    let (work, mark) = marked(
        &text.replace("exec sleep 1000 MARK", "perl -e 'sleep 1000' MARK").replace("'sleep 1000'", "\"sleep 1000\""),
    );
    let ((report, io), secs) = timed(world.run(work)).await;
    assert_eq!((told(&report).as_str(), io.stderr().as_str()), ("exit 6", ""));
    assert!(secs < 5.0, "{secs}");
    assert_eq!(processes_with("cmdline", &mark), Vec::<i32>::new());
}

#[tokio::test]
async fn work_that_was_done_before_the_stop_is_done() {
    let world = World::with(|config| config.drain_ms = 60_000);
    let io = Witness::new();
    let stop = async {
        let pid = io.pid().await;
        // It has ended, and is not reaped, because something that it left holds its output.
        let stat = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        eventually("it has ended", || stat().contains(") Z ")).await;
        io.stop(StopCause::Cancel);
    };
    let (report, ()) = tokio::join!(world.run_with(script("sleep 1000 & echo 1 > $ORK_OUTPUT"), &io), stop);
    assert_eq!(told(&report), "success 1");
}

#[tokio::test]
async fn grace_is_for_those_that_use_it() {
    let world = World::with(|config| config.grace_ms = 60_000);
    let io = Witness::new();
    let text = "trap 'sleep 0.3; echo tidied; exit 1' TERM; echo up; while :; do sleep 0.05; done";
    let stop = async {
        io.lines(1).await;
        io.stop(StopCause::Cancel);
    };
    let ((report, ()), secs) = timed(async { tokio::join!(world.run_with(script(text), &io), stop) }).await;
    assert_eq!(
        (told(&report).as_str(), io.stdout().as_str(), report.exit_code),
        ("cancelled", "up\ntidied\n", Some(1))
    );
    assert!(secs < 10.0, "{secs}");
}

#[tokio::test]
async fn a_kill_waits_for_no_grace_and_proves_the_end() {
    for (cause, expected) in [(Some(StopCause::Cancel), "cancelled"), (None, "handed back")] {
        let world = World::with(|config| config.grace_ms = 60_000);
        let (io, (work, mark)) = (Witness::new(), marked(STUBBORN));
        let kill = async {
            io.lines(5).await;
            if let Some(cause) = cause {
                io.stop(cause);
            }
            world.executor.kill();
        };
        let ((report, ()), secs) = timed(async { tokio::join!(world.run_with(work, &io), kill) }).await;
        assert_eq!(told(&report), expected);
        assert_eq!(processes_with("cmdline", &mark), Vec::<i32>::new());
        assert!(secs < 30.0, "{secs}");
    }
}

#[tokio::test]
async fn a_stop_before_the_start_is_heeded() {
    let io = Witness::new();
    io.stop(StopCause::Cancel);
    let report = World::new().run_with(script("sleep 1000"), &io).await;
    assert_eq!(told(&report), "cancelled");
}

#[tokio::test]
async fn an_attempt_that_is_dropped_takes_its_tree_along() {
    let world = World::new();
    let (work, mark) = marked(STUBBORN);
    let (io, executor) = (Witness::new(), Arc::clone(&world.executor));
    let attempt = {
        let io = Arc::clone(&io) as Arc<dyn AttemptIo>;
        tokio::spawn(async move { executor.execute(work, io).await })
    };
    io.lines(5).await;
    attempt.abort();
    assert!(attempt.await.unwrap_err().is_cancelled());
    eventually("nothing is left", || processes_with("cmdline", &mark).is_empty()).await;
}

#[tokio::test]
async fn many_attempts_at_once_do_not_touch_each_other() {
    let world = Arc::new(World::new());
    let mut attempts = tokio::task::JoinSet::new();
    for n in 0..40 {
        let world = Arc::clone(&world);
        attempts.spawn(async move {
            // Each leaves a daemon, and each has one that it still uses, which no other may kill.
            let text = format!(
                "mkfifo f; (setsid sh -c 'read x < f; echo \"$x\"; sleep 1000' &)\n\
                 setsid sleep 1000 >/dev/null 2>&1 &\n sleep 0.{n:02}; echo {n} > f; sleep 0.1; exit {n}"
            );
            let io = Witness::new();
            let report = world.run_with(script(&text), &io).await;
            (n, report.exit_code, io.stdout())
        });
    }
    while let Some(done) = attempts.join_next().await {
        let (n, code, stdout) = done.unwrap();
        assert_eq!((code, stdout), (Some(n), format!("{n}\n")));
    }
    world.check_folders();
}

/// Runs `text` beside an attempt that is older and goes on, and looks what is left of it before and after that ends.
async fn beside_an_older_one(text: &str, lines: usize) -> (usize, String) {
    let world = World::new();
    let (work, mark) = marked(text);
    let (older, io) = (Witness::new(), Witness::new());
    let watch = async {
        older.pid().await;
        // The kernel tells the ages of processes in steps of 10 ms.
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        let stop = async {
            io.lines(lines).await;
            io.stop(StopCause::Cancel);
        };
        let (report, ()) = tokio::join!(world.run_with(work, &io), stop);
        assert_eq!(told(&report), "cancelled");
        let left = processes_with("cmdline", &mark).len();
        older.stop(StopCause::Cancel);
        left
    };
    let (_, left) = tokio::join!(world.run_with(script("exec sleep 1000"), &older), watch);
    (left, mark)
}

#[tokio::test]
async fn a_daemon_without_its_environment_is_known_by_its_streams() {
    let (left, _) = beside_an_older_one(STUBBORN, 5).await;
    assert_eq!(left, 0);
}

/// The limit of what can be told apart without a control group for each attempt.
#[tokio::test]
async fn a_daemon_that_hides_completely_lives_as_long_as_it_may_be_another_attempts() {
    let hide = r#"
        mkfifo f
        perl -e '
            use POSIX; exit if fork; POSIX::setsid(); my $parent = $$; exit if fork; %ENV = ();
            select undef, undef, undef, 0.01 while getppid == $parent;
            exec "/bin/sh", "-c", "exec >/dev/null 2>&1; echo > f; perl -e \"sleep 1000\" MARK; true"'
        read hidden < f
        echo up
        sleep 1000"#;
    let (left, mark) = beside_an_older_one(hide, 1).await;
    assert_eq!(left, 2, "a shell and what it runs");
    eventually("nothing is left", || processes_with("cmdline", &mark).is_empty()).await;
}

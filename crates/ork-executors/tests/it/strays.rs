//! What an engine that was killed has left on this machine.

use std::io::BufRead;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use ork_core::executor::{Assignment, AttemptIo, Executor};
use ork_core::id::{RunId, TaskId};

use crate::world::{Witness, World, argv, eventually, processes_with, script, told, unique};

/// A process as another engine would have started it, in our own group, so that no sweep takes it for an orphan.
struct Stray(Child);

impl Stray {
    fn new(task: Option<TaskId>, nonce: &str, text: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", text]).env("ORK_NONCE", nonce).stdin(Stdio::null()).stdout(Stdio::null());
        if let Some(task) = task {
            command.env("ORK_TASK_ID", task.to_string());
        }
        Self(command.spawn().unwrap())
    }

    fn runs(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Stray {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn task_of(work: &Assignment) -> TaskId {
    work.task.id()
}

#[tokio::test]
async fn strays_of_a_task_are_killed_and_nobody_else() {
    let world = World::new();
    let (mine, other) = (task_of(&argv(&["true"])), task_of(&argv(&["true"])));
    let mark = format!("mark-{}", unique());
    let tree = format!("env -i setsid perl -e 'sleep 1000' {mark} & wait");
    let mut stray = Stray::new(Some(mine), "old", &tree);
    let mut others = [
        Stray::new(Some(other), "old", "exec sleep 1000"),
        Stray::new(None, "old", &format!("exec sleep 1000 # ORK_TASK_ID={mine}")),
    ];
    eventually("its child runs", || processes_with("cmdline", &format!("{mark}\0")).len() == 1).await;

    let executor = Arc::clone(&world.executor);
    let killed = tokio::task::spawn_blocking(move || executor.kill_strays(mine)).await.unwrap();
    assert_eq!(killed, 2);
    assert!(!stray.runs());
    assert_eq!(processes_with("cmdline", &format!("{mark}\0")), Vec::<i32>::new());
    assert!(others.iter_mut().all(Stray::runs));
}

#[tokio::test]
async fn an_attempt_in_hand_is_no_stray() {
    let world = World::new();
    let work = script("echo $ORK_WORK; while [ ! -e go ]; do sleep 0.02; done");
    let (task, io) = (task_of(&work), Witness::new());
    let executor = Arc::clone(&world.executor);
    let look = async {
        io.lines(1).await;
        assert_eq!(tokio::task::spawn_blocking(move || executor.kill_strays(task)).await.unwrap(), 0);
        std::fs::write(format!("{}/go", io.stdout().trim_end()), "").unwrap();
    };
    let (report, ()) = tokio::join!(world.run_with(work, &io), look);
    assert_eq!(told(&report), "success");
}

#[tokio::test]
async fn a_second_attempt_begins_when_the_first_is_gone() {
    let world = World::new();
    let mut work = script("true");
    work.attempt = 2;
    let mut stray = Stray::new(Some(task_of(&work)), "old", "trap '' TERM; while :; do sleep 0.05; done");
    let (report, _) = world.run(work).await;
    assert_eq!(told(&report), "success");
    assert!(!stray.runs());
}

#[tokio::test]
async fn steps_begin_when_what_another_worker_began_is_gone() {
    let world = World::new();
    let task = script("true").task;
    let mut stray = Stray::new(Some(task.id()), "old", "trap '' TERM; while :; do sleep 0.05; done");
    let folder = world.executor.open(task).await.unwrap();
    assert!(!stray.runs());
    folder.close().await;
}

/// What [`a_killed_engine`] tells the engine that it starts.
const MARK: &str = "ORK_TEST_MARK";

/// An engine for [`a_killed_engine`] to kill; without its mark there is nothing to do.
#[tokio::test]
async fn an_engine() {
    let Ok(mark) = std::env::var(MARK) else { return };
    let mut work =
        script(&format!("trap '' TERM; perl -e 'sleep 1000' {mark} & setsid perl -e 'sleep 1000' {mark} & wait"));
    println!("\n{}", work.task.run);
    work.nonce = "old".into();
    let world = World::new();
    world.executor.execute(work, Witness::new() as Arc<dyn AttemptIo>).await;
}

#[tokio::test]
async fn a_killed_engine() {
    let (world, mark) = (World::new(), format!("mark-{}", unique()));
    let arguments = ["strays::an_engine", "--exact", "--nocapture"];
    let mut engine = Command::new(std::env::current_exe().unwrap());
    let mut engine =
        engine.args(arguments).env(MARK, &mark).env("TMPDIR", &world.root).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufReader::new(engine.stdout.take().unwrap()).lines();
    let run: RunId = lines.find_map(|line| line.unwrap().parse().ok()).unwrap();
    let mut work = script("true");
    work.task.run = run;
    work.attempt = 2;
    // The shell has the mark too, among its script.
    eventually("its tree runs", || processes_with("cmdline", &format!("sleep 1000\0{mark}\0")).len() == 2).await;
    engine.kill().unwrap();
    assert_eq!(engine.wait().unwrap().signal(), Some(9));

    let (report, _) = world.run(work).await;
    assert_eq!(told(&report), "success");
    assert_eq!(processes_with("cmdline", &format!("{mark}\0")), Vec::<i32>::new());
}

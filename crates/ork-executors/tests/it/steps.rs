//! The folder that the steps of an attempt share, and what they say of tokens.

use std::fs;
use std::sync::Arc;

use ork_core::executor::{
    Assignment, AttemptIo, Executor, Report, StepAssignment, StopCause, Unkept, Wanted, WorkFolder,
};
use ork_core::id::TaskRef;
use serde_json::json;

use crate::world::{Witness, World, eventually, process, processes_with, script, told, unique};

/// A step of `task`.
fn step(task: TaskRef, text: &str) -> Assignment {
    let mut work = script(text);
    work.task = task;
    work.step = Some(StepAssignment { name: "lint".into(), round: 2, feedback: None, is_work_lost: false });
    work
}

/// Executes, and proves that no process of the step is left.
async fn execute(folder: &dyn WorkFolder, work: Assignment, io: &Arc<Witness>) -> Report {
    let nonce = work.nonce.clone();
    let report = folder.execute(work, Arc::clone(io) as Arc<dyn AttemptIo>).await;
    assert_eq!(processes_with("environ", &format!("ORK_NONCE={nonce}\0")), Vec::<i32>::new());
    report
}

async fn run(folder: &dyn WorkFolder, work: Assignment) -> (Report, Arc<Witness>) {
    let io = Witness::new();
    (execute(folder, work, &io).await, io)
}

#[tokio::test]
async fn steps_share_a_folder_and_nothing_else() {
    let (world, task) = (World::new(), script("").task);
    let folder = world.executor.open(task).await.unwrap();
    let first = "pwd -P | grep -qx $ORK_WORK; mkdir a; echo 1 > a/b; touch $ORK_ARTIFACTS/x
        echo 1 > $ORK_OUTPUT; echo 5 > $ORK_PROGRESS";
    let (report, io) = run(&*folder, step(task, first)).await;
    assert_eq!((told(&report).as_str(), io.progress.lock().unwrap().len()), ("success 1", 1));
    assert_eq!((io.kept().as_str(), io.notes().as_str()), ("x (application/octet-stream): ", ""));
    let second = "cat a/b; ls -A $ORK_ARTIFACTS; test ! -e $ORK_OUTPUT; test ! -e $ORK_PROGRESS; chmod 500 a";
    let mut second = step(task, second);
    second.project = Some(world.root.clone());
    let (report, io) = run(&*folder, second).await;
    assert_eq!((told(&report).as_str(), io.notes().as_str()), ("success", ""));
    assert_eq!((io.stdout().as_str(), io.kept().as_str()), ("1\n", ""));
    folder.close().await;
    world.check_folders();
    let (report, _) = run(&*folder, step(task, "true")).await;
    assert!(told(&report).starts_with("Start: failed to run in"), "{}", told(&report));
}

#[tokio::test]
async fn where_a_step_runs_and_what_it_sees() {
    let (world, task) = (World::new(), script("").task);
    fs::create_dir_all(world.path("project/sub")).unwrap();
    let folder = world.executor.open(task).await.unwrap();
    let mut work =
        step(task, "pwd; cat $ORK_FEEDBACK; echo; echo $0 $ORK_STEP $ORK_ROUND $ORK_WORK_LOST; test -d $ORK_WORK");
    work.project = Some(world.path("project"));
    process(&mut work).workdir = Some("sub".into());
    work.step.as_mut().unwrap().feedback = Some(json!([{"step": "lint"}]));
    work.step.as_mut().unwrap().is_work_lost = true;
    let (report, io) = run(&*folder, work).await;
    assert_eq!(told(&report), "success");
    let place = world.path("project/sub").canonicalize().unwrap();
    assert_eq!(io.stdout(), format!("{}\n[{{\"step\":\"lint\"}}]\nlint lint 2 1\n", place.display()));
    let (report, io) = run(&*folder, step(task, "env; test $(pwd -P) = $ORK_WORK; touch here")).await;
    assert_eq!(told(&report), "success");
    assert!(!io.stdout().contains("ORK_FEEDBACK") && !io.stdout().contains("ORK_WORK_LOST"), "{}", io.stdout());
    // Dropped instead of closed, it goes too.
    drop(folder);
    world.check_folders();
}

#[tokio::test]
async fn what_a_step_leaves_is_killed_and_its_neighbour_is_not() {
    let (world, task) = (World::new(), script("").task);
    let folder = world.executor.open(task).await.unwrap();
    let mark = format!("mark-{}", unique());
    let stays = format!("echo up; perl -e 'sleep 1000' {mark} & while [ ! -e go ]; do sleep 0.02; done");
    let leaves = format!(
        "setsid perl -e 'sleep 1000' left-{mark} >/dev/null 2>&1 & perl -e 'sleep 1000' left-{mark} >/dev/null 2>&1 &"
    );
    let io = Witness::new();
    let others = async {
        io.lines(1).await;
        eventually("its child runs", || processes_with("cmdline", &format!("\0{mark}\0")).len() == 1).await;
        let (report, _) = run(&*folder, step(task, &leaves)).await;
        assert_eq!(told(&report), "success");
        let stop = Witness::new();
        stop.stop(StopCause::Cancel);
        assert_eq!(told(&execute(&*folder, step(task, "sleep 1000"), &stop).await), "cancelled");
        // Nor does a look for strays touch it, as that of another attempt's folder.
        let second = world.executor.open(task).await.unwrap();
        assert_eq!(processes_with("cmdline", &format!("left-{mark}")), Vec::<i32>::new());
        assert_eq!(processes_with("cmdline", &format!("\0{mark}\0")).len(), 1);
        assert_eq!(told(&run(&*second, step(task, "touch ../go")).await.0), "success");
        second.close().await;
        assert_eq!(told(&run(&*folder, step(task, "touch go")).await.0), "success");
    };
    let (report, ()) = tokio::join!(execute(&*folder, step(task, &stays), &io), others);
    assert_eq!(told(&report), "success");
    assert_eq!(processes_with("cmdline", &mark), Vec::<i32>::new());
    folder.close().await;
    world.check_folders();
}

#[tokio::test]
async fn files_of_the_shared_folder_are_kept_by_their_names() {
    let (world, task) = (World::new(), script("").task);
    let folder = world.executor.open(task).await.unwrap();
    let text = "mkdir -p out/sub; echo 1 > out/a.json; echo 2 > out/sub/b.json; ln -s /etc/shadow out/c.json; ln out/a.json out/d.json
        ln out/sub/b.json $ORK_WORK/../stolen; ln -s /etc out/etc; printf '' > out/e.json";
    assert_eq!(told(&run(&*folder, step(task, text)).await.0), "success");
    let keep = async |globs: &[&str], optional| {
        let globs = globs.iter().map(|glob| (*glob).to_owned()).collect();
        let wanted = Wanted { globs, name: None, kind: "list".into(), content_type: None, meta: None, optional };
        let io = Witness::new();
        let kept = folder.keep(wanted, Arc::clone(&io) as Arc<dyn AttemptIo>).await;
        (kept.map(|kept| kept.len()), io)
    };
    let (kept, io) = keep(&["out/**/*.json"], false).await;
    assert_eq!((kept, io.kept().as_str()), (Ok(1), "out/e.json (application/json): "));
    let said = "\
        ork: artifacts: `out/a.json` is left out: it has another name (a hard link)\n\
        ork: artifacts: `out/c.json` is left out: it is a symbolic link\n\
        ork: artifacts: `out/d.json` is left out: it has another name (a hard link)\n\
        ork: artifacts: `out/sub/b.json` is left out: it has another name (a hard link)\n";
    assert_eq!(io.notes(), said);
    let failed = |message: &str| Err(Unkept::failed(message));
    assert_eq!(keep(&["out/*.mp4"], false).await.0, failed("no file matches `out/*.mp4`"));
    assert_eq!(keep(&["out/*.mp4", "etc/*"], true).await.0, Ok(0));
    assert!(keep(&["/etc/passwd"], true).await.0.is_err() && keep(&["../*"], true).await.0.is_err());
    // What stands in the place of the folder is not the folder.
    let text = "cd /; mv $ORK_WORK $ORK_WORK/../moved; ln -s /etc $ORK_WORK";
    assert_eq!(told(&run(&*folder, step(task, text)).await.0), "success");
    let why = "failed to open `$ORK_WORK`: it is a symbolic link, or lies behind one";
    assert_eq!(keep(&["passwd"], false).await.0, failed(why));
    folder.close().await;
    world.check_folders();
}

#[tokio::test]
async fn the_folder_goes_whatever_is_in_it() {
    let (world, task) = (World::new(), script("").task);
    let folder = world.executor.open(task).await.unwrap();
    let text = "mkdir -p a/b; touch a/b/c $ORK_WORK/../x; ln -s / root; chmod 500 a/b a; chmod 0 $ORK_WORK";
    assert_eq!(told(&run(&*folder, step(task, text)).await.0), "success");
    folder.close().await;
    world.check_folders();
}

/// What a script says of tokens, and how it ends.
async fn tokens(text: &str) -> (String, String) {
    let (report, _) = World::new().run(script(text)).await;
    let notes = report.tokens.iter().map(|note| {
        format!(
            "{} {}+{}+{}",
            note.model.as_deref().unwrap_or("?"),
            note.tokens.input,
            note.tokens.output,
            note.tokens.cached
        )
    });
    (notes.collect::<Vec<_>>().join(", "), told(&report))
}

#[tokio::test]
async fn tokens_are_told_however_a_command_ends() {
    let line = r#"echo '{"model": "m", "input_tokens": 3, "output_tokens": 4, "cached_tokens": 1}' >> $ORK_TOKENS"#;
    let is = |notes: &str, outcome: &str| (notes.to_owned(), outcome.to_owned());
    assert_eq!(tokens("true").await, is("", "success"));
    assert_eq!(tokens(line).await, is("m 3+4+1", "success"));
    assert_eq!(tokens(&format!("{line}\n{line}\nexit 3")).await, is("m 3+4+1, m 3+4+1", "exit 3"));
    let bad = format!("{line}\necho nonsense >> $ORK_TOKENS\n{line}");
    let expected = "Output: `$ORK_TOKENS`, line 2: expected ident";
    assert_eq!(tokens(&bad).await, is("m 3+4+1, m 3+4+1", expected));
    assert_eq!(tokens(&format!("{bad}\nexit 3")).await, is("m 3+4+1, m 3+4+1", "exit 3"));
    assert_eq!(tokens("mkdir $ORK_TOKENS").await, is("", "Output: `$ORK_TOKENS`: it is not a regular file"));

    let many = r#"i=0; while [ $i -le LINES ]; do i=$((i+1)); echo '{"input_tokens":1,"output_tokens":0}'; done > $ORK_TOKENS"#;
    let (notes, outcome) = tokens(&many.replace("LINES", "1000")).await;
    assert_eq!((notes.split(", ").count(), outcome.as_str()), (1000, "Output: `$ORK_TOKENS` has more than 1000 lines"));
    let wide = format!("{line}\nyes '' | head -c 70000 | tr '\\n' x >> $ORK_TOKENS");
    assert_eq!(tokens(&wide).await, is("m 3+4+1", "Output: `$ORK_TOKENS` is larger than 65536 bytes"));
}

#[tokio::test]
async fn a_step_tells_its_tokens() {
    let (world, task) = (World::new(), script("").task);
    let folder = world.executor.open(task).await.unwrap();
    let line = r#"{"input_tokens": 3, "output_tokens": 4, "cost_usd": 0.5}"#;
    let (report, _) = run(&*folder, step(task, &format!("echo '{line}' > $ORK_TOKENS"))).await;
    assert_eq!((report.tokens.len(), report.tokens[0].cost_micros), (1, Some(500_000)));
    let (report, _) = run(&*folder, step(task, "test ! -e $ORK_TOKENS")).await;
    assert_eq!((told(&report).as_str(), report.tokens.len()), ("success", 0));
    folder.close().await;
}

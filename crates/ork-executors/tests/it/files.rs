//! The files through which a task answers, and its folder.

use std::fs;

use crate::world::{Witness, World, eventually, process, script, told};

#[tokio::test]
async fn progress_is_seen_while_it_runs_and_at_the_end() {
    let world = World::new();
    let mut work = script(concat!(
        "printf '5\\n10 cut the film\\nnonsense\\n101\\n20' >> $ORK_PROGRESS\n",
        "while [ ! -e \"$GO\" ]; do sleep 0.02; done\n",
        "printf ' more\\n99' >> $ORK_PROGRESS\n",
    ));
    let go = world.path("go");
    process(&mut work).env.insert("GO".into(), go.to_string_lossy().into_owned());
    let io = Witness::new();
    let told_progress = || {
        let all = io.progress.lock().unwrap();
        all.iter().map(|p| format!("{} {:?} {:?}", p.percent, p.stage, p.message)).collect::<Vec<_>>()
    };
    let watch = async {
        eventually("progress is told", || !told_progress().is_empty()).await;
        fs::write(&go, "").unwrap();
    };
    let (report, ()) = tokio::join!(world.run_with(work, &io), watch);
    assert_eq!(told(&report), "success");
    assert_eq!(told_progress(), [r#"10 Some("cut") Some("the film")"#, "99 None None"]);
}

#[tokio::test]
async fn a_progress_file_that_is_none_disturbs_nobody() {
    for make in [
        "mkfifo $ORK_PROGRESS",
        "mkdir $ORK_PROGRESS",
        "ln -s /dev/zero $ORK_PROGRESS",
        "yes > $ORK_PROGRESS & sleep 0.7",
    ] {
        let (report, io) = World::new().run(script(make)).await;
        assert_eq!((told(&report).as_str(), io.progress.lock().unwrap().len()), ("success", 0), "{make}");
    }
}

#[tokio::test]
async fn the_folder_goes_whatever_is_in_it() {
    let world = World::new();
    fs::write(world.path("kept"), "").unwrap();
    let mut work = script(
        "mkdir -p $ORK_WORK/a/b; touch $ORK_WORK/a/b/c; ln -s $KEPT $ORK_WORK/link; chmod 0 $ORK_WORK/a/b $ORK_WORK/a",
    );
    process(&mut work).env.insert("KEPT".into(), world.root.to_string_lossy().into_owned());
    let (report, io) = world.run(work).await;
    assert_eq!((told(&report).as_str(), io.stderr().as_str()), ("success", ""));
    assert!(world.path("kept").exists());
}

#[tokio::test]
async fn a_folder_is_used_again_only_as_it_was() {
    let world = World::new();
    let mut last = String::new();
    // What a task does, and whether the next one may find itself in the same folder.
    for (done, again) in [
        ("true", true),
        ("echo 1 > $ORK_OUTPUT; echo 5 > $ORK_PROGRESS", true),
        ("touch $ORK_WORK/x", false),
        ("touch $ORK_ARTIFACTS/x", false),
        ("touch $ORK_WORK/../x", false),
        ("chmod 777 $ORK_WORK/..", false),
        ("sleep 0.03; chmod 777 $ORK_WORK", false),
        ("rm -r $(dirname $ORK_WORK)", false),
    ] {
        for text in [done, "ls -A $ORK_WORK/.."] {
            let (_, io) = world.run(script(&format!("echo $ORK_WORK; {text}"))).await;
            let stdout = io.stdout();
            let (place, listing) = stdout.split_once('\n').unwrap();
            if text.starts_with("ls") {
                assert_eq!((done, place == last, listing), (done, again, "artifacts\nwork\n"));
            }
            last = place.into();
        }
    }
}

#[tokio::test]
async fn the_home_of_a_dead_executor_is_cleared_away() {
    let world = World::new();
    let dead = world.path("attempts/1-1-1");
    fs::create_dir_all(dead.join("0/work/deep")).unwrap();
    fs::write(dead.join("lock"), "").unwrap();
    fs::create_dir_all(world.path("attempts/not-a-home")).unwrap();
    let homes = || {
        let mut homes: Vec<_> = fs::read_dir(world.path("attempts")).unwrap().map(|e| e.unwrap().file_name()).collect();
        homes.sort();
        homes.len()
    };
    assert_eq!(homes(), 4); // the lock, the living, the dead, and what is none
    let second =
        ork_executors::ProcessExecutor::new(ork_executors::ProcessConfig::new(world.path("attempts"))).unwrap();
    assert_eq!((homes(), dead.exists()), (4, false));
    drop(second);
    assert_eq!(homes(), 3);
    // And of one that dies while this one lives.
    fs::create_dir_all(dead.join("0/work")).unwrap();
    fs::write(dead.join("lock"), "").unwrap();
    world.executor.clear_away_the_dead();
    assert_eq!((homes(), dead.exists()), (3, false));
    fs::remove_dir(world.path("attempts/not-a-home")).unwrap();
    let (report, _) = world.run(script("true")).await;
    assert_eq!(told(&report), "success");
}

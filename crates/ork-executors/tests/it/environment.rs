//! What a task's process sees.

use std::collections::BTreeMap;

use ork_core::id::TaskId;
use serde_json::json;

use crate::world::{World, argv, process, script, told};

async fn seen(world: &World, work: ork_core::executor::Assignment) -> BTreeMap<String, String> {
    let (report, io) = world.run(work).await;
    assert_eq!(told(&report), "success");
    io.stdout().lines().filter_map(|line| line.split_once('=')).map(|(n, v)| (n.into(), v.into())).collect()
}

#[tokio::test]
async fn the_servers_environment_is_not_inherited() {
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "cargo has set what a task must not see");
    let world = World::with(|config| config.inherit = vec!["PATH".into(), "CARGO_PKG_N*".into(), "HOME".into()]);
    let mut work = argv(&["env"]);
    process(&mut work).env =
        [("HOME", "/mine"), ("OWN", "a=b"), ("EMPTY", "")].map(|(n, v)| (n.into(), v.into())).into();
    let (task, nonce) = (work.task.id(), work.nonce.clone());
    let seen = seen(&world, work).await;

    let names: Vec<&str> = seen.keys().map(String::as_str).collect();
    let ours = ["ORK_ARTIFACTS", "ORK_ATTEMPT", "ORK_NONCE", "ORK_OUTPUT", "ORK_PARAMS", "ORK_PROGRESS", "ORK_RUN_ID"];
    let mut expected = vec!["CARGO_PKG_NAME", "EMPTY", "HOME"];
    expected.extend(ours);
    expected.extend([
        "ORK_TASK_ID",
        "ORK_TASK_INDEX",
        "ORK_TASK_KEY",
        "ORK_TOKENS",
        "ORK_WORK",
        "OWN",
        "PATH",
        "TRACEPARENT",
    ]);
    assert_eq!(names, expected);

    let is = |name: &str| seen[name].as_str();
    assert_eq!((is("HOME"), is("OWN"), is("EMPTY")), ("/mine", "a=b", ""));
    assert_eq!((is("ORK_TASK_KEY"), is("ORK_TASK_INDEX"), is("ORK_ATTEMPT")), ("cut", "7", "1"));
    assert_eq!((is("ORK_NONCE"), is("ORK_TASK_ID").parse::<TaskId>()), (nonce.as_str(), Ok(task)));
    assert_eq!(is("ORK_RUN_ID"), task.run().to_string());
    let trace = format!("00-{:032x}-{:016x}-01", task.run().uuid().as_u128(), task.uuid().as_u64_pair().1);
    assert_eq!(is("TRACEPARENT"), trace);
}

#[tokio::test]
async fn names_that_a_task_may_not_set() {
    let check = async |name: &str, value: &str, part: &str| {
        let mut work = argv(&["true"]);
        process(&mut work).env.insert(name.into(), value.into());
        let told = told(&World::new().run(work).await.0);
        assert!(told.starts_with("Start: ") && told.contains(part), "{name:?}: {told}");
    };
    check("", "x", "without a name").await;
    check("A=B", "x", "holds no `=`").await;
    check("A\0", "x", "no NUL").await;
    check("A", "x\0", "NUL character").await;
    check("ORK_NONCE", "x", "are Ork's own").await;
    check("ORK_ANYTHING", "x", "are Ork's own").await;
}

#[tokio::test]
async fn a_nonce_that_is_no_name_is_refused() {
    for nonce in ["", "a/b", "..", "a\0"] {
        let mut work = argv(&["true"]);
        work.nonce = nonce.into();
        let io = crate::world::Witness::new();
        let report = ork_core::executor::Executor::execute(&*World::new().executor, work, io).await;
        assert!(told(&report).starts_with("Start: the attempt's nonce"), "{}", told(&report));
    }
}

#[tokio::test]
async fn where_a_process_runs() {
    let world = World::new();
    let project = world.path("project").canonicalize().unwrap_or(world.path("project"));
    std::fs::create_dir_all(project.join("sub")).unwrap();
    let check = async |with_project: bool, workdir: Option<&str>, expected: &str| {
        let mut work =
            script(r#"p=$(pwd -P); case "$p" in "$ORK_WORK"*) echo "WORK${p#"$ORK_WORK"}";; *) echo "$p";; esac"#);
        work.project = with_project.then(|| project.clone());
        process(&mut work).workdir = workdir.map(Into::into);
        let (report, io) = world.run(work).await;
        assert_eq!((told(&report).as_str(), io.stdout().trim_end()), ("success", expected));
    };
    let project = project.to_str().unwrap();
    check(false, None, "WORK").await;
    check(true, None, project).await;
    check(true, Some("sub"), &format!("{project}/sub")).await;
    check(true, Some("/usr"), "/usr").await;
    check(false, Some("/usr"), "/usr").await;
}

#[tokio::test]
async fn parameters_can_always_be_read() {
    let world = World::new();
    for params in [json!(null), json!({"n": [1, "ü"]})] {
        let mut work = script("cat $ORK_PARAMS; test ! -t 0; cat");
        work.params = params.clone();
        let (report, io) = world.run(work).await;
        assert_eq!(told(&report), "success");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&io.stdout()).unwrap(), params);
    }
}

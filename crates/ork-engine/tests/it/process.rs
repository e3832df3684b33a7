//! What an executor of processes is given, and what becomes of its reports.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ork_core::attempt::{Failure, FailureKind, Outcome, Usage};
use ork_core::executor::{Assignment, AttemptIo, Executor, Program, Report, StopCause, Work};
use ork_core::json::Json;
use ork_engine::{Executors, Observation};
use tokio::time::sleep;

use crate::world::{World, handlers};

/// Ends as the first word of the command says, and keeps what it was given.
#[derive(Default)]
struct Fake(Mutex<Vec<Assignment>>);

#[async_trait]
impl Executor for Fake {
    async fn execute(&self, work: Assignment, io: Arc<dyn AttemptIo>) -> Report {
        self.0.lock().unwrap().push(work.clone());
        io.started(Some("4711".into()));
        let Work::Process(process) = &work.work else { panic!("not a process") };
        let text = format!("{:?}", process.program);
        let usage = Usage { cpu_ms: 7, memory_bytes_max: 1 << 20 };
        let failed = |kind: FailureKind| Outcome::Failed(Failure::new(kind, "fake"));
        let (outcome, exit_code) = if text.contains("fail") {
            (failed(FailureKind::Exit { code: 3 }), Some(3))
        } else if text.contains("wait") {
            match io.stopped().await {
                StopCause::Cancel | StopCause::Drain => (Outcome::Cancelled, None),
                StopCause::Timeout => (failed(FailureKind::Signal { signal: 15 }), None),
            }
        } else {
            sleep(Duration::from_millis(200)).await;
            (Outcome::Success { output: Some(Json::from_stored("1")) }, Some(0))
        };
        Report { outcome, exit_code, signal: None, usage, tokens: Vec::new() }
    }
}

async fn run(text: &str) -> (World, Arc<Fake>, ork_core::store::RunDump, Vec<Observation>) {
    let mut world = World::new();
    let fake = Arc::new(Fake::default());
    let executors = Executors { process: Some(Arc::clone(&fake) as _), handlers: handlers(), ..Executors::default() };
    let engine = world.start(executors, |config| config.capacity = 2).await;
    let mut seen = engine.observe();
    let run = world.submit(text).await;
    world.end(run).await;
    let dump = world.dump(run).await;
    let mut told = Vec::new();
    while let Ok(observation) = seen.try_recv() {
        told.push(observation);
    }
    // What was still to be announced would be now.
    sleep(Duration::from_millis(100)).await;
    engine.drain(Duration::from_secs(1)).await.unwrap();
    (world, fake, dump, told)
}

#[tokio::test(start_paused = true)]
async fn an_assignment_has_every_expression_filled_in() {
    let (_, fake, dump, told) = run("
        name: fill
        tasks:
          a: {operation: echo, params: {dir: /tmp/x, n: 5}}
          b:
            depends_on: [a]
            command: [work, '{{ tasks.a.output.n }}', '{{ run.name }}']
            env: {N: '{{ tasks.a.output.n + 1 }}', LIST: '{{ [1, 2] }}', PLAIN: text}
            workdir: '{{ tasks.a.output.dir }}'
            params: {n: '{{ tasks.a.output.n }}'}
            output: stdout_json
        ")
    .await;
    let work = fake.0.lock().unwrap()[0].clone();
    let Work::Process(process) = &work.work else { panic!("not a process") };
    assert_eq!(format!("{:?}", process.program), r#"Argv(["work", "5", "fill"])"#);
    assert_eq!(format!("{:?}", process.env), r#"{"LIST": "[1,2]", "N": "6", "PLAIN": "text"}"#);
    assert_eq!(
        (process.workdir.clone().unwrap().to_str().unwrap(), work.params.to_string().as_str()),
        ("/tmp/x", r#"{"n":5}"#)
    );
    assert!(work.nonce.starts_with(&format!("{}-1-", work.task.id())));
    let row = &dump.tasks[1].row;
    assert_eq!((row.end.exit_code, row.end.usage.cpu_ms, row.execution_name.as_deref()), (Some(0), 7, Some("4711")));
    assert!(row.started_at.is_some() && row.output.is_some());
    let words: Vec<&str> = dump.events.iter().map(|event| event.event_type.word()).collect();
    assert_eq!(words.iter().filter(|word| **word == "task.running").count(), 1, "{words:?}");
    let kinds: Vec<String> = told
        .iter()
        .map(|observation| match observation {
            Observation::Dispatched(subject) => format!("dispatched {}", subject.key),
            Observation::Started(subject) => format!("started {}", subject.key),
            Observation::Settled { subject, outcome, .. } => format!("settled {} {outcome}", subject.key),
            Observation::RunEnded(_) => "ended".into(),
            other => format!("{other:?}"),
        })
        .collect();
    let expected =
        ["dispatched a", "started a", "settled a success", "dispatched b", "started b", "settled b success", "ended"];
    assert_eq!(kinds, expected);
}

#[tokio::test(start_paused = true)]
async fn reports_become_outcomes() {
    let text = "
        name: ends
        on_failure: continue
        tasks:
          fails: {command: [fail]}
          slow: {command: [wait], timeout: 1s}
    ";
    let (world, _, dump, _) = run(text).await;
    let errors: Vec<String> =
        dump.tasks.iter().map(|task| format!("{:?}", task.row.error.as_ref().unwrap().kind)).collect();
    assert_eq!(errors, ["Exit { code: 3 }", "Timeout"]);
    assert_eq!((dump.tasks[0].row.started_at.is_some(), world.store.calls("start")), (true, 1));
}

#[tokio::test(start_paused = true)]
async fn a_short_process_costs_no_write_of_its_start() {
    let (world, _, dump, _) = run("{name: short, tasks: {a: {command: [fail]}}}").await;
    assert_eq!((dump.tasks[0].row.started_at.is_some(), world.store.calls("start")), (true, 0));
}

#[tokio::test(start_paused = true)]
async fn no_more_processes_are_claimed_than_there_are_slots() {
    let mut world = World::new();
    let executors = Executors { process: Some(Arc::new(Fake::default())), ..Executors::default() };
    let engine = world.start(executors, |config| config.capacity = 2).await;
    let run = world.submit("{name: many, tasks: {a: {command: [wait], count: 5}}}").await;
    world.wait_for_status(run, "running").await;
    let leased = world.dump(run).await.tasks.iter().filter(|task| task.lease.is_some()).count();
    assert_eq!((leased, engine.attempts()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn an_operation_may_be_served_by_a_command() {
    let mut world = World::new();
    let fake = Arc::new(Fake::default());
    let commands = [("cut".to_owned(), Program::Argv(vec!["./cut".into()]))].into();
    let executors = Executors { process: Some(Arc::clone(&fake) as _), commands, ..Executors::default() };
    let _engine = world.start(executors, |config| config.lanes = vec!["cut".into()]).await;
    let run = world.submit("{name: a, tasks: {a: {operation: cut, params: {at: '{{ 1 + 1 }}'}}}}").await;
    assert_eq!(world.end(run).await, "run success\na[0] success 1");
    let given = fake.0.lock().unwrap().remove(0);
    let Work::Process(process) = given.work else { panic!("not a process") };
    assert_eq!((process.program, given.params), (Program::Argv(vec!["./cut".into()]), serde_json::json!({"at": 2})));
}

//! A store, a clock that is tokio's, engines with a few handlers, and runs from the text of a workflow file.

use std::sync::Arc;
use std::time::Duration;

use ork_core::check::check as violations;
use ork_core::clock::{Clock, SeededEntropy, Timestamp};
use ork_core::event::Actor;
use ork_core::executor::{Progress, Stream};
use ork_core::graph::{NewRun, Pin, TriggeredBy};
use ork_core::id::{RunId, WorkspaceId};
use ork_core::json::Json;
use ork_core::store::{Inspect, RunDump, RunRow, Runs, Scope, Store, TaskFilter, Tasks};
use ork_core::webhook::PlanWebhook;
use ork_engine::{Engine, EngineConfig, EngineHandle, Executors, HandlerContext, Handlers, Liveness, NoLiveness};
use ork_workflow::{Format, Source, parse};
use tokio::time::{Instant, sleep};

use crate::faulty::Faulty;

pub struct VirtualClock(Instant);

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let micros = 1_800_000_000_000_000 + i64::try_from(self.0.elapsed().as_micros()).unwrap();
        Timestamp::from_micros(micros)
    }
}

pub struct World {
    pub store: Arc<Faulty>,
    pub clock: Arc<VirtualClock>,
    pub liveness: Arc<dyn Liveness>,
    seed: u64,
}

impl World {
    pub fn new() -> Self {
        let clock = Arc::new(VirtualClock(Instant::now()));
        Self { store: Arc::new(Faulty::new()), clock, liveness: Arc::new(NoLiveness), seed: 0 }
    }

    fn entropy(&mut self) -> SeededEntropy {
        self.seed += 1;
        SeededEntropy::new(self.seed)
    }

    pub async fn engine(&mut self) -> EngineHandle {
        self.engine_with(|_| {}).await
    }

    pub async fn engine_with(&mut self, change: impl FnOnce(&mut EngineConfig)) -> EngineHandle {
        let executors = Executors { handlers: handlers(), ..Executors::default() };
        self.start(executors, change).await
    }

    pub async fn start(&mut self, executors: Executors, change: impl FnOnce(&mut EngineConfig)) -> EngineHandle {
        let lanes = LANES.iter().map(|lane| (*lane).to_owned()).collect();
        let mut config = EngineConfig {
            worker_name: format!("w{}", self.seed),
            host: "here".into(),
            lanes,
            capacity: 16,
            ..EngineConfig::default()
        };
        change(&mut config);
        let engine = Engine {
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            entropy: Box::new(self.entropy()),
            liveness: Arc::clone(&self.liveness),
        };
        engine.start(executors, config).await.unwrap()
    }

    pub async fn submit(&mut self, text: &str) -> RunId {
        let source = Source { name: "test.yaml", text, format: Format::Yaml };
        let bound = parse(&source).unwrap_or_else(|problems| panic!("{problems}")).bind(&serde_json::Map::new());
        let bound = bound.unwrap_or_else(|problems| panic!("{problems}"));
        let webhook = bound.plan.webhook.as_ref().map(PlanWebhook::of_run);
        let now = self.clock.now();
        let new = NewRun {
            id: RunId::new(now, &mut self.entropy()),
            workspace: WorkspaceId::DEFAULT,
            external_id: None,
            owner: None,
            plan: bound.plan,
            plan_source: None,
            revision: None,
            input: Json::from_value(&bound.input).unwrap(),
            priority: None,
            pin: Pin::Anywhere,
            project: None,
            triggered_by: TriggeredBy::Manual,
            retry_of: None,
            reuse: Vec::new(),
            webhook,
            actor: Actor::user("tester"),
            now,
        };
        self.store.inner.submit(&new).await.unwrap();
        new.id
    }

    pub async fn row(&self, run: RunId) -> RunRow {
        self.store.inner.run(Scope::All, run).await.unwrap().unwrap()
    }

    /// The run as it is stored, which must hold all invariants.
    pub async fn dump(&self, run: RunId) -> RunDump {
        let dump = self.store.inner.dump(Scope::All, run).await.unwrap().unwrap();
        let wrong: Vec<String> = violations(&dump).iter().map(ToString::to_string).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        dump
    }

    /// Waits for the run's end, and shows it.
    pub async fn end(&self, run: RunId) -> String {
        self.end_within(run, Duration::from_secs(120)).await
    }

    pub async fn end_within(&self, run: RunId, most: Duration) -> String {
        let limit = Instant::now() + most;
        while !self.row(run).await.status.is_terminal() {
            if Instant::now() >= limit {
                panic!("the run does not end:\n{}", show(&self.dump(run).await));
            }
            sleep(Duration::from_millis(5)).await;
        }
        show(&self.dump(run).await)
    }

    pub async fn wait_for_status(&self, run: RunId, wanted: &str) {
        let filter = TaskFilter { limit: 1_000, ..TaskFilter::default() };
        for _ in 0..2_000 {
            let tasks = self.store.inner.tasks(Scope::All, run, &filter).await.unwrap();
            if tasks.iter().any(|task| task.status.word() == wanted) {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("no task is {wanted}:\n{}", show(&self.dump(run).await));
    }
}

/// One line for the run and one for each task.
pub fn show(dump: &RunDump) -> String {
    let mut lines = vec![format!("run {}", dump.row.status)];
    if let Some(result) = &dump.row.result {
        lines[0].push_str(&format!(" {}", result.as_str()));
    }
    for task in &dump.tasks {
        let row = &task.row;
        let mut line = format!("{}[{}] {}", row.key, row.task_index, row.status);
        if let Some(reason) = row.reason {
            line.push_str(&format!(" ({reason})"));
        }
        if row.attempt > 1 {
            line.push_str(&format!(" attempt {}", row.attempt));
        }
        if let Some(output) = &row.output {
            line.push_str(&format!(" {}", output.as_str()));
        }
        if let Some(error) = &row.error {
            // Without the hint, which is the expression language's own affair.
            line.push_str(&format!(" error: {}", error.message.split(" (").next().unwrap_or_default()));
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// Runs a workflow on one engine to its end.
pub async fn check(text: &str, expected: &str) {
    let mut world = World::new();
    let engine = world.engine().await;
    let run = world.submit(text).await;
    let shown = world.end(run).await;
    assert_eq!(shown, trim(expected), "\n{shown}\n");
    engine.drain(Duration::from_secs(1)).await.unwrap();
}

pub fn trim(text: &str) -> String {
    text.trim().lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

const LANES: [&str; 10] = ["default", "chatter", "echo", "fail", "flaky", "nap", "panic", "hang", "stubborn", "talk"];

pub fn handlers() -> Handlers {
    Handlers::default()
        .with("echo", |context: HandlerContext| async move { Ok(Json::from_value(&context.params).ok()) })
        .with("fail", |_| async { Err("it does not work".to_owned()) })
        .with("flaky", |context: HandlerContext| async move {
            let good = context.params["good"].as_u64().unwrap_or(2);
            if u64::from(context.attempt) < good { Err(format!("attempt {} fails", context.attempt)) } else { Ok(None) }
        })
        .with("nap", |context: HandlerContext| async move {
            sleep(Duration::from_millis(context.params["ms"].as_u64().unwrap_or(1_000))).await;
            Ok(None)
        })
        .with("panic", |context: HandlerContext| async move {
            if !context.params["late"].is_null() {
                sleep(Duration::from_secs(1)).await;
                panic!("late");
            }
            panic!("at once")
        })
        .with("hang", |context: HandlerContext| async move {
            let cause = context.stopped().await;
            Err(format!("stopped: {cause:?}"))
        })
        .with("stubborn", |_| std::future::pending())
        .with("chatter", |context: HandlerContext| async move {
            for n in 0..context.params["lines"].as_u64().unwrap_or(0) {
                context.log(Stream::Stdout, format!("line {n} of a task that talks much and long\n").as_bytes());
            }
            Ok(None)
        })
        .with("talk", |context: HandlerContext| async move {
            for n in 0..10_u8 {
                context.log(Stream::Stdout, format!("line {n}\n").as_bytes());
                context.progress(Progress { percent: n * 10, stage: Some("talking".into()), message: None });
                sleep(Duration::from_millis(300)).await;
            }
            context.log(Stream::Stderr, b"done\n");
            Ok(None)
        })
}

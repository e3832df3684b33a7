//! Tasks with steps: phases, rounds, gates, models, budgets, and what is left when a node dies.

use std::time::Duration;

use ork_core::ai::AiError;
use ork_core::event::Actor;
use ork_core::id::{GateId, RunId, TaskRef, WorkspaceId};
use ork_core::step::{Allowance, Cost, Rates};
use ork_core::store::{
    Decided, Decision, GateFilter, GateRow, LogQuery, Logs, NewPrompt, PriceRow, PromptVariable, Prompts, RunDump,
    Runs, Scope, Steps,
};
use ork_engine::{EngineHandle, Executors};
use tokio::time::sleep;

use crate::shop::{Model, Shop, answer};
use crate::world::{World, show, trim};

async fn engine(world: &mut World, shop: &Shop, model: &Model) -> EngineHandle {
    let models = Some(std::sync::Arc::new(model.clone()) as _);
    let process = Some(std::sync::Arc::new(shop.clone()) as _);
    world.start(Executors { process, models, ..Executors::default() }, |config| config.keeps_house = true).await
}

/// What became of the steps, one a line.
fn steps(dump: &RunDump) -> String {
    let lines = dump.tasks.iter().flat_map(|task| &task.steps).map(|row| {
        let key = row.key;
        let mut line = format!("{}.{}.{} {} {}", key.attempt, key.round, key.tried, row.name, row.status);
        if row.tokens.total() + row.cost_micros > 0 {
            line += &format!(" {}+{} tokens, {} micros", row.tokens.input, row.tokens.output, row.cost_micros);
        }
        if let Some(error) = &row.error {
            line += &format!(" error: {}", error.message.split(" (").next().unwrap_or_default());
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}

async fn open_gates(world: &World, run: RunId) -> Vec<GateRow> {
    let filter = GateFilter { run: Some(run), open: true, limit: 10, ..GateFilter::default() };
    world.store.inner.gates(Scope::All, &filter).await.unwrap()
}

async fn decide(world: &World, gate: GateId, approve: bool) -> Decided {
    let decision = Decision {
        gate,
        approve,
        comment: Some("because".into()),
        grant: None,
        actor: Actor::user("ann"),
        now: ork_core::clock::Clock::now(&*world.clock),
    };
    world.store.inner.decide(Scope::All, &decision).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_attempt_goes_through_its_phases_its_rounds_and_a_gate() {
    let (mut world, shop, model) = (World::new(), Shop::default(), Model::default());
    let first = engine(&mut world, &shop, &model).await;
    let run = world
        .submit(
            "
            name: whole
            tasks:
              review:
                rounds: 2
                steps:
                  - {name: fetch, phase: setup, command: [put, source, text]}
                  - {name: write, phase: execution, command: [echo, '{{ task.round }}']}
                  - {name: lint, phase: validation, gate: {command: [echo, fine]}}
                  - {name: check, phase: validation, gate: {condition: \"steps.write.output == '2'\"}}
                  - {name: approve, phase: validation, gate: {approval: {role: operator, message: 'Is {{ steps.write.output }} good?'}}}
                  - {name: tidy, phase: cleanup, command: [get, source]}
            ",
        )
        .await;
    world.wait_for_status(run, "waiting").await;
    let dump = world.dump(run).await;
    assert_eq!(show(&dump), "run running\nreview[0] waiting");
    assert!(dump.tasks[0].lease.is_none() && dump.tasks[0].ready == 0);
    first.drain(Duration::from_secs(1)).await.unwrap();
    let gates = open_gates(&world, run).await;
    assert_eq!(gates[0].message.as_deref(), Some("Is 2 good?"));
    assert!(matches!(decide(&world, gates[0].id, true).await, Decided::Done(_)));
    let second = engine(&mut world, &shop, &model).await;
    let shown = world.end(run).await;
    assert_eq!(shown, "run success\nreview[0] success \"2\"");
    let expected = "
        1.1.1 fetch success
        1.1.1 write success
        1.1.1 lint success
        1.1.1 check failed error: `steps.write.output == '2'` is false
        1.1.1 approve skipped
        1.2.1 write success
        1.2.1 lint success
        1.2.1 check success
        1.2.1 approve success
        1.2.1 tidy success";
    assert_eq!(steps(&world.dump(run).await), trim(expected));
    let told = shop.told();
    assert_eq!(told[0], "fetch");
    assert_eq!(told[1], "write: 1");
    assert_eq!(told[2], "lint: fine");
    assert!(
        told[3].starts_with("write: [{") && told[3].contains("\"step\":\"check\"") && told[3].ends_with(": 2"),
        "{told:?}"
    );
    assert_eq!(told.last().map(String::as_str).map(|told| told.ends_with(": text")), Some(true), "{told:?}");
    second.drain(Duration::from_secs(1)).await.unwrap();
}

async fn outcome(text: &str) -> (String, String, Vec<String>) {
    let (mut world, shop, model) = (World::new(), Shop::default(), Model::default());
    let engine = engine(&mut world, &shop, &model).await;
    let run = world.submit(text).await;
    let shown = world.end(run).await;
    let dump = world.dump(run).await;
    engine.drain(Duration::from_secs(1)).await.unwrap();
    (shown, steps(&dump), shop.told())
}

#[tokio::test(start_paused = true)]
async fn a_failure_skips_the_rest_but_cleanup() {
    let (shown, steps, told) = outcome(
        "
        name: fails
        tasks:
          t:
            retry: {max_attempts: 2, delay: 1s}
            steps:
              - {name: one, phase: setup, command: [put, a, b], continue_on_error: true}
              - {name: soft, phase: execution, command: [fail, softly], continue_on_error: true}
              - {name: two, phase: execution, command: [fail, badly], retry: {max_attempts: 2, delay: 1s}}
              - {name: three, phase: execution, command: [put, c, d]}
              - {name: bad, phase: cleanup, command: [fail, again]}
              - {name: tidy, phase: cleanup, command: [echo, '{{ steps.two.output }}']}
        ",
    )
    .await;
    assert_eq!(shown, "run failed\nt[0] failed attempt 2 error: step `two`: exit code 1");
    let one = |attempt: u32| {
        format!(
            "{attempt}.1.1 one success\n{attempt}.1.1 soft failed error: exit code 1\n{attempt}.1.1 two failed error: exit code 1\n\
             {attempt}.1.2 two failed error: exit code 1\n{attempt}.1.1 three skipped\n\
             {attempt}.1.1 bad failed error: exit code 1\n{attempt}.1.1 tidy success"
        )
    };
    assert_eq!(steps, format!("{}\n{}", one(1), one(2)));
    assert_eq!(told.iter().filter(|told| *told == "tidy: badly\n").count(), 2, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_takes_too_long_is_put_away() {
    let (shown, steps, _) = outcome(
        "
        name: slow
        tasks:
          t:
            timeout: 5s
            steps:
              - {name: quick, phase: execution, command: [nap, '2000']}
              - {name: own, phase: execution, command: [nap, '9000'], timeout: 1s, continue_on_error: true}
              - {name: long, phase: execution, command: [nap, '9000']}
              - {name: tidy, phase: cleanup, command: [nap, '9000']}
        ",
    )
    .await;
    assert_eq!(shown, "run failed\nt[0] failed error: ran longer than its timeout of 5000 ms");
    let expected = "
        1.1.1 quick success
        1.1.1 own failed error: too long
        1.1.1 long failed error: too long
        1.1.1 tidy success";
    assert_eq!(steps, trim(expected));
}

const WAITS: &str = "
    name: waits
    on_failure: continue
    tasks:
      t:
        steps:
          - {name: make, phase: setup, command: [put, a, kept]}
          - {name: ask, phase: validation, gate: {approval: {expires: 1h, on_expiry: EXPIRY}}}
          - {name: tidy, phase: cleanup, command: [get, a]}
    ";

async fn waiting(expiry: &str) -> (World, Shop, EngineHandle, RunId) {
    let (mut world, shop) = (World::new(), Shop::default());
    let engine = engine(&mut world, &shop, &Model::default()).await;
    let run = world.submit(&WAITS.replace("EXPIRY", expiry)).await;
    world.wait_for_status(run, "waiting").await;
    (world, shop, engine, run)
}

#[tokio::test(start_paused = true)]
async fn a_waiting_task_that_is_cancelled_is_put_away() {
    let (world, shop, engine, run) = waiting("hold").await;
    let now = ork_core::clock::Clock::now(&*world.clock);
    let reason = ork_core::state::Reason::Cancel;
    world.store.inner.cancel_run(Scope::All, run, reason, &Actor::user("ann"), now).await.unwrap();
    assert_eq!(world.end(run).await, "run cancelled\nt[0] cancelled (cancel)");
    assert_eq!(shop.told(), ["make", "tidy: kept"]);
    let dump = world.dump(run).await;
    assert_eq!(steps(&dump), "1.1.1 make success\n1.1.1 ask cancelled\n1.1.1 tidy success");
    assert_eq!(dump.tasks[0].gates[0].status.word(), "cancelled");
    engine.drain(Duration::from_secs(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_log_goes_on_behind_a_gate() {
    let (world, _, engine, run) = waiting("hold").await;
    let gate = open_gates(&world, run).await[0].id;
    assert!(matches!(decide(&world, gate, true).await, Decided::Done(_)));
    assert!(world.end(run).await.starts_with("run success"));
    let query = LogQuery { task: TaskRef { run, n: 0 }, attempt: 1, from: 0, bytes_max: 1 << 20 };
    let chunks = world.store.inner.logs(Scope::All, query).await.unwrap().chunks;
    let text: String = chunks.iter().map(|chunk| String::from_utf8_lossy(&chunk.bytes)).collect();
    assert_eq!(text, "ork: step make (setup)\nork: step tidy (cleanup)\n");
    engine.drain(Duration::from_secs(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_rejection_fails_the_step() {
    let (world, shop, engine, run) = waiting("hold").await;
    let gate = open_gates(&world, run).await[0].id;
    assert!(matches!(decide(&world, gate, false).await, Decided::Done(_)));
    assert!(matches!(decide(&world, gate, true).await, Decided::Before(_)), "the first decision counts");
    let shown = world.end(run).await;
    assert!(shown.starts_with("run failed\nt[0] failed error: step `ask`: "), "{shown}");
    assert!(shown.contains("because"), "{shown}");
    assert_eq!(shop.told(), ["make", "tidy: kept"]);
    engine.drain(Duration::from_secs(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn gates_expire_as_they_say() {
    for (expiry, expected) in [("reject", "run failed"), ("approve", "run success"), ("hold", "run running")] {
        let (world, _, engine, run) = waiting(expiry).await;
        sleep(Duration::from_secs(3_610)).await;
        let shown = show(&world.dump(run).await);
        assert!(shown.starts_with(expected), "{expiry}: {shown}");
        engine.drain(Duration::from_secs(1)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_node_began_is_put_away_before_the_next_attempt() {
    let (mut world, shop, model) = (World::new(), Shop::default(), Model::default());
    let first = engine(&mut world, &shop, &model).await;
    let run = world
        .submit(
            "
            name: dies
            tasks:
              t:
                steps:
                  - {name: make, phase: setup, command: [put, a, kept]}
                  - {name: long, phase: execution, command: [nap, '30000']}
                  - {name: tidy, phase: cleanup, command: [get, a]}
            ",
        )
        .await;
    sleep(Duration::from_secs(10)).await;
    drop(first);
    let second = engine(&mut world, &shop, &model).await;
    assert_eq!(world.end(run).await, "run success\nt[0] success attempt 2");
    let expected = "
        1.1.1 make success
        1.1.1 long failed error: its worker died or lost its lease
        1.1.1 tidy success
        2.1.1 make success
        2.1.1 long success
        2.1.1 tidy success";
    let dump = world.dump(run).await;
    assert_eq!(steps(&dump), trim(expected));
    assert_eq!(shop.told(), ["make", "tidy: kept", "make", "long", "tidy: kept"]);
    assert_eq!(dump.tasks[0].row.lost, 1);
    second.drain(Duration::from_secs(1)).await.unwrap();
}

async fn price(world: &World) {
    let price = PriceRow {
        model: "large".into(),
        rates: Rates { input: 1_000_000, output: 2_000_000, cached: 0 },
        updated_by: "ann".into(),
        updated_at: ork_core::clock::Clock::now(&*world.clock),
    };
    world.store.inner.set_price(WorkspaceId::DEFAULT, &price).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_token_is_accounted_for() {
    let (mut world, shop) = (World::new(), Shop::default());
    let refused = AiError::Refused { message: "busy".into(), is_retryable: true, retry_after_ms: Some(20_000) };
    let lost = AiError::Lost { message: "cut".into() };
    let model = Model::of([Err(refused), Err(lost), answer("fine", 40, 4)]);
    price(&world).await;
    let prompt = NewPrompt {
        workspace: WorkspaceId::DEFAULT,
        id: "captions".into(),
        category: None,
        context: None,
        text: "Write {{ vars.n }} captions".into(),
        variables: vec![PromptVariable { name: "n".into(), description: None, default: Some(3.into()) }],
        actor: Actor::user("ann"),
        now: ork_core::clock::Clock::now(&*world.clock),
    };
    world.store.inner.put_prompt(&prompt).await.unwrap();
    let engine = engine(&mut world, &shop, &model).await;
    let run = world
        .submit(
            "
            name: asks
            budget: {tokens: 5000, usd: 1}
            tasks:
              t:
                steps:
                  - {name: ask, phase: execution, ai: {prompt: captions@1, model: large, max_tokens: 100}}
                  - {name: agent, phase: execution, command: [spend, large, '7', '3']}
            ",
        )
        .await;
    let begun = tokio::time::Instant::now();
    assert_eq!(world.end(run).await, "run success\nt[0] success");
    assert!(begun.elapsed() > Duration::from_secs(20), "it was asked to be left alone for so long");
    assert_eq!(model.calls.lock().unwrap()[0].prompt, "Write 3 captions");
    // What may be read at the most: 16 bytes and what is around them; and 100 tokens that may be written.
    let most = 16 + 512;
    let expected = format!(
        "1.1.1 ask failed error: busy\n1.1.2 ask failed 0+0 tokens, {} micros error: cut\n\
         1.1.3 ask success 40+4 tokens, 48 micros\n1.1.1 agent success 7+3 tokens, 13 micros",
        most + 200
    );
    let dump = world.dump(run).await;
    assert_eq!(steps(&dump), expected);
    assert_eq!(dump.tasks[0].steps[2].prompt.as_deref(), Some("captions@1"));
    let budget = world.store.inner.run_budget(Scope::All, run).await.unwrap().unwrap();
    let used = Cost { tokens: most + 100 + 44 + 10, micros: most + 200 + 48 + 13 };
    assert_eq!((budget.used, budget.reserved), (used, Cost::default()));
    engine.drain(Duration::from_secs(1)).await.unwrap();
}

const SPENDS: &str = "
    name: spends
    budget: {tokens: 1000, on_exceeded: WHAT}
    tasks:
      t:
        steps:
          - {name: one, phase: execution, ai: {text: Hello, model: other, max_tokens: 400}}
          - {name: two, phase: execution, ai: {text: Hello, model: other, max_tokens: 400}}
    ";

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_not_called() {
    let (mut world, model) = (World::new(), Model::of([answer("a", 100, 300), answer("b", 100, 300)]));
    let engine = engine(&mut world, &Shop::default(), &model).await;
    let run = world.submit(&SPENDS.replace("WHAT", "fail")).await;
    let shown = world.end(run).await;
    let said = "step `two`: the run's budget has 600 tokens left of 1000, and the call may use 917";
    assert_eq!(shown, format!("run failed\nt[0] failed error: {said}"));
    assert_eq!(model.calls(), 1);
    let events = world.dump(run).await.events;
    assert_eq!(events.iter().filter(|event| event.event_type.word() == "budget.exceeded").count(), 1);
    engine.drain(Duration::from_secs(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn somebody_may_grant_more() {
    let (mut world, model) = (World::new(), Model::of([answer("a", 100, 300), answer("b", 100, 300)]));
    let engine = engine(&mut world, &Shop::default(), &model).await;
    let run = world.submit(&SPENDS.replace("WHAT", "gate")).await;
    world.wait_for_status(run, "waiting").await;
    assert_eq!(model.calls(), 1);
    let gate = open_gates(&world, run).await.remove(0);
    assert_eq!(gate.kind.word(), "budget");
    decide(&world, gate.id, true).await;
    assert_eq!(world.end(run).await, "run success\nt[0] success \"b\"");
    let budget = world.store.inner.run_budget(Scope::All, run).await.unwrap().unwrap();
    assert_eq!(budget.allowance, Allowance { tokens: Some(2_000), micros: None });
    assert_eq!(budget.used.tokens, 800);
    engine.drain(Duration::from_secs(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_knows_the_end_of_is_charged_in_full_and_never_repeated_unseen() {
    let (mut world, shop) = (World::new(), Shop::default());
    let model = Model { ms: 30_000, ..Model::default() };
    let first = engine(&mut world, &shop, &model).await;
    let run = world
        .submit(
            "
            name: dies
            budget: {tokens: 10000}
            tasks:
              t:
                steps:
                  - {name: ask, phase: execution, ai: {text: Hello, model: other, max_tokens: 400}}
                  - {name: tidy, phase: cleanup, command: [echo, x]}
            ",
        )
        .await;
    sleep(Duration::from_secs(10)).await;
    drop(first);
    let second = engine(&mut world, &shop, &model).await;
    assert_eq!(world.end(run).await, "run success\nt[0] success attempt 2 \"again\"");
    let expected = "
        1.1.1 ask failed error: its worker died or lost its lease
        1.1.1 tidy success
        2.1.1 ask success 1+1 tokens, 0 micros
        2.1.1 tidy success";
    assert_eq!(steps(&world.dump(run).await), trim(expected));
    assert_eq!(model.calls(), 2);
    let budget = world.store.inner.run_budget(Scope::All, run).await.unwrap().unwrap();
    assert_eq!((budget.used.tokens, budget.reserved.tokens), (5 + 512 + 400 + 2, 0));
    second.drain(Duration::from_secs(1)).await.unwrap();
}

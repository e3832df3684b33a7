//! What runs do when nothing fails from outside.

use std::time::Duration;

use ork_core::id::TaskRef;
use ork_core::log::LogPlace;
use ork_core::store::{LogQuery, Logs, Runs, Scope};
use tokio::time::{Instant, sleep};

use crate::world::{World, check};

#[tokio::test(start_paused = true)]
async fn a_chain_passes_values_on() {
    check(
        "
        name: chain
        inputs: {n: {type: integer, default: 20}}
        tasks:
          a: {operation: echo, params: {x: '{{ inputs.n + 1 }}'}}
          b: {operation: echo, depends_on: [a], params: {y: '{{ tasks.a.output.x * 2 }}', who: '{{ task.key }}'}}
          c: {operation: echo, depends_on: [b], params: 'so {{ tasks.b.output.y }} of {{ run.name }}'}
        result: '{{ tasks.c.output }}'
        ",
        r#"
        run success "so 42 of chain"
        a[0] success {"x":21}
        b[0] success {"y":42,"who":"b"}
        c[0] success "so 42 of chain"
        "#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn fan_out_and_in() {
    check(
        "
        name: fan
        tasks:
          cut: {operation: echo, count: 3, params: '{{ task.index * 10 }}'}
          each: {operation: echo, each: [x, y], params: '{{ task.item }}{{ task.index }}'}
          join: {operation: echo, depends_on: [cut, each], params: ['{{ tasks.cut.outputs }}', '{{ tasks.each.outputs }}']}
        ",
        r#"
        run success
        cut[0] success 0
        cut[1] success 10
        cut[2] success 20
        each[0] success "x0"
        each[1] success "y1"
        join[0] success [[0,10,20],["x0","y1"]]
        "#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn conditions_and_sizes_that_only_the_run_knows() {
    check(
        "
        name: dynamic
        tasks:
          list: {operation: echo, params: {files: [a, b], n: 3, no: false}}
          each: {operation: echo, depends_on: [list], each: '{{ tasks.list.output.files }}', params: '{{ task.item }}!'}
          count: {operation: echo, depends_on: [list], count: '{{ tasks.list.output.n }}', params: '{{ task.index }}'}
          none: {operation: echo, depends_on: [list], count: '{{ tasks.list.output.n - 3 }}', params: 1}
          off: {operation: echo, depends_on: [list], when: tasks.list.output.no, each: '{{ tasks.list.output.files }}'}
          after: {operation: echo, depends_on: [off]}
          join:
            operation: echo
            depends_on: [each, count, none]
            params: ['{{ tasks.each.outputs }}', '{{ tasks.count.outputs }}', '{{ tasks.none.outputs }}']
        result: {sum: '{{ tasks.join.output | length }}', off: '{{ tasks.off.outputs }}'}
        ",
        r#"
        run success {"sum":3,"off":[]}
        list[0] success {"files":["a","b"],"n":3,"no":false}
        each[0] success "a!"
        count[0] success 0
        none[0] success []
        off[0] skipped (condition)
        after[0] skipped (condition)
        join[0] success [["a!","b!"],[0,1,2],[]]
        each[1] success "b!"
        count[1] success 1
        count[2] success 2
        "#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn expressions_that_fail_are_not_tried_again() {
    check(
        "
        name: bad
        on_failure: continue
        retry: {max_attempts: 5}
        tasks:
          a: {operation: echo, params: {n: text}}
          params: {operation: echo, depends_on: [a], params: '{{ tasks.a.output.m }}'}
          when: {operation: echo, depends_on: [a], when: tasks.a.output.n}
          count: {operation: echo, depends_on: [a], count: '{{ tasks.a.output.n }}'}
        ",
        r#"
        run failed
        a[0] success {"n":"text"}
        params[0] failed error: failed to evaluate `tasks.a.output.m`: `tasks.a.output` has no `m`
        when[0] failed (template) error: the condition `tasks.a.output.n` gave text, not true or false
        count[0] failed (template) error: `count` gave "text": it must be a whole number, at least 0; text becomes one by | int
        "#,
    )
    .await;
    check(
        "
        name: bad-result
        tasks:
          a: {operation: echo}
        result: '{{ tasks.a.output.x }}'
        ",
        "
        run failed
        a[0] success null
        ",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn retries_come_after_their_delay() {
    let mut world = World::new();
    let _engine = world.engine().await;
    let begin = Instant::now();
    let run = world
        .submit("{name: retry, tasks: {a: {operation: flaky, params: {good: 3}, retry: {max_attempts: 4, delay: 10s, jitter: 0}}}}")
        .await;
    world.wait_for_status(run, "retrying").await;
    assert_eq!(world.end(run).await, "run success\na[0] success attempt 3");
    // 10 s, then 20 s.
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(30) && took < Duration::from_millis(30_100), "{took:?}");
    check(
        "{name: out, tasks: {a: {operation: fail, retry: {max_attempts: 3}}, b: {operation: echo, depends_on: [a]}}}",
        "
        run failed
        a[0] failed attempt 3 error: it does not work
        b[0] skipped (upstream)
        ",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_the_attempts_failure() {
    check(
        "
        name: panic
        on_failure: continue
        tasks:
          a: {operation: panic}
          b: {operation: panic, params: {late: true}}
          c: {operation: echo, params: 1}
        ",
        "
        run failed
        a[0] failed error: panicked: at once
        b[0] failed error: panicked: late
        c[0] success 1
        ",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn concurrency_keys_hold_tasks_and_runs() {
    let mut world = World::new();
    let _engine = world.engine().await;
    let begin = Instant::now();
    let text = "
        name: held
        concurrency: {key: project, limit: 1}
        tasks: {a: {operation: nap, count: 4, concurrency: {key: gpu, limit: 2}}}
    ";
    let runs = [world.submit(text).await, world.submit(text).await];
    for run in runs {
        assert!(world.end(run).await.starts_with("run success\n"));
    }
    // Two runs after each other, each of two pairs of naps.
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(4) && took < Duration::from_millis(4_500), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn logs_are_stored_in_order_and_progress_is_shown() {
    let mut world = World::new();
    let _engine = world.engine().await;
    let run = world.submit("{name: talk, tasks: {a: {operation: talk}}}").await;
    sleep(Duration::from_millis(2_500)).await;
    let row = world.dump(run).await.tasks[0].row.clone();
    assert_eq!(row.status.word(), "running");
    let percent = row.progress.unwrap().percent;
    assert!((40..=80).contains(&percent), "{percent}");
    world.end(run).await;
    sleep(Duration::from_millis(300)).await;
    let query = LogQuery { task: TaskRef { run, n: 0 }, attempt: 1, from: 0, bytes_max: 1 << 20 };
    let page = world.store.inner.logs(Scope::All, query).await.unwrap();
    let text: Vec<u8> = page.chunks.iter().flat_map(|chunk| chunk.bytes.clone()).collect();
    let expected: String = (0..10).map(|n| format!("line {n}\n")).chain(["done\n".into()]).collect();
    assert_eq!(String::from_utf8(text).unwrap(), expected);
    let places: Vec<LogPlace> = page.chunks.iter().map(|chunk| chunk.at).collect();
    let ends: Vec<LogPlace> = page.chunks.iter().map(|chunk| chunk.end()).collect();
    assert_eq!((places[0], &places[1..]), (LogPlace::default(), &ends[..ends.len() - 1]));
}

#[tokio::test(start_paused = true)]
async fn thousands_of_tasks_need_few_requests() {
    let mut world = World::new();
    let _engine = world.engine().await;
    world.store.delay("settle", Duration::from_millis(5));
    let begin = Instant::now();
    let run = world
        .submit("{name: wide, tasks: {a: {operation: echo, count: 5000}, b: {operation: echo, depends_on: [a]}}}")
        .await;
    world.end(run).await;
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    let (claims, settles, starts) =
        (world.store.calls("claim"), world.store.calls("settle"), world.store.calls("start"));
    assert!(claims < 30 && settles < 60 && starts == 0, "{claims} claims, {settles} settles, {starts} starts");
    assert_eq!(world.store.inner.run(Scope::All, run).await.unwrap().unwrap().tasks_left, 0);
}

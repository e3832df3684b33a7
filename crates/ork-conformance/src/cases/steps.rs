//! Steps of attempts, what becomes of them when nobody ends them, and the folders that they share.

use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::error::StoreError;
use ork_core::event::EventType;
use ork_core::graph::{LeaseId, OpenAs};
use ork_core::id::{RunId, TaskRef};
use ork_core::json::Json;
use ork_core::plan::Node;
use ork_core::state::{Reason, TaskStatus};
use ork_core::step::{Cost, StepKey, StepPhase, StepRow, StepStatus, StepType, Tokens};
use ork_core::store::{
    SavedWork, Scope, Settled, Standing, StepBegin, StepChange, StepEnd, StepWrite, StepsWritten, WorkPart,
};

use crate::OTHER;
use crate::bed::{Bed, Held, ada, done, failed};
use crate::plans::{node, plan, tries};

/// The first try of the step at a position, in the first round.
pub const fn key(attempt: u32, position: u32) -> StepKey {
    StepKey { attempt, round: 1, position, tried: 1 }
}

/// A step begins that is called after its position.
pub fn begin(bed: &Bed, key: StepKey) -> StepBegin {
    StepBegin {
        key,
        name: format!("s{}", key.position),
        phase: StepPhase::Execution,
        step_type: StepType::Command,
        status: StepStatus::Running,
        model: None,
        prompt: None,
        reserve: None,
        allowance: None,
        at: bed.now,
    }
}

/// A step ends that used nothing.
pub fn end(bed: &Bed, key: StepKey, status: StepStatus) -> StepEnd {
    StepEnd {
        key,
        status,
        output: None,
        error: None,
        exit_code: None,
        model: None,
        tokens: Tokens::default(),
        cost: Cost::default(),
        at: bed.now,
    }
}

/// What a worker writes of its attempt's steps.
pub fn write(held: &Held, changes: Vec<StepChange>) -> StepWrite {
    StepWrite { task: held.claimed.task, attempt: held.claimed.attempt, lease: held.lease, changes }
}

/// Writes steps, as their worker does.
pub async fn steps(bed: &Bed, held: &Held, changes: Vec<StepChange>) -> StepsWritten {
    let written = bed.store.write_steps(Scope::All, &write(held, changes), &ada(), bed.now).await;
    written.expect("steps are written")
}

/// Begins steps at these positions.
pub async fn begun(bed: &Bed, held: &Held, positions: &[u32]) {
    let attempt = held.claimed.attempt;
    let changes = positions.iter().map(|at| StepChange::Begin(begin(bed, key(attempt, *at)))).collect();
    assert_eq!(steps(bed, held, changes).await, StepsWritten::Done);
}

/// A task's steps: `s0 running`.
pub async fn shown(bed: &Bed, task: TaskRef) -> Vec<String> {
    let rows = bed.store.steps(Scope::All, task, None, 100).await.expect("steps are listed");
    rows.iter().map(|row| format!("{} {}", row.name, row.status)).collect()
}

/// Where an attempt stands.
pub async fn standing(bed: &Bed, task: TaskRef, attempt: u32) -> Standing {
    bed.store.standing(Scope::All, task, attempt).await.expect("a standing is answered")
}

/// The worker of an attempt is lost.
pub fn lost() -> Outcome {
    Outcome::lost("w")
}

/// The steps of an attempt are put away.
pub fn wound_up(failure: Option<Failure>) -> Outcome {
    Outcome::WoundUp { failure }
}

fn count(events: &[String], word: &str) -> usize {
    events.iter().filter(|event| event.starts_with(word)).count()
}

pub async fn steps_are_written_once(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let held = bed.claim_one().await;
    bed.start(&held).await;
    let task = held.claimed.task;
    let (first, second) = (key(1, 0), key(1, 1));
    let skipped = StepBegin { status: StepStatus::Skipped, ..begin(bed, key(1, 2)) };
    let asks = StepBegin {
        step_type: StepType::AiAction,
        model: Some("m".into()),
        prompt: Some("p@3".into()),
        ..begin(bed, second)
    };
    bed.pass(5);
    let ended = StepEnd {
        output: Some(Json::from_stored("{\"a\": 1.50}")),
        exit_code: Some(0),
        model: Some("m-2".into()),
        tokens: Tokens { input: 7, output: 3, cached: 2 },
        cost: Cost { tokens: 10, micros: 42 },
        ..end(bed, first, StepStatus::Success)
    };
    let all = vec![
        StepChange::Begin(begin(bed, first)),
        StepChange::Begin(asks),
        StepChange::Begin(skipped),
        StepChange::End(ended.clone()),
    ];
    assert_eq!(steps(bed, &held, all.clone()).await, StepsWritten::Done);
    let events = bed.events(run).await;
    assert_eq!(steps(bed, &held, all).await, StepsWritten::Done, "its answer was lost");
    assert_eq!(bed.events(run).await, events, "nothing is said twice");
    assert_eq!(["step.running", "step.success", "step.skipped"].map(|word| count(&events, word)), [2, 1, 1]);
    assert_eq!(shown(bed, task).await, ["s0 success", "s1 running", "s2 skipped"]);
    let rows = bed.store.steps(Scope::All, task, Some(first), 1).await.expect("steps are listed");
    assert_eq!(rows.iter().map(|row| row.key).collect::<Vec<_>>(), [second], "by pages");
    let row = &bed.store.steps(Scope::All, task, None, 1).await.expect("steps are listed")[0];
    let read: (&StepRow, _) = (row, (row.output.clone(), row.exit_code, row.model.as_deref(), row.tokens));
    assert_eq!(read.1, (ended.output.clone(), Some(0), Some("m-2"), ended.tokens));
    assert_eq!((row.cost(), row.cost_micros, row.finished_at), (ended.cost, 42, Some(bed.now)));
    // What is over stays so, and what has not begun does not end.
    for illegal in [
        StepChange::End(end(bed, first, StepStatus::Failed)),
        StepChange::End(end(bed, key(1, 7), StepStatus::Success)),
    ] {
        let write = write(&held, vec![StepChange::Begin(begin(bed, key(1, 8))), illegal]);
        let refused = bed.store.write_steps(Scope::All, &write, &ada(), bed.now).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    }
    assert_eq!(shown(bed, task).await.len(), 3, "a write that is refused changes nothing");
    let failure = Failure::new(FailureKind::Ai, "too busy");
    let gives_up = StepEnd { error: Some(failure.clone()), ..end(bed, second, StepStatus::Failed) };
    assert_eq!(steps(bed, &held, vec![StepChange::End(gives_up)]).await, StepsWritten::Done);
    let stands = standing(bed, task, 1).await;
    assert_eq!((stands.open_as, stands.steps.len(), stands.steps[1].error.clone()), (None, 3, Some(failure)));
    assert_eq!(bed.settle(held, done()).await, Settled::Accepted);
    bed.check_all().await;
}

pub async fn only_the_lease_writes_steps(bed: &mut Bed) {
    let run = bed.submit(plan(vec![Node { retry: tries(2), ..node("a", &[]) }])).await;
    let old = bed.claim_one().await;
    begun(bed, &old, &[0]).await;
    assert_eq!(bed.settle(old, failed()).await, Settled::Accepted);
    bed.pass(5_000);
    bed.store.promote(Scope::All, bed.now, 10).await.expect("a retry is due");
    let present = bed.claim_one().await;
    let before = (bed.events(run).await, shown(bed, old.claimed.task).await);
    assert_eq!(before.1, ["s0 failed"], "what ran when its attempt ended is closed");
    let forged = Held { lease: old.lease, ..present };
    for stale in [old, forged] {
        let change = StepChange::Begin(begin(bed, key(stale.claimed.attempt, 1)));
        assert_eq!(steps(bed, &stale, vec![change]).await, StepsWritten::Stale);
        assert_eq!(bed.store.save_part(Scope::All, &part(&stale, 1, 0, b"x")).await, Ok(false));
        let at = (stale.claimed.task, stale.claimed.attempt, stale.lease);
        assert_eq!(bed.store.keep_work(Scope::All, at, &saved(1, 1)).await, Ok(false));
    }
    assert_eq!((bed.events(run).await, shown(bed, old.claimed.task).await), before);
    let nothing = TaskRef { run, n: 9 };
    assert!(matches!(bed.store.standing(Scope::All, nothing, 1).await, Err(StoreError::NotFound(_))));
}

pub async fn steps_are_of_one_workspace(bed: &mut Bed) {
    let foreign = Scope::One(OTHER);
    bed.submit(plan(vec![node("a", &[])])).await;
    let held = bed.claim_one().await;
    begun(bed, &held, &[0]).await;
    let task = held.claimed.task;
    assert!(matches!(bed.store.standing(foreign, task, 1).await, Err(StoreError::NotFound(_))));
    assert_eq!(bed.store.steps(foreign, task, None, 10).await, Ok(vec![]));
    let change = StepChange::Begin(begin(bed, key(1, 1)));
    let written = bed.store.write_steps(foreign, &write(&held, vec![change]), &ada(), bed.now).await;
    assert_eq!(written, Ok(StepsWritten::Stale));
    assert_eq!(bed.store.save_part(foreign, &part(&held, 1, 0, b"x")).await, Ok(false));
    assert_eq!(bed.store.save_part(Scope::All, &part(&held, 1, 0, b"x")).await, Ok(true));
    assert_eq!(bed.store.work_part(foreign, (task, 1), 1, 0).await, Ok(None));
    assert_eq!(bed.store.drop_work(foreign, (task, 1, held.lease)).await, Ok(false));
    assert_eq!(bed.store.work_part(Scope::All, (task, 1), 1, 0).await, Ok(Some(b"x".to_vec())));
}

async fn lose(bed: &mut Bed, held: Held) {
    assert_eq!(bed.settle(held, lost()).await, Settled::Accepted);
}

pub async fn a_lost_attempt_is_put_away_first(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[]), node("b", &[0])])).await;
    let first = bed.claim_one().await;
    begun(bed, &first, &[0]).await;
    lose(bed, first).await;
    assert_eq!(bed.settle(first, lost()).await, Settled::Already, "its answer was lost");
    assert_eq!(bed.tasks(run).await, "queued pending");
    let again = bed.claim_one().await;
    assert_eq!((again.claimed.task, again.claimed.attempt), (first.claimed.task, 1), "it is the same attempt");
    let stands = standing(bed, again.claimed.task, 1).await;
    let failure = stands.error.clone().expect("the loss is known");
    assert_eq!((stands.open_as, stands.steps[0].status), (Some(OpenAs::Lost), StepStatus::Running));
    begun(bed, &again, &[3]).await;
    assert_eq!(bed.settle(first, done()).await, Settled::Stale, "it comes too late");
    let swept = StepChange::End(end(bed, key(1, 3), StepStatus::Success));
    assert_eq!(steps(bed, &again, vec![swept]).await, StepsWritten::Done);
    assert_eq!(bed.settle(again, wound_up(Some(failure))).await, Settled::Accepted);
    assert_eq!(shown(bed, again.claimed.task).await, ["s0 failed", "s3 success"]);
    let attempts = bed.store.attempts(Scope::All, again.claimed.task).await.expect("attempts are listed");
    assert_eq!(attempts.iter().map(|a| a.outcome.as_deref()).collect::<Vec<_>>(), [Some("lost")]);
    let next = bed.claim_one().await;
    assert_eq!((next.claimed.attempt, bed.task(run, 0).await.lost), (2, 1));
    assert_eq!(standing(bed, next.claimed.task, 2).await.steps, []);
    assert_eq!(bed.settle(next, done()).await, Settled::Accepted);
    bed.work(done()).await;
    bed.check_all().await;
}

pub async fn steps_of_poison_are_closed(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    for loss in 1..=3_u32 {
        let held = bed.claim_one().await;
        // Whoever puts it away dies with it, too.
        assert_eq!(held.claimed.attempt, 1);
        begun(bed, &held, &[loss]).await;
        lose(bed, held).await;
    }
    let row = bed.task(run, 0).await;
    assert_eq!((row.status, row.reason, row.lost), (TaskStatus::Failed, Some(Reason::Poison), 3));
    assert_eq!(shown(bed, row.task).await, ["s1 failed", "s2 failed", "s3 failed"]);
    let events = bed.store.events(Scope::All, run, 0, 100).await.expect("events are answered");
    let closed = events.iter().filter(|event| event.event_type == EventType::Step(StepStatus::Failed));
    assert_eq!(closed.map(|event| event.tasks.len()).sum::<u64>(), 3);
    bed.check_all().await;
}

pub async fn a_lost_attempt_of_a_cancelled_run_is_put_away(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[]), node("b", &[])])).await;
    let held = bed.claim_one().await;
    begun(bed, &held, &[0]).await;
    bed.store.cancel_run(Scope::All, run, Reason::Cancel, &ada(), bed.now).await.expect("it is cancelled");
    lose(bed, held).await;
    assert_eq!(bed.tasks(run).await, "queued cancelled(cancel)");
    let again = bed.claim_one().await;
    let failure = standing(bed, again.claimed.task, 1).await.error;
    assert_eq!(bed.settle(again, wound_up(failure)).await, Settled::Accepted);
    assert_eq!(bed.tasks(run).await, "cancelled(unproven) cancelled(cancel)");
    assert_eq!(shown(bed, again.claimed.task).await, ["s0 failed"]);
    bed.check_all().await;
}

fn part(held: &Held, number: u32, part: u32, bytes: &[u8]) -> WorkPart {
    let (task, attempt) = (held.claimed.task, held.claimed.attempt);
    WorkPart { task, attempt, lease: held.lease, number, part, bytes: bytes.to_vec() }
}

fn saved(number: u32, parts: u32) -> SavedWork {
    SavedWork { number, parts, bytes: 7, checksum: "ab".into() }
}

pub async fn a_folder_is_kept_whole(bed: &mut Bed) {
    let run: RunId = bed.submit(plan(vec![node("a", &[])])).await;
    let held = bed.claim_one().await;
    let (store, task) = (bed.store.clone(), held.claimed.task);
    let at = (task, 1, held.lease);
    let read = |number, part| store.work_part(Scope::All, (task, 1), number, part);
    for (place, bytes) in [(0, &b"old"[..]), (0, b"one"), (1, b"two"), (2, b"left over")] {
        assert_eq!(store.save_part(Scope::All, &part(&held, 1, place, bytes)).await, Ok(true));
    }
    assert_eq!(standing(bed, task, 1).await.saved, None, "not before all of it is there");
    let short = store.keep_work(Scope::All, at, &saved(1, 4)).await;
    assert!(matches!(short, Err(StoreError::Conflict(_))), "{short:?}");
    assert_eq!(store.keep_work(Scope::All, at, &saved(1, 2)).await, Ok(true));
    assert_eq!(standing(bed, task, 1).await.saved, Some(saved(1, 2)));
    assert_eq!((read(1, 0).await, read(1, 1).await), (Ok(Some(b"one".to_vec())), Ok(Some(b"two".to_vec()))));
    assert_eq!(read(1, 2).await, Ok(None));
    // The next one replaces it, once it is whole.
    assert_eq!(store.save_part(Scope::All, &part(&held, 2, 0, b"new")).await, Ok(true));
    assert_eq!(read(1, 0).await, Ok(Some(b"one".to_vec())));
    assert_eq!(store.keep_work(Scope::All, at, &saved(2, 1)).await, Ok(true));
    assert_eq!(store.keep_work(Scope::All, at, &saved(2, 1)).await, Ok(true), "its answer was lost");
    assert_eq!((read(1, 0).await, read(2, 0).await), (Ok(None), Ok(Some(b"new".to_vec()))));
    let late = (task, 1, LeaseId(held.lease.0.wrapping_add(1)));
    assert_eq!(store.drop_work(Scope::All, late).await, Ok(false), "what somebody else keeps stays");
    assert_eq!(standing(bed, task, 1).await.saved, Some(saved(2, 1)));
    assert_eq!(store.drop_work(Scope::All, at).await, Ok(true));
    assert_eq!(store.drop_work(Scope::All, at).await, Ok(true), "nothing is no error");
    assert_eq!((read(2, 0).await, standing(bed, task, 1).await.saved), (Ok(None), None));
    // What is left of it goes with its run.
    assert_eq!(store.save_part(Scope::All, &part(&held, 3, 0, b"last")).await, Ok(true));
    begun(bed, &held, &[0]).await;
    let over = StepChange::End(end(bed, key(1, 0), StepStatus::Success));
    assert_eq!(steps(bed, &held, vec![over]).await, StepsWritten::Done);
    bed.settle(held, done()).await;
    assert_eq!(store.prune_runs(Scope::All, &[run], bed.now).await, Ok(1));
    assert_eq!(store.steps(Scope::All, task, None, 10).await, Ok(vec![]));
    while store.sweep(1).await.expect("a sweep is answered").more {}
    assert_eq!(read(3, 0).await, Ok(None));
}

//! Decisions: taken once, in time or not, and not needed any more.

use std::sync::Arc;

use futures_util::future::join;
use ork_core::access::Role;
use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::error::StoreError;
use ork_core::event::Actor;
use ork_core::graph::{NewRun, OpenAs};
use ork_core::id::GateId;
use ork_core::plan::{Node, OnFailure, Plan, RunIf};
use ork_core::state::{Reason, RunStatus};
use ork_core::step::{OnExpiry, StepStatus};
use ork_core::store::{
    Decided, Decision, GateFilter, GateKind, GateRow, GateStatus, NewGate, Scope, Settled, StepChange, StepsWritten,
};

use super::steps::{begun, end, key, shown, standing, steps, wound_up};
use crate::OTHER;
use crate::bed::{Bed, Held, ada, done, failed};
use crate::plans::{node, one_at_a_time, plan};

/// A gate that the step at this position waits for.
pub fn gate(bed: &mut Bed, held: &Held, position: u32) -> NewGate {
    NewGate {
        id: bed.new_gate_id(),
        step: key(held.claimed.attempt, position),
        step_name: format!("s{position}"),
        is_budget: false,
        role: Role::Operator,
        allow_self: false,
        message: Some("ship it?".into()),
        expires_at: None,
        on_expiry: OnExpiry::Reject,
    }
}

/// The attempt waits for a decision about each of these steps.
pub async fn waits(bed: &mut Bed, held: Held, positions: &[u32]) -> Vec<GateId> {
    begun(bed, &held, positions).await;
    let mut gates = Vec::new();
    for position in positions {
        gates.push(gate(bed, &held, *position));
    }
    let ids = gates.iter().map(|gate| gate.id).collect();
    assert_eq!(bed.settle(held, Outcome::Waiting { gates }).await, Settled::Accepted);
    ids
}

/// A decision of somebody.
pub fn decision(bed: &Bed, gate: GateId, approve: bool) -> Decision {
    let actor = Actor::user("bob");
    Decision { gate, approve, comment: Some("fine".into()), grant: None, actor, now: bed.now }
}

/// Decides, and it counts.
pub async fn decided(bed: &Bed, gate: GateId, approve: bool) -> GateRow {
    match bed.store.decide(Scope::All, &decision(bed, gate, approve)).await {
        Ok(Decided::Done(row)) => row,
        other => panic!("{other:?}"),
    }
}

async fn status(bed: &Bed, gate: GateId) -> GateStatus {
    bed.store.gate(Scope::All, gate).await.expect("a gate is answered").expect("it is there").status
}

async fn listed(bed: &Bed, scope: Scope, filter: GateFilter) -> Vec<GateId> {
    let rows = bed.store.gates(scope, &GateFilter { limit: 10, ..filter }).await.expect("gates are listed");
    rows.iter().map(|row| row.id).collect()
}

pub async fn an_attempt_waits_for_all_its_gates(bed: &mut Bed) {
    let limited = Node { concurrency: one_at_a_time("gpu"), ..node("a", &[]) };
    let new = NewRun { owner: Some("ada".into()), ..bed.new_run(plan(vec![limited.clone(), node("b", &[0])])) };
    bed.store.submit(&new).await.expect("the run is created");
    let run = new.id;
    bed.store.admit(Scope::All, bed.now).await.expect("a slot is given");
    let held = bed.claim_one().await;
    bed.start(&held).await;
    let gates = waits(bed, held, &[0, 1]).await;
    assert_eq!(bed.settle(held, Outcome::Waiting { gates: vec![] }).await, Settled::Already, "its answer was lost");
    assert_eq!(bed.tasks(run).await, "waiting pending");
    let row = bed.store.gate(Scope::All, gates[0]).await.expect("a gate is answered").expect("it is there");
    let said = (row.task_key.as_str(), row.started_by.as_str(), row.owner.as_deref(), row.step_name.as_str(), row.kind);
    assert_eq!(said, ("a", "ada", Some("ada"), "s0", GateKind::Approval));
    assert_eq!((row.role, row.allow_self, row.message.as_deref()), (Role::Operator, false, Some("ship it?")));
    // It holds no slot: another task has it.
    let other = bed.submit(plan(vec![limited])).await;
    bed.store.admit(Scope::All, bed.now).await.expect("a slot is given");
    assert_eq!(bed.work(done()).await.run, other);
    decided(bed, gates[1], true).await;
    assert_eq!(bed.tasks(run).await, "waiting pending", "the other one is open");
    let row = decided(bed, gates[0], true).await;
    assert_eq!(
        (row.status, row.comment.as_deref(), row.decided_at),
        (GateStatus::Approved, Some("fine"), Some(bed.now))
    );
    assert_eq!(row.decided_by, Some(Actor::user("bob")));
    bed.store.admit(Scope::All, bed.now).await.expect("a slot is given");
    let again = bed.claim_one().await;
    assert_eq!((again.claimed.attempt, again.claimed.task), (1, held.claimed.task));
    let stands = standing(bed, again.claimed.task, 1).await;
    assert_eq!((stands.open_as, stands.gates.len()), (Some(OpenAs::Waiting), 2));
    assert_eq!(shown(bed, again.claimed.task).await, ["s0 success", "s1 success"]);
    assert_eq!(bed.settle(again, done()).await, Settled::Accepted);
    bed.work(done()).await;
    assert_eq!(bed.status(run).await, RunStatus::Success);
    let attempts = bed.store.attempts(Scope::All, held.claimed.task).await.expect("attempts are listed");
    assert_eq!(attempts.len(), 1, "it was one attempt");
    bed.check_all().await;
}

pub async fn the_first_decision_counts(bed: &mut Bed) {
    bed.submit(plan(vec![node("a", &[])])).await;
    let held = bed.claim_one().await;
    let gate = waits(bed, held, &[0]).await[0];
    let store = Arc::clone(&bed.store);
    let yes = decision(bed, gate, true);
    let no = Decision { actor: Actor::user("eve"), ..decision(bed, gate, false) };
    let (a, b) = join(store.decide(Scope::All, &yes), store.decide(Scope::All, &no)).await;
    let answers = [a.expect("it is answered"), b.expect("it is answered")];
    let done = answers.iter().filter(|answer| matches!(answer, Decided::Done(_))).count();
    assert_eq!(done, 1, "{answers:?}");
    let first = if matches!(answers[0], Decided::Done(_)) { &yes } else { &no };
    let same = store.decide(Scope::All, first).await.expect("it is answered");
    assert!(matches!(same, Decided::Done(_)), "whoever got no answer asks again");
    let somebody = Decision { actor: Actor::user("zoe"), ..first.clone() };
    assert!(matches!(store.decide(Scope::All, &somebody).await, Ok(Decided::Before(_))));
    let nothing = Decision { gate: bed.new_gate_id(), ..first.clone() };
    assert!(matches!(store.decide(Scope::All, &nothing).await, Err(StoreError::NotFound(_))));
    assert_eq!(bed.claim(5).await.len(), 1, "it is queued once");
    bed.check_all().await;
}

pub async fn a_rejection_ends_the_wait(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[])])).await;
    let held = bed.claim_one().await;
    let gates = waits(bed, held, &[0, 1]).await;
    decided(bed, gates[0], false).await;
    assert_eq!(status(bed, gates[1]).await, GateStatus::Cancelled);
    let again = bed.claim_one().await;
    let stands = standing(bed, again.claimed.task, 1).await;
    let why = stands.steps[0].error.as_ref().map(|error| (error.kind.word(), error.message.clone()));
    assert_eq!(why, Some(("gate", "`bob` rejected it: fine".into())));
    let put_away = StepChange::End(end(bed, key(1, 1), StepStatus::Cancelled));
    assert_eq!(steps(bed, &again, vec![put_away]).await, StepsWritten::Done);
    bed.settle(again, Outcome::Failed(Failure::new(FailureKind::Gate, "rejected"))).await;
    assert_eq!(bed.tasks(run).await, "failed");
    bed.check_all().await;
}

pub async fn gates_expire_as_they_say(bed: &mut Bed) {
    let mut gates = Vec::new();
    for (at, on_expiry) in [(1, OnExpiry::Reject), (2, OnExpiry::Approve), (3, OnExpiry::Hold)] {
        bed.submit(plan(vec![node("a", &[])])).await;
        let held = bed.claim_one().await;
        begun(bed, &held, &[0]).await;
        let expires_at = Some(bed.now.plus_ms(10_000 * at));
        let opened = NewGate { expires_at, on_expiry, ..gate(bed, &held, 0) };
        gates.push((opened.id, expires_at));
        bed.settle(held, Outcome::Waiting { gates: vec![opened] }).await;
    }
    let store = Arc::clone(&bed.store);
    assert_eq!(store.next_expiry(Scope::All).await, Ok(gates[0].1));
    assert_eq!(store.next_expiry(Scope::One(OTHER)).await, Ok(None));
    assert_eq!(store.expire_gate(Scope::All, gates[0].0, bed.now).await, Ok(false), "it has time left");
    bed.pass(60_000);
    assert_eq!(store.expired_gates(Scope::All, bed.now, 1).await, Ok(vec![gates[0].0]));
    let due = vec![gates[0].0, gates[1].0];
    assert_eq!(store.expired_gates(Scope::All, bed.now, 10).await, Ok(due), "what holds is never due");
    assert_eq!(store.expire_gate(Scope::One(OTHER), gates[0].0, bed.now).await, Ok(false));
    for (at, (id, _)) in gates.iter().enumerate() {
        assert_eq!(store.expire_gate(Scope::All, *id, bed.now).await, Ok(at < 2));
        assert_eq!(store.expire_gate(Scope::All, *id, bed.now).await, Ok(false), "once");
    }
    let [a, b, c] = [status(bed, gates[0].0).await, status(bed, gates[1].0).await, status(bed, gates[2].0).await];
    assert_eq!([a, b, c], [GateStatus::Expired, GateStatus::Approved, GateStatus::Open]);
    assert_eq!(store.next_expiry(Scope::All).await, Ok(None));
    assert_eq!(bed.claim(5).await.len(), 2);
    assert!(matches!(store.decide(Scope::All, &decision(bed, gates[0].0, true)).await, Ok(Decided::Before(_))));
    decided(bed, gates[2].0, true).await;
    bed.check_all().await;
}

pub async fn a_cancel_puts_away_what_waits(bed: &mut Bed) {
    for by_deadline in [false, true] {
        let run = bed.submit(plan(vec![node("a", &[]), node("b", &[0])])).await;
        let held = bed.claim_one().await;
        let open = waits(bed, held, &[0]).await[0];
        let reason = if by_deadline { Reason::Deadline } else { Reason::Cancel };
        assert_eq!(bed.store.pause_run(Scope::All, run, &ada(), bed.now).await, Ok(true));
        assert_eq!(bed.store.cancel_run(Scope::All, run, reason, &ada(), bed.now).await, Ok(true));
        assert_eq!(bed.tasks(run).await, format!("queued cancelled({reason})"));
        assert_eq!(status(bed, open).await, GateStatus::Cancelled);
        assert!(matches!(bed.store.decide(Scope::All, &decision(bed, open, true)).await, Ok(Decided::Before(_))));
        // Neither a pause nor its end queues it once more, or not at all.
        assert_eq!(bed.store.resume_run(Scope::All, run, &ada(), bed.now).await, Ok(true));
        assert_eq!(bed.store.pause_run(Scope::All, run, &ada(), bed.now).await, Ok(true));
        let claimed = bed.claim(5).await;
        assert_eq!(
            claimed.iter().map(|held| (held.claimed.task.n, held.claimed.attempt)).collect::<Vec<_>>(),
            [(0, 1)]
        );
        assert_eq!(standing(bed, held.claimed.task, 1).await.open_as, Some(OpenAs::Cancelled));
        // Whoever gives it back has done nothing.
        assert_eq!(bed.settle(claimed[0], Outcome::HandedBack).await, Settled::Accepted);
        let again = bed.claim_one().await;
        assert_eq!(bed.settle(again, wound_up(None)).await, Settled::Accepted);
        let expected = if by_deadline { RunStatus::Failed } else { RunStatus::Cancelled };
        assert_eq!(bed.status(run).await, expected);
        assert_eq!(shown(bed, held.claimed.task).await, ["s0 failed"], "nobody ended it");
    }
    bed.check_all().await;
}

pub async fn a_task_that_waits_is_cancelled_alone(bed: &mut Bed) {
    let on_failure = OnFailure::Continue;
    let run = bed.submit(Plan { on_failure, ..plan(vec![node("a", &[]), node("b", &[])]) }).await;
    let held = bed.claim_one().await;
    waits(bed, held, &[0]).await;
    let task = held.claimed.task;
    assert_eq!(bed.store.cancel_task(Scope::All, task, &ada(), bed.now).await, Ok(true));
    assert_eq!(bed.store.cancel_task(Scope::All, task, &ada(), bed.now).await, Ok(false));
    assert_eq!(bed.tasks(run).await, "queued queued");
    let both = bed.claim(5).await;
    assert_eq!(both.len(), 2);
    for held in both {
        let outcome = if held.claimed.task == task { wound_up(None) } else { done() };
        assert_eq!(bed.settle(held, outcome).await, Settled::Accepted);
    }
    assert_eq!(bed.tasks(run).await, "cancelled(cancel) success");
    bed.check_all().await;
}

pub async fn a_stop_puts_away_what_waits(bed: &mut Bed) {
    let always = Node { run_if: Some(RunIf::Always), ..node("c", &[]) };
    let run = bed.submit(plan(vec![node("a", &[]), node("b", &[]), always, node("d", &[])])).await;
    let held = bed.claim(4).await;
    waits(bed, held[1], &[0]).await;
    let kept = waits(bed, held[2], &[0]).await;
    begun(bed, &held[3], &[0]).await;
    let opened = gate(bed, &held[3], 0);
    let waiting = Outcome::Waiting { gates: vec![opened.clone()] };
    bed.settle_all(vec![(held[3], waiting), (held[0], failed())]).await;
    assert_eq!(bed.tasks(run).await, "failed queued waiting queued");
    assert_eq!((status(bed, opened.id).await, status(bed, kept[0]).await), (GateStatus::Cancelled, GateStatus::Open));
    for held in bed.claim(5).await {
        assert_eq!(bed.settle(held, wound_up(None)).await, Settled::Accepted);
    }
    decided(bed, kept[0], true).await;
    bed.work(done()).await;
    assert_eq!(bed.tasks(run).await, "failed cancelled(stop) success cancelled(stop)");
    bed.check_all().await;
}

pub async fn a_decision_in_a_paused_run_waits_for_its_end(bed: &mut Bed) {
    let run = bed.submit(plan(vec![node("a", &[]), node("b", &[])])).await;
    let held = bed.claim(2).await;
    let first = waits(bed, held[0], &[0]).await[0];
    waits(bed, held[1], &[0]).await;
    assert_eq!(bed.store.pause_run(Scope::All, run, &ada(), bed.now).await, Ok(true));
    assert_eq!(bed.tasks(run).await, "waiting waiting");
    decided(bed, first, true).await;
    assert_eq!((bed.tasks(run).await.as_str(), bed.claim(5).await.len()), ("paused waiting", 0));
    assert_eq!(bed.store.resume_run(Scope::All, run, &ada(), bed.now).await, Ok(true));
    assert_eq!(bed.claim_numbers().await, [0], "what waits goes on waiting");
    bed.check_all().await;
}

pub async fn gates_are_listed(bed: &mut Bed) {
    let mut gates = Vec::new();
    for owner in ["ada", "bob"] {
        let new = NewRun { owner: Some(owner.into()), ..bed.new_run(plan(vec![node("a", &[])])) };
        bed.store.submit(&new).await.expect("the run is created");
        let held = bed.claim_one().await;
        gates.push((new.id, waits(bed, held, &[0, 1]).await));
    }
    let all = || GateFilter::default();
    let [old, new] = [&gates[0], &gates[1]];
    assert_eq!(listed(bed, Scope::All, all()).await, [new.1[1], new.1[0], old.1[1], old.1[0]], "newest first");
    decided(bed, new.1[1], false).await;
    let open = GateFilter { open: true, ..all() };
    assert_eq!(listed(bed, Scope::All, open.clone()).await, [old.1[1], old.1[0]]);
    assert_eq!(listed(bed, Scope::All, GateFilter { run: Some(new.0), ..all() }).await, [new.1[1], new.1[0]]);
    assert_eq!(listed(bed, Scope::All, GateFilter { run: Some(new.0), ..open.clone() }).await, []);
    assert_eq!(listed(bed, Scope::All, GateFilter { owner: Some("ada".into()), ..open }).await, [old.1[1], old.1[0]]);
    assert_eq!(listed(bed, Scope::All, GateFilter { before: Some(old.1[1]), ..all() }).await, [old.1[0]]);
    // They are of one workspace, and go with their run.
    let foreign = Scope::One(OTHER);
    assert_eq!(listed(bed, foreign, all()).await, []);
    assert_eq!(bed.store.gate(foreign, old.1[0]).await, Ok(None));
    let refused = bed.store.decide(foreign, &decision(bed, old.1[0], true)).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))), "{refused:?}");
    let again = bed.claim_one().await;
    bed.settle(again, done()).await;
    assert_eq!(bed.store.prune_runs(Scope::All, &[new.0], bed.now).await, Ok(1));
    assert_eq!(listed(bed, Scope::All, all()).await, [old.1[1], old.1[0]]);
    assert_eq!(bed.store.gate(Scope::All, new.1[0]).await, Ok(None));
    while bed.store.sweep(1).await.expect("a sweep is answered").more {}
    assert_eq!(listed(bed, Scope::All, all()).await.len(), 2);
}

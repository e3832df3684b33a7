//! What may be used: never more than that, whatever happens at once, and counted once.

use futures_util::future::join_all;
use ork_core::attempt::Outcome;
use ork_core::error::StoreError;
use ork_core::event::EventType;
use ork_core::graph::NewRun;
use ork_core::id::WorkspaceId;
use ork_core::plan::{Fan, Node, Plan};
use ork_core::step::{Allowance, Cost, PlanBudget, StepKey, StepStatus, StepType, Tokens};
use ork_core::store::{
    BudgetKind, BudgetPeriod, BudgetRow, Decided, Decision, GateKind, NewGate, Scope, Settled, StepBegin, StepChange,
    StepEnd, StepsWritten,
};

use super::gates::{decided, decision, gate};
use super::steps::{begin, end, key, lost, shown, standing, steps, write};
use crate::OTHER;
use crate::bed::{Bed, Held, ada, done};
use crate::plans::{node, plan};

const fn tokens(tokens: u64) -> Cost {
    Cost { tokens, micros: tokens * 10 }
}

fn limit(tokens: u64) -> Allowance {
    Allowance { tokens: Some(tokens), micros: None }
}

fn costly(nodes: Vec<Node>, tokens: u64) -> Plan {
    let budget = Some(PlanBudget { allowance: limit(tokens), asks: false });
    Plan { budget, ..plan(nodes) }
}

/// A call begins that may use so much.
fn call(bed: &Bed, key: StepKey, reserve: u64) -> StepBegin {
    StepBegin { step_type: StepType::AiAction, reserve: Some(tokens(reserve)), ..begin(bed, key) }
}

fn answer(bed: &Bed, key: StepKey, used: u64) -> StepChange {
    let spent = Tokens { input: used, output: 0, cached: 0 };
    StepChange::End(StepEnd { tokens: spent, cost: tokens(used), ..end(bed, key, StepStatus::Success) })
}

async fn asks(bed: &Bed, held: &Held, key: StepKey, reserve: u64) -> StepsWritten {
    steps(bed, held, vec![StepChange::Begin(call(bed, key, reserve))]).await
}

async fn of_run(bed: &Bed, held: &Held) -> (u64, u64) {
    let budget = bed.store.run_budget(Scope::All, held.claimed.task.run).await.expect("a budget is answered");
    let budget = budget.expect("the run has one");
    (budget.used.tokens, budget.reserved.tokens)
}

async fn of_workspace(bed: &Bed) -> Vec<BudgetRow> {
    bed.store.budgets(WorkspaceId::DEFAULT, bed.now).await.expect("budgets are listed")
}

fn kind(written: &StepsWritten) -> Option<BudgetKind> {
    match written {
        StepsWritten::OverBudget(shortage) => Some(shortage.budget),
        _ => None,
    }
}

pub async fn a_reservation_ends_with_what_was_used(bed: &mut Bed) {
    let run = bed.submit(costly(vec![node("a", &[])], 100)).await;
    let held = bed.claim_one().await;
    let first = key(1, 0);
    assert_eq!(of_run(bed, &held).await, (0, 0));
    for _ in 0..2 {
        assert_eq!(asks(bed, &held, first, 80).await, StepsWritten::Done);
        assert_eq!(of_run(bed, &held).await, (0, 80), "once, however often it is asked");
    }
    for _ in 0..2 {
        let short = asks(bed, &held, key(1, 1), 30).await;
        let StepsWritten::OverBudget(shortage) = short else { panic!("{short:?}") };
        assert_eq!((shortage.budget, shortage.limit), (BudgetKind::Run, limit(100)));
        assert_eq!((shortage.taken, shortage.wanted), (tokens(80), tokens(30)));
    }
    let events = bed.store.events(Scope::All, run, 0, 100).await.expect("events are answered");
    assert_eq!(events.iter().filter(|event| event.event_type == EventType::BudgetExceeded).count(), 1, "said once");
    assert_eq!(shown(bed, held.claimed.task).await, ["s0 running"], "nothing else changed");
    for _ in 0..2 {
        assert_eq!(steps(bed, &held, vec![answer(bed, first, 60)]).await, StepsWritten::Done);
        assert_eq!(of_run(bed, &held).await, (60, 0));
    }
    assert_eq!(asks(bed, &held, key(1, 1), 30).await, StepsWritten::Done, "now it fits");
    let both = vec![answer(bed, key(1, 1), 30), StepChange::Begin(call(bed, key(1, 2), 11))];
    assert_eq!(kind(&steps(bed, &held, both).await), Some(BudgetKind::Run));
    assert_eq!(of_run(bed, &held).await, (60, 30), "all of a write, or nothing");
    assert_eq!(steps(bed, &held, vec![answer(bed, key(1, 1), 5)]).await, StepsWritten::Done);
    assert_eq!(bed.settle(held, done()).await, Settled::Accepted);
    assert_eq!(of_run(bed, &held).await, (65, 0));
    assert_eq!(bed.store.run_budget(Scope::One(OTHER), run).await, Ok(None));
}

pub async fn a_step_has_an_allowance_of_its_own(bed: &mut Bed) {
    bed.submit(plan(vec![node("a", &[])])).await;
    let held = bed.claim_one().await;
    let ask = |bed: &Bed, key, reserve| StepBegin { allowance: Some(limit(50)), ..call(bed, key, reserve) };
    let first = StepChange::Begin(ask(bed, key(1, 0), 40));
    assert_eq!(steps(bed, &held, vec![first, answer(bed, key(1, 0), 20)]).await, StepsWritten::Done);
    let again = StepKey { round: 2, ..key(1, 0) };
    let short = steps(bed, &held, vec![StepChange::Begin(ask(bed, again, 31))]).await;
    assert_eq!(kind(&short), Some(BudgetKind::Step), "all rounds and tries together");
    assert_eq!(steps(bed, &held, vec![StepChange::Begin(ask(bed, again, 30))]).await, StepsWritten::Done);
    let other = StepChange::Begin(ask(bed, key(1, 1), 50));
    assert_eq!(steps(bed, &held, vec![other]).await, StepsWritten::Done, "another step has its own");
    bed.check_all().await;
}

pub async fn many_at_once_never_overspend(bed: &mut Bed) {
    let many = Node { fan: Fan::Count(50), ..node("a", &[]) };
    let run = bed.submit(costly(vec![many], 100)).await;
    bed.store
        .set_budget(WorkspaceId::DEFAULT, BudgetPeriod::Day, Some(limit(1_000)), bed.now)
        .await
        .expect("it is set");
    let held = bed.claim(50).await;
    assert_eq!(held.len(), 50);
    let store = bed.store.clone();
    let writes: Vec<_> =
        held.iter().map(|held| write(held, vec![StepChange::Begin(call(bed, key(1, 0), 7))])).collect();
    let (by, now) = (ada(), bed.now);
    let answers = join_all(writes.iter().map(|write| store.write_steps(Scope::All, write, &by, now))).await;
    let done = answers.iter().filter(|answer| **answer == Ok(StepsWritten::Done)).count();
    assert_eq!(done, 14, "{answers:?}");
    let budget = store.run_budget(Scope::All, run).await.expect("a budget is answered").expect("it is there");
    assert_eq!(budget.reserved, tokens(98));
    assert_eq!(of_workspace(bed).await[0].reserved, tokens(98));
    bed.dump(run).await;
}

pub async fn what_is_lost_is_charged_in_full(bed: &mut Bed) {
    bed.store
        .set_budget(WorkspaceId::DEFAULT, BudgetPeriod::Total, Some(limit(1_000)), bed.now)
        .await
        .expect("it is set");
    let run = bed.submit(costly(vec![node("a", &[])], 100)).await;
    let held = bed.claim_one().await;
    assert_eq!(asks(bed, &held, key(1, 0), 70).await, StepsWritten::Done);
    bed.settle(held, lost()).await;
    assert_eq!(of_run(bed, &held).await, (0, 70), "somebody may still end it");
    let again = bed.claim_one().await;
    let failure = standing(bed, again.claimed.task, 1).await.error;
    bed.settle(again, Outcome::WoundUp { failure }).await;
    assert_eq!(of_run(bed, &held).await, (70, 0));
    let all = of_workspace(bed).await;
    assert_eq!((all.len(), all[0].used, all[0].reserved), (1, tokens(70), Cost::default()));
    bed.dump(run).await;
}

pub async fn periods_of_a_workspace_begin_anew(bed: &mut Bed) {
    const DAY_MS: u64 = 86_400_000;
    let own = WorkspaceId::DEFAULT;
    for period in [BudgetPeriod::Day, BudgetPeriod::Total] {
        bed.store.set_budget(own, period, Some(limit(100)), bed.now).await.expect("it is set");
    }
    bed.submit(plan(vec![node("a", &[])])).await;
    let held = bed.claim_one().await;
    assert_eq!(asks(bed, &held, key(1, 0), 60).await, StepsWritten::Done);
    assert_eq!(steps(bed, &held, vec![answer(bed, key(1, 0), 50)]).await, StepsWritten::Done);
    assert_eq!(asks(bed, &held, key(1, 1), 40).await, StepsWritten::Done);
    assert_eq!(kind(&asks(bed, &held, key(1, 2), 20).await), Some(BudgetKind::Workspace));
    bed.pass(DAY_MS);
    let counts = |rows: &[BudgetRow]| rows.iter().map(|row| (row.used.tokens, row.reserved.tokens)).collect::<Vec<_>>();
    assert_eq!(counts(&of_workspace(bed).await), [(0, 40), (50, 40)], "what is reserved stays so");
    let changed = Allowance { tokens: Some(500), micros: Some(9) };
    bed.store.set_budget(own, BudgetPeriod::Total, Some(changed), bed.now).await.expect("it is set");
    assert_eq!(of_workspace(bed).await[1].allowance, changed);
    assert_eq!(of_workspace(bed).await[1].used.tokens, 50, "what is used stays");
    bed.store.set_budget(own, BudgetPeriod::Total, None, bed.now).await.expect("it is removed");
    assert_eq!(asks(bed, &held, key(1, 2), 60).await, StepsWritten::Done);
    assert_eq!(kind(&asks(bed, &held, key(1, 3), 1).await), Some(BudgetKind::Workspace));
    // A new one begins with what is reserved.
    bed.store.set_budget(own, BudgetPeriod::Week, Some(limit(500)), bed.now).await.expect("it is set");
    assert_eq!(counts(&of_workspace(bed).await), [(0, 100), (0, 100)]);
    assert_eq!(steps(bed, &held, vec![answer(bed, key(1, 1), 1)]).await, StepsWritten::Done);
    assert_eq!(counts(&of_workspace(bed).await), [(1, 60), (1, 60)]);
    assert_eq!(bed.store.budgets(OTHER, bed.now).await, Ok(vec![]));
    let nowhere = bed.new_workspace_id();
    let refused = bed.store.set_budget(nowhere, BudgetPeriod::Day, Some(limit(1)), bed.now).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))), "{refused:?}");
}

pub async fn a_run_may_be_granted_more(bed: &mut Bed) {
    let new: NewRun = bed.new_run(costly(vec![node("a", &[])], 100));
    bed.store.submit(&new).await.expect("the run is created");
    for (round, grant) in [(1, None), (2, Some(limit(5)))] {
        let held = bed.claim_one().await;
        let step = key(1, round);
        assert_eq!(kind(&asks(bed, &held, step, 150 * u64::from(round)).await), Some(BudgetKind::Run));
        let asked = NewGate { is_budget: true, ..gate(bed, &held, round) };
        let id = asked.id;
        bed.settle(held, Outcome::Waiting { gates: vec![asked] }).await;
        bed.dump(new.id).await;
        let yes = Decision { grant, ..decision(bed, id, true) };
        let Ok(Decided::Done(row)) = bed.store.decide(Scope::All, &yes).await else { panic!("it counts") };
        assert_eq!(row.kind, GateKind::Budget);
        let again = bed.claim_one().await;
        let stands = standing(bed, again.claimed.task, 1).await;
        let waiting = stands.steps.iter().find(|row| row.key == step).map(|row| (row.status, row.step_type));
        assert_eq!(waiting, Some((StepStatus::Waiting, StepType::AiAction)), "it is still to be done");
        assert_eq!(asks(bed, &again, step, 50).await, StepsWritten::Done);
        assert_eq!(steps(bed, &again, vec![answer(bed, step, 50)]).await, StepsWritten::Done);
        bed.settle(again, Outcome::HandedBack).await;
    }
    let budget = bed.store.run_budget(Scope::All, new.id).await.expect("a budget is answered").expect("it is there");
    assert_eq!(budget.allowance, limit(205));
    // One that is not granted fails its step.
    let held = bed.claim_one().await;
    let asked = NewGate { is_budget: true, ..gate(bed, &held, 9) };
    let id = asked.id;
    bed.settle(held, Outcome::Waiting { gates: vec![asked] }).await;
    decided(bed, id, false).await;
    let row = standing(bed, held.claimed.task, held.claimed.attempt).await.steps.pop().expect("there is a step");
    assert_eq!((row.status, row.error.map(|error| error.kind.word())), (StepStatus::Failed, Some("budget")));
    bed.dump(new.id).await;
}

//! Creates the runs of schedules when their times come.
//!
//! One transaction of the store moves a schedule to its next time and creates the run, so wherever a process dies, there is one run for
//! each time: before it, the time is still due, and after it, it is not. Which process does so is a duty; two that overlap find that the
//! other one was faster.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::graph::{NewRun, Pin, RevisionRef, TriggeredBy};
use ork_core::id::WorkflowId;
use ork_core::json::Json;
use ork_core::limits::CATCH_UP_MAX;
use ork_core::pin::pin;
use ork_core::plan::Concurrency;
use ork_core::store::{CatchUp, Fired, Firing, Overlap, RunRow, ScheduleRow, Scope};
use ork_core::webhook::PlanWebhook;
use ork_workflow::Times;
use serde_json::Value;
use tokio::time::sleep;

use crate::parts::Parts;

/// How often it is looked whether a time has come: a run is created so late at the most.
const PERIOD_MS: u64 = 1_000;
const DUTY: &str = "schedules";
/// For how long another process waits when the one with the duty dies.
const HOLD_MS: u64 = 10_000;
/// Schedules that are read at once.
const PAGE: u32 = 100;
/// A time that is longer past was missed.
const LATE_MS: u64 = 60_000;
/// When a schedule is looked at again for which no run could be created.
const AGAIN_MS: u64 = 30_000;

/// Schedules that are due and for which no run could be created, and until when each is left alone.
type Unfit = BTreeMap<WorkflowId, Timestamp>;

pub async fn run(parts: Arc<Parts>) {
    if !parts.config.keeps_house {
        return;
    }
    let mut unfit = Unfit::new();
    loop {
        let wait_ms = match round(&parts, &mut unfit).await {
            Ok(true) => 0,
            Ok(false) => PERIOD_MS,
            Err(error) => {
                parts.store_failed("timekeeper", &error);
                PERIOD_MS
            }
        };
        sleep(Duration::from_millis(wait_ms)).await;
    }
}

/// One step of each schedule that is due. False when there was none, or another process has the duty.
async fn round(parts: &Parts, unfit: &mut Unfit) -> StoreResult<bool> {
    let now = parts.clock.now();
    unfit.retain(|_, until| *until > now);
    let (mut did, mut holds, mut after) = (false, false, None);
    loop {
        let due = parts.store.due_schedules(after, now, PAGE).await?;
        let fit: Vec<&ScheduleRow> = due.iter().filter(|row| !unfit.contains_key(&row.workflow)).collect();
        if !fit.is_empty() && !holds {
            holds = parts.store.hold_duty(DUTY, parts.identity.now(), now, now.plus_ms(HOLD_MS)).await?;
            if !holds {
                return Ok(false);
            }
        }
        for row in fit {
            let problem = match tend(parts, row, now).await {
                Ok(Tended::Fired(fired)) => {
                    did |= fired == Fired::Done;
                    continue;
                }
                Ok(Tended::Unfit(problem)) => problem,
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => error.to_string(),
            };
            // The others go on; this one is looked at again.
            parts.observers.trouble("timekeeper", format!("schedule `{}`: {problem}", row.name));
            unfit.insert(row.workflow, now.plus_ms(AGAIN_MS));
        }
        after = due.last().and_then(|last| Some((last.next_at?, last.workflow)));
        if due.len() < PAGE as usize || after.is_none() {
            break;
        }
    }
    if did {
        parts.pokes.dispatcher.notify_one();
    }
    Ok(did)
}

/// What became of a schedule that was due.
enum Tended {
    Fired(Fired),
    /// It stays due, and why.
    Unfit(String),
}

async fn tend(parts: &Parts, row: &ScheduleRow, now: Timestamp) -> StoreResult<Tended> {
    let Some(from) = row.next_at else { return Ok(Tended::Fired(Fired::Stale)) };
    let leave_out = |to| Firing {
        workspace: row.workspace,
        workflow: row.workflow,
        revision: row.revision,
        from,
        to,
        run: None,
        now,
    };
    let times = match Times::new(&row.spec.cron, &row.spec.timezone) {
        Ok(times) => times,
        // It was checked when it was stored; this version, or this machine, knows less. It has no next time here.
        Err(problem) => return Ok(Tended::Unfit(problem.to_string())),
    };
    let Turn { at, to } = turn(&times, row.spec.catch_up, (from, now));
    let before = match row.last_run {
        Some(run) => parts.store.run(Scope::One(row.workspace), run).await?,
        None => None,
    };
    let Some(at) = at.filter(|_| has_room(row.spec.overlap, before.as_ref())) else {
        return parts.store.fire_schedule(&leave_out(to)).await.map(Tended::Fired);
    };
    let new = match new_run(parts, row, at).await? {
        Ok(new) => new,
        Err(problem) => {
            parts.observers.trouble("timekeeper", format!("schedule `{}`: {problem}", row.name));
            return parts.store.fire_schedule(&leave_out(to)).await.map(Tended::Fired);
        }
    };
    let name = new.external_id.clone();
    let fired = parts.store.fire_schedule(&Firing { run: Some((at, new)), ..leave_out(to) }).await;
    if let (Err(StoreError::Conflict(_)), Some(name)) = (&fired, name)
        && parts.store.run_by_external_id(row.workspace, &name).await?.is_some()
    {
        // The time had its run before somebody deleted the workflow and stored it again.
        return parts.store.fire_schedule(&leave_out(to)).await.map(Tended::Fired);
    }
    fired.map(Tended::Fired)
}

/// What is done now: for which time a run is created, and where the schedule goes on.
#[derive(Debug, PartialEq, Eq)]
struct Turn {
    at: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// Of the times between the one that is due and now.
fn turn(times: &Times, catch_up: CatchUp, (from, now): (Timestamp, Timestamp)) -> Turn {
    // A schedule whose times were changed may be due at one that is none any more; it counts all the same.
    let newest = times.last(from, now).unwrap_or(from);
    match catch_up {
        CatchUp::None => Turn { at: Some(newest).filter(|at| now.since_ms(*at) <= LATE_MS), to: times.next(now) },
        CatchUp::Latest => Turn { at: Some(newest), to: times.next(now) },
        CatchUp::All => {
            let at = oldest(times, from, newest);
            Turn { at: Some(at), to: times.next(at) }
        }
    }
}

/// The first of the times that are made up for: of more than [`CATCH_UP_MAX`] the newest.
fn oldest(times: &Times, from: Timestamp, newest: Timestamp) -> Timestamp {
    let is_few = times.all_after(from).take_while(|at| *at <= newest).take(CATCH_UP_MAX).count() < CATCH_UP_MAX;
    if is_few {
        return from;
    }
    (1..CATCH_UP_MAX).fold(newest, |at, _| times.last(from, Timestamp::from_micros(at.micros() - 1)).unwrap_or(at))
}

/// Whether a run may be created beside, or behind, the one before.
fn has_room(overlap: Overlap, before: Option<&RunRow>) -> bool {
    let live = before.filter(|row| !row.status.is_terminal());
    match overlap {
        Overlap::Allow => true,
        Overlap::Skip => live.is_none(),
        // One that waits is enough.
        Overlap::Queue => live.is_none_or(|row| !row.held),
    }
}

/// The run for a time; or why there can be none.
async fn new_run(parts: &Parts, row: &ScheduleRow, at: Timestamp) -> StoreResult<Result<NewRun, String>> {
    let source = parts.store.revision_source(Scope::One(row.workspace), row.revision).await?;
    let Some(source) = source else { return Ok(Err("the text of its workflow is missing".to_owned())) };
    let given = match row.spec.input.value() {
        Value::Object(given) => given,
        _ => serde_json::Map::new(),
    };
    let bound = ork_workflow::parse_text(&row.name, &source).and_then(|workflow| workflow.bind(&given));
    let bound = match bound {
        Ok(bound) => bound,
        Err(diagnostics) => return Ok(Err(diagnostics.to_string())),
    };
    let input = match Json::from_value(&bound.input) {
        Ok(input) => input,
        Err(problem) => return Ok(Err(problem.to_string())),
    };
    let mut plan = bound.plan;
    if row.spec.overlap == Overlap::Queue && plan.concurrency.is_none() {
        // Runs of one schedule wait for each other as those of one concurrency key do.
        plan.concurrency = Some(Concurrency { key: format!("schedule/{}", row.name), limit: 1 });
    }
    let named = ork_workflow::prompts(&plan);
    let unfit = pin(parts.store.as_ref(), row.workspace, &mut plan, &named).await?;
    if let Some(first) = unfit.first() {
        return Ok(Err(format!("`{}`: {}", first.place, first.message)));
    }
    let webhook = plan.webhook.as_ref().map(PlanWebhook::of_run);
    Ok(Ok(NewRun {
        id: parts.new_run(),
        workspace: row.workspace,
        external_id: Some(external_id(&row.name, at)),
        owner: None,
        plan,
        plan_source: None,
        revision: Some(RevisionRef { workflow: row.workflow, revision: row.revision }),
        input,
        priority: None,
        pin: Pin::Anywhere,
        project: None,
        triggered_by: TriggeredBy::Schedule,
        retry_of: None,
        reuse: Vec::new(),
        webhook,
        actor: Actor::system("schedule"),
        now: parts.clock.now(),
    }))
}

/// The name of the run for a time: no other run of the workspace can have it.
fn external_id(name: &str, at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_microsecond(at.micros());
    let moment = moment.map_or_else(|_| at.micros().to_string(), |moment| moment.to_string());
    format!("schedule/{name}/{moment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    fn check(cron: &str, catch_up: CatchUp, from: &str, now: &str, expected: (Option<&str>, &str)) {
        let times = Times::new(cron, "UTC").unwrap();
        let turn = turn(&times, catch_up, (at(from), at(now)));
        assert_eq!(turn, Turn { at: expected.0.map(at), to: Some(at(expected.1)) }, "{cron} {catch_up:?}");
    }

    #[test]
    fn a_time_that_came_now_is_missed_by_nobody() {
        for catch_up in [CatchUp::None, CatchUp::Latest, CatchUp::All] {
            let (due, now) = ("2026-03-01T10:00:00Z", "2026-03-01T10:00:01Z");
            check("0 * * * *", catch_up, due, now, (Some(due), "2026-03-01T11:00:00Z"));
        }
    }

    #[test]
    fn missed_times_are_made_up_for_as_the_file_says() {
        let (due, now) = ("2026-03-01T10:00:00Z", "2026-03-01T13:30:00Z");
        check("0 * * * *", CatchUp::None, due, now, (None, "2026-03-01T14:00:00Z"));
        check("0 * * * *", CatchUp::Latest, due, now, (Some("2026-03-01T13:00:00Z"), "2026-03-01T14:00:00Z"));
        check("0 * * * *", CatchUp::All, due, now, (Some(due), "2026-03-01T11:00:00Z"));
    }

    #[test]
    fn not_more_are_made_up_for_than_the_limit() {
        let now = "2026-03-01T10:00:30Z";
        let begin = "2026-03-01T08:21:00Z";
        check("* * * * *", CatchUp::All, "2020-01-01T00:00:00Z", now, (Some(begin), "2026-03-01T08:22:00Z"));
        check("* * * * *", CatchUp::All, begin, now, (Some(begin), "2026-03-01T08:22:00Z"));
        let latest = "2026-03-01T10:00:00Z";
        check("* * * * *", CatchUp::Latest, "2000-01-01T00:00:00Z", now, (Some(latest), "2026-03-01T10:01:00Z"));
        check(
            "0 0 29 2 *",
            CatchUp::Latest,
            "2016-02-29T00:00:00Z",
            now,
            (Some("2024-02-29T00:00:00Z"), "2028-02-29T00:00:00Z"),
        );
    }

    #[test]
    fn the_name_of_a_run_is_its_time() {
        assert_eq!(external_id("nightly", at("2026-03-01T10:00:00Z")), "schedule/nightly/2026-03-01T10:00:00Z");
    }
}

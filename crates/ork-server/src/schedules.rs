//! Schedules, as they are shown, enabled and disabled.

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::id::WorkspaceId;
use ork_core::store::ScheduleRow;
use ork_workflow::Times;

use crate::look::Look;
use crate::view::moment;

/// Times that are shown ahead.
const UPCOMING: usize = 10;

/// A schedule as lists show it.
#[must_use]
pub fn summary(row: &ScheduleRow) -> ork_api::ScheduleSummary {
    ork_api::ScheduleSummary {
        name: row.name.clone(),
        cron: row.spec.cron.clone(),
        timezone: row.spec.timezone.clone(),
        overlap: row.spec.overlap.word().to_owned(),
        catch_up: row.spec.catch_up.word().to_owned(),
        enabled: row.is_enabled,
        next_at: row.next_at.filter(|_| row.is_enabled).map(moment),
        last_at: row.last_at.map(moment),
        last_run_id: row.last_run.map(|run| run.to_string()),
        updated_by: row.updated_by.clone(),
        updated_at: moment(row.updated_at),
    }
}

/// A schedule with its next times.
#[must_use]
pub fn shape(row: &ScheduleRow, now: Timestamp) -> ork_api::Schedule {
    let upcoming = match times(row) {
        Some(times) => times.all_after(now).take(UPCOMING).map(moment).collect(),
        None => Vec::new(),
    };
    ork_api::Schedule { summary: summary(row), input: row.spec.input.value(), upcoming }
}

fn times(row: &ScheduleRow) -> Option<Times> {
    Times::new(&row.spec.cron, &row.spec.timezone).ok()
}

/// Enables or disables a schedule. An enabled one goes on at its next time from now: what passed meanwhile is not made up for.
/// `None` when there is none of that name.
///
/// # Errors
/// When the store does not answer.
pub async fn set(
    look: Look<'_>,
    (workspace, name): (WorkspaceId, &str),
    is_enabled: bool,
    actor: &Actor,
) -> StoreResult<Option<ork_api::ScheduleAsked>> {
    let (store, by) = (look.store, (actor, look.now));
    let Some(row) = store.schedule(look.scope, name).await? else { return Ok(None) };
    let asked = if is_enabled {
        let next_at = times(&row).and_then(|times| times.next(look.now));
        store.enable_schedule(workspace, name, next_at, by).await?
    } else {
        store.disable_schedule(workspace, name, by).await?
    };
    let row = store.schedule(look.scope, name).await?;
    Ok(row.map(|row| ork_api::ScheduleAsked { asked, schedule: summary(&row) }))
}

//! Rows as the shapes of the wire.

use ork_api::{Delivery, DeliveryAttempt, DeliveryDetail, Endpoint};
use ork_core::id::TaskRef;
use ork_core::store::{DeliveryRow, EndpointRow};

use crate::view::moment;

/// An endpoint.
#[must_use]
pub fn endpoint(row: &EndpointRow) -> Endpoint {
    Endpoint {
        id: row.id.to_string(),
        name: row.name.clone(),
        url: row.url.clone(),
        events: row.events.words().into_iter().map(str::to_owned).collect(),
        format: row.format.word().to_owned(),
        enabled: row.disabled_at.is_none(),
        disabled_at: row.disabled_at.map(moment),
        disabled_because: row.disabled_because.clone(),
        previous_secret_until: row.previous.as_ref().map(|(_, until)| moment(*until)),
        created_by: row.created_by.clone(),
        created_at: moment(row.created_at),
        updated_at: moment(row.updated_at),
    }
}

/// A message for lists.
#[must_use]
pub fn delivery(row: &DeliveryRow) -> Delivery {
    let last = row.tries.last();
    Delivery {
        id: row.id.to_string(),
        kind: row.occasion.word().to_owned(),
        run_id: row.run.map(|run| run.to_string()),
        task_id: row.run.zip(row.task).map(|(run, n)| TaskRef { run, n }.id().to_string()),
        endpoint_id: row.endpoint.map(|endpoint| endpoint.to_string()),
        url: row.url.clone(),
        status: row.status.word().to_owned(),
        attempts: row.attempts,
        next_attempt_at: row.next_attempt_at.map(moment),
        last_status_code: last.and_then(|last| last.status_code),
        last_error: last.and_then(|last| last.error.clone()),
        created_at: moment(row.created_at),
        delivered_at: row.delivered_at.map(moment),
    }
}

/// A message with what was sent and answered.
#[must_use]
pub fn detail(row: &DeliveryRow) -> DeliveryDetail {
    let log = row.tries.iter().map(|one| DeliveryAttempt {
        at: moment(one.at),
        took_ms: one.took_ms,
        status_code: one.status_code,
        error: one.error.clone(),
        response: one.response.clone(),
    });
    DeliveryDetail { delivery: delivery(row), body: row.body.clone(), log: log.collect() }
}

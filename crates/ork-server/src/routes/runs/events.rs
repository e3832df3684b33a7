//! `GET /runs/{id}/events`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Event, Page};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, RunPath, cursor, limit, page};
use crate::names::Names;
use crate::refused::Answer;
use crate::server::Server;
use crate::view;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// Only events after this number.
    #[serde(default)]
    after: u64,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List what happened to a run.
///
/// Events are numbered from 1 without a gap and never change. Whoever reads on sends the last `seq` as `after`.
#[utoipa::path(
    get,
    path = "/runs/{id}/events",
    tag = "runs",
    params(("id" = String, Path, description = "A run"), Ask),
    responses((status = 200, description = "A page of events", body = Page<Event>)),
)]
pub async fn events(
    State(server): State<Arc<Server>>,
    caller: Caller,
    RunPath(id): RunPath,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Page<Event>>> {
    let look = server.look(&caller);
    let after = cursor(ask.cursor.as_deref())?.unwrap_or(0).max(ask.after);
    let limit = limit(ask.limit)?;
    super::row(look, id).await?;
    // No number of an event is as large as that, and no store can be asked for it.
    let after = after.min(i64::MAX.unsigned_abs());
    let rows = look.store.events(look.scope, id, after, limit + 1).await?;
    // Read after them: it knows every task that they speak of.
    let names = Names::read(look.store, look.scope, id).await?;
    let events = rows.iter().flat_map(|row| view::events_after(row, &names, after));
    Ok(Json(page(events.take(limit as usize + 1).collect(), limit, |event| event.seq.to_string())))
}

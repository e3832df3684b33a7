//! `POST /runs/{id}/events`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use ork_api::{AppendEvents, AppendedEvents};

use super::create::{check_name, idempotency_key};
use crate::caller::Caller;
use crate::content::{Content, RunPath};
use crate::refused::Answer;
use crate::server::Server;
use crate::tells;

/// Write events into a run.
///
/// Also into one that is over. Their types begin with `bot.`, and whoever has the token is who wrote them. All are written, or none.
/// With an `Idempotency-Key`, which is a name in this run, the same request writes them once however often it is sent, and another
/// one of that name is a conflict. A run has at most 100,000 of such events.
#[utoipa::path(
    post,
    path = "/runs/{id}/events",
    tag = "runs",
    params(
        ("id" = String, Path, description = "A run"),
        ("idempotency-key" = Option<String>, Header, description = "A name of yours for this request, 1 to 256 bytes."),
    ),
    request_body = AppendEvents,
    responses((status = 200, description = "Where they were written", body = AppendedEvents)),
)]
pub async fn append(
    State(server): State<Arc<Server>>,
    caller: Caller,
    RunPath(id): RunPath,
    headers: HeaderMap,
    Content(asked): Content<AppendEvents>,
) -> Answer<Json<AppendedEvents>> {
    let look = server.look(&caller);
    super::row(look, id).await?;
    let key = idempotency_key(&headers)?;
    if let Some(key) = &key {
        check_name("`Idempotency-Key`", key)?;
    }
    let new = tells::read(look, id, &asked).await?.of(key, caller.actor.clone(), look.now);
    let appended = look.store.append_events(look.scope, &new).await?;
    Ok(Json(tells::shape(id, appended)))
}

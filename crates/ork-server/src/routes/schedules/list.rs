//! `GET /schedules`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, ScheduleSummary};

use crate::caller::Caller;
use crate::content::{Asking, Paging, limit, page};
use crate::refused::Answer;
use crate::schedules;
use crate::server::Server;

/// List schedules, by the names of their workflows.
#[utoipa::path(
    get,
    path = "/schedules",
    tag = "schedules",
    params(Paging),
    responses((status = 200, description = "A page of schedules", body = Page<ScheduleSummary>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Paging>,
) -> Answer<Json<Page<ScheduleSummary>>> {
    let (look, limit) = (server.look(&caller), limit(ask.limit)?);
    let rows = look.store.schedules(look.scope, ask.cursor.as_deref(), limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.name.clone()).map(schedules::summary)))
}

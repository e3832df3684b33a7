//! `GET /schedules/{name}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Schedule;

use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::Answer;
use crate::schedules;
use crate::server::Server;

/// Show a schedule with its next ten times.
#[utoipa::path(
    get,
    path = "/schedules/{name}",
    tag = "schedules",
    params(("name" = String, Path, description = "A workflow that has one")),
    responses((status = 200, description = "The schedule", body = Schedule)),
)]
pub async fn show(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
) -> Answer<Json<Schedule>> {
    let look = server.look(&caller);
    let row = look.store.schedule(look.scope, &name).await?.ok_or_else(|| super::missing(&name))?;
    Ok(Json(schedules::shape(&row, look.now)))
}

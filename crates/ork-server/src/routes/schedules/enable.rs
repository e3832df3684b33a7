//! `POST /schedules/{name}/enable`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::ScheduleAsked;

use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::Answer;
use crate::server::Server;

/// Enable a schedule.
///
/// It goes on at its next time from now; what passed while it was disabled is not made up for.
#[utoipa::path(
    post,
    path = "/schedules/{name}/enable",
    tag = "schedules",
    params(("name" = String, Path, description = "A workflow that has one")),
    responses((status = 200, description = "What became of it", body = ScheduleAsked)),
)]
pub async fn enable(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
) -> Answer<Json<ScheduleAsked>> {
    super::set(&server, &caller, &name, true).await
}

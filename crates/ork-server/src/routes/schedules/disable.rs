//! `POST /schedules/{name}/disable`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::ScheduleAsked;

use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::Answer;
use crate::server::Server;

/// Disable a schedule.
///
/// It creates no runs until it is enabled again, whatever is stored meanwhile. Runs that there are go on.
#[utoipa::path(
    post,
    path = "/schedules/{name}/disable",
    tag = "schedules",
    params(("name" = String, Path, description = "A workflow that has one")),
    responses((status = 200, description = "What became of it", body = ScheduleAsked)),
)]
pub async fn disable(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
) -> Answer<Json<ScheduleAsked>> {
    super::set(&server, &caller, &name, false).await
}

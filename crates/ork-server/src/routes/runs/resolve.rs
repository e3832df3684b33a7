//! `GET /resolve`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::Resolved;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::Asking;
use crate::refused::Answer;
use crate::resolve::{Target, target};
use crate::server::Server;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// What people type: an id or a part of one, `last`, an `external_id`, `RUN/KEY` or `RUN/KEY/INDEX`.
    name: String,
}

/// Say which run or task a name stands for.
#[utoipa::path(
    get,
    path = "/resolve",
    tag = "runs",
    params(Ask),
    responses((status = 200, description = "What it stands for", body = Resolved)),
)]
pub async fn resolve(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Resolved>> {
    let (run, task) = match target(server.look(&caller), &ask.name).await? {
        Target::Run(run) => (run, None),
        Target::Task(task) => (task.run, Some(task.id().to_string())),
    };
    Ok(Json(Resolved { run_id: run.to_string(), task_id: task }))
}

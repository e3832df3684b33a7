//! `GET /runs/{id}/artifacts`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Artifact, Page};
use ork_core::store::ArtifactFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, RunPath, cursor, limit};
use crate::refused::Answer;
use crate::routes::row_of_run;
use crate::server::Server;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// Only those of this kind.
    kind: Option<String>,
    /// Only those with this name.
    name: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List the artifacts of a run, newest first.
#[utoipa::path(
    get,
    path = "/runs/{id}/artifacts",
    tag = "artifacts",
    params(("id" = String, Path, description = "A run"), Ask),
    responses((status = 200, description = "A page of artifacts", body = Page<Artifact>)),
)]
pub async fn of_run(
    State(server): State<Arc<Server>>,
    caller: Caller,
    RunPath(run): RunPath,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Page<Artifact>>> {
    let (look, before, limit) = (server.look(&caller), cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    row_of_run(look, run).await?;
    let filter =
        ArtifactFilter { run: Some(run), task: None, kind: ask.kind, name: ask.name, owner: None, before, limit };
    super::listed(look, filter).await
}

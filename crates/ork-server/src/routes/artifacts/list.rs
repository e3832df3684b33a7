//! `GET /artifacts`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Artifact, Page};
use ork_core::id::{IdError, RunId, TaskId, TaskRef};
use ork_core::store::ArtifactFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, cursor, limit};
use crate::refused::{Answer, Refused};
use crate::server::Server;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// Only those of this run.
    run: Option<String>,
    /// Only those of this task, by its id.
    task: Option<String>,
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

/// List artifacts, newest first.
#[utoipa::path(
    get,
    path = "/artifacts",
    tag = "artifacts",
    params(Ask),
    responses((status = 200, description = "A page of artifacts", body = Page<Artifact>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Page<Artifact>>> {
    let (before, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    let wrong = |error: IdError| Refused::query("run", error.to_string(), None);
    let run = ask.run.as_deref().map(str::parse::<RunId>).transpose().map_err(wrong)?;
    let task = ask.task.as_deref().map(task).transpose()?;
    let filter = ArtifactFilter { run, task, kind: ask.kind, name: ask.name, owner: None, before, limit };
    super::listed(server.look(&caller), filter).await
}

fn task(text: &str) -> Answer<TaskRef> {
    let wrong = |message: String| Refused::query("task", message, None);
    let id: TaskId = text.parse().map_err(|error: IdError| wrong(error.to_string()))?;
    let n = id.n().ok_or_else(|| wrong("it is no id of a task".to_owned()))?;
    Ok(TaskRef { run: id.run(), n })
}

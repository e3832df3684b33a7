//! `GET /runs/{id}/tasks`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, TaskSummary};
use ork_core::limits::TASKS_MAX;
use ork_core::state::TaskStatus;
use ork_core::store::TaskFilter;
use ork_core::suggest::nearest;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, RunPath, cursor, limit, page};
use crate::names::Names;
use crate::refused::{Answer, Refused};
use crate::server::Server;
use crate::view;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// Only the siblings of this name.
    key: Option<String>,
    /// Only the siblings of the node with this number, as `/graph` counts them, from 0.
    group: Option<u32>,
    /// Only tasks with this status.
    status: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List the tasks of a run, without their outputs.
#[utoipa::path(
    get,
    path = "/runs/{id}/tasks",
    tag = "runs",
    params(("id" = String, Path, description = "A run"), Ask),
    responses((status = 200, description = "A page of tasks", body = Page<TaskSummary>)),
)]
pub async fn tasks(
    State(server): State<Arc<Server>>,
    caller: Caller,
    RunPath(id): RunPath,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Page<TaskSummary>>> {
    let look = server.look(&caller);
    let (after, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    let statuses = ask.status.as_deref().map(status).transpose()?.into_iter().collect();
    super::row(look, id).await?;
    let g = match (&ask.key, ask.group) {
        (Some(_), Some(_)) => {
            return Err(Refused::query("group", "`key` and `group` exclude each other", None));
        }
        (None, group) => group,
        (Some(key), None) => {
            let names = Names::read(look.store, look.scope, id).await?;
            let group = names.group(key).ok_or_else(|| Refused::missing(format_args!("task `{key}` in `{id}`")))?;
            Some(group.g)
        }
    };
    // What is larger than any number of a node finds nothing.
    let g = g.map(|g| g.min(TASKS_MAX));
    let rows = look.store.tasks(look.scope, id, &TaskFilter { g, statuses, after, limit: limit + 1 }).await?;
    Ok(Json(page(rows, limit, |row| row.task.n.to_string(), view::task_summary)))
}

fn status(word: &str) -> Answer<TaskStatus> {
    TaskStatus::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = TaskStatus::ALL.iter().map(|status| status.word()).collect();
        let near = nearest(word, words.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        Refused::query("status", format!("a task is {}", words.join(", ")), near)
    })
}

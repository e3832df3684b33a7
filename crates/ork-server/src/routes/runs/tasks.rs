//! `GET /runs/{id}/tasks`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, Snapshot, TaskSummary};
use ork_core::state::TaskStatus;
use ork_core::store::TaskFilter;
use ork_core::suggest::nearest;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, RunPath, cursor, limit};
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
    responses((status = 200, description = "A page of tasks", body = Snapshot<Page<TaskSummary>>)),
)]
pub async fn tasks(
    State(server): State<Arc<Server>>,
    caller: Caller,
    RunPath(id): RunPath,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Snapshot<Page<TaskSummary>>>> {
    let look = server.look(&caller);
    let (after, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    let statuses = ask.status.as_deref().map(status).transpose()?.into_iter().collect();
    super::row(look, id).await?;
    let g = match &ask.key {
        None => None,
        Some(key) => {
            let names = Names::read(look.store, look.scope, id).await?;
            let group = names.group(key).ok_or_else(|| Refused::missing(format_args!("task `{key}` in `{id}`")))?;
            Some(group.g)
        }
    };
    let page = async {
        let rows = look.store.tasks(look.scope, id, &TaskFilter { g, statuses, after, limit }).await?;
        let is_full = rows.len() == limit as usize;
        let next_cursor = rows.last().filter(|_| is_full).map(|row| row.task.n.to_string());
        Ok(Page { items: rows.iter().map(view::task_summary).collect(), next_cursor })
    };
    look.snapshot(page).await.map(Json)
}

fn status(word: &str) -> Answer<TaskStatus> {
    TaskStatus::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = TaskStatus::ALL.iter().map(|status| status.word()).collect();
        let near = nearest(word, words.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        Refused::query("status", format!("a task is {}", words.join(", ")), near)
    })
}

//! `GET /runs/{id}/tasks`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ork_api::{Page, Snapshot, TaskSummary};
use ork_core::state::TaskStatus;
use ork_core::store::TaskFilter;
use ork_core::suggest::nearest;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, RunPath, cursor, limit, shorten};
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
    /// Only tasks with this status, or with one of several with commas between them.
    status: Option<String>,
    /// Whether each row has its `output`. Such a page ends early when outputs are large.
    #[serde(default)]
    outputs: bool,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List the tasks of a run, without their outputs unless they are asked for.
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
) -> Answer<Response> {
    let look = server.look(&caller);
    let (after, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    let words = ask.status.as_deref().into_iter().flat_map(|words| words.split(','));
    let statuses = words.map(status).collect::<Answer<_>>()?;
    super::row(look, id).await?;
    let g = match &ask.key {
        None => None,
        Some(key) => {
            let names = Names::read(look.store, look.scope, id).await?;
            let group = names.group(key).ok_or_else(|| Refused::missing(format_args!("task `{key}` in `{id}`")))?;
            Some(group.g)
        }
    };
    let read = async {
        let mut rows = look.store.tasks(look.scope, id, &TaskFilter { g, statuses, after, limit }).await?;
        let mut is_full = rows.len() == limit as usize;
        if ask.outputs {
            is_full |= shorten(&mut rows, |row| row.output.as_ref().map_or(0, |output| output.as_str().len()));
        }
        let next_cursor = rows.last().filter(|_| is_full).map(|row| row.task.n.to_string());
        Ok(Page { items: rows, next_cursor })
    };
    let page = look.snapshot(read).await?;
    Ok(if ask.outputs {
        Json(page.map(|page| page.map(view::task))).into_response()
    } else {
        Json(page.map(|page| page.map(view::task_summary))).into_response()
    })
}

fn status(word: &str) -> Answer<TaskStatus> {
    TaskStatus::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = TaskStatus::ALL.iter().map(|status| status.word()).collect();
        let near = nearest(word, words.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        Refused::query("status", format!("a task is {}", words.join(", ")), near)
    })
}

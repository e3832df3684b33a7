//! `GET /runs/{id}/tasks`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ork_api::{Page, Snapshot, TaskSummary};
use ork_core::limits::TASKS_MAX;
use ork_core::state::TaskStatus;
use ork_core::store::{TaskFilter, TaskRow};
use ork_core::suggest::nearest;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, RunPath, cursor, limit, page, shorten};
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
    let filter = TaskFilter { g: g.map(|g| g.min(TASKS_MAX)), statuses, after, limit: limit + 1 };
    let name = |row: &TaskRow| row.task.n.to_string();
    let read = async {
        let mut page = page(look.store.tasks(look.scope, id, &filter).await?, limit, name);
        if ask.outputs {
            shorten(&mut page, |row| row.output.as_ref().map_or(0, |output| output.as_str().len()), name);
        }
        Ok(page)
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

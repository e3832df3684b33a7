//! Tasks.

mod attempts;
mod cancel;
mod logs;
mod retry;
mod show;
mod why;

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use ork_api::{LogPiece, Page, TaskAsked};
use ork_core::error::StoreError;
use ork_core::id::TaskRef;
use ork_core::store::{LogChunk, LogQuery, TaskRow};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::content;
use crate::look::Look;
use crate::refused::{Answer, Refused};
use crate::server::Server;

/// What is read of a log at once.
const PAGE_BYTES: usize = 256 << 10;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(show::show))
        .routes(routes!(attempts::attempts))
        .routes(routes!(logs::logs))
        .routes(routes!(why::why))
        .routes(routes!(cancel::cancel))
        .routes(routes!(retry::retry))
}

/// What became of a wish about a task.
async fn asked(look: Look<'_>, task: TaskRef, asked: bool) -> Answer<Json<TaskAsked>> {
    let status = row(look, task).await?.status.word().to_owned();
    Ok(Json(TaskAsked { task_id: task.id().to_string(), asked, status }))
}

/// A task that must be there.
async fn row(look: Look<'_>, task: TaskRef) -> Answer<TaskRow> {
    let row = look.store.task(look.scope, task).await?;
    row.ok_or_else(|| Refused::missing(format_args!("task `{}`", task.id())))
}

/// Which part of a task's log is wanted, and how it is written.
pub struct LogAsk {
    /// The attempt; `None` is the last one.
    pub attempt: Option<u32>,
    /// As JSON, page by page.
    pub is_json: bool,
    /// The first piece that is wanted.
    pub from: u32,
}

impl LogAsk {
    /// What a query asks for.
    pub fn of(attempt: Option<u32>, format: Option<&str>, cursor: Option<&str>) -> Answer<Self> {
        let is_json = match format {
            None | Some("text") => false,
            Some("json") => true,
            Some(_) => return Err(Refused::query("format", "a log is written as `text` or `json`", None)),
        };
        Ok(Self { attempt, is_json, from: content::cursor(cursor)?.unwrap_or(0) })
    }
}

/// The log of an attempt.
pub async fn log(server: &Arc<Server>, caller: &Caller, task: TaskRef, ask: LogAsk) -> Answer<Response> {
    let row = row(server.look(caller), task).await?;
    let attempt = ask.attempt.unwrap_or(row.attempt);
    if attempt > row.attempt {
        return Err(Refused::missing(format_args!("attempt {attempt} of `{}`", task.id())));
    }
    // What is larger than any position finds nothing.
    let from = ask.from.min(i32::MAX.unsigned_abs());
    let query = LogQuery { task, attempt, from, bytes_max: PAGE_BYTES };
    if ask.is_json {
        let page = server.store.logs(caller.scope(), query).await?;
        let items = page.chunks.iter().map(piece).collect();
        return Ok(Json(Page { items, next_cursor: page.next.map(|next| next.to_string()) }).into_response());
    }
    Ok(stream(server, caller, query).into_response())
}

fn piece(chunk: &LogChunk) -> LogPiece {
    LogPiece {
        position: chunk.position,
        stream: chunk.stream.word().to_owned(),
        text: String::from_utf8_lossy(&chunk.bytes).into_owned(),
    }
}

/// Page by page as it is read: the whole of a log is never in memory.
fn stream(server: &Arc<Server>, caller: &Caller, query: LogQuery) -> impl IntoResponse + use<> {
    let (store, scope) = (Arc::clone(&server.store), caller.scope());
    let pages = try_unfold(Some(query.from), move |from: Option<u32>| {
        let store = Arc::clone(&store);
        async move {
            let Some(from) = from else { return Ok::<_, StoreError>(None) };
            let page = store.logs(scope, LogQuery { from, ..query }).await?;
            let bytes: Vec<u8> = page.chunks.into_iter().flat_map(|chunk| chunk.bytes).collect();
            Ok(Some((bytes, page.next)))
        }
    });
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], Body::from_stream(pages))
}

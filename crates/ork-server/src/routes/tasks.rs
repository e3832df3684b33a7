//! Tasks.

mod attempts;
mod cancel;
mod chunks;
mod logs;
mod retry;
mod show;
mod steps;
mod why;

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::stream::try_unfold;
use ork_api::TaskAsked;
use ork_core::access::Permission;
use ork_core::error::StoreError;
use ork_core::id::TaskRef;
use ork_core::store::{LogQuery, TaskRow};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::guard::needs;
use crate::look::Look;
use crate::refused::{Answer, Refused};
use crate::server::Server;

/// What is read of a log at once.
const PAGE_BYTES: usize = 256 << 10;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(needs(Permission::Read, routes!(show::show)))
        .routes(needs(Permission::Read, routes!(attempts::attempts)))
        .routes(needs(Permission::Read, routes!(steps::steps)))
        .routes(needs(Permission::Read, routes!(logs::logs)))
        .routes(needs(Permission::Read, routes!(chunks::chunks)))
        .routes(needs(Permission::Read, routes!(why::why)))
        .routes(needs(Permission::Control, routes!(cancel::cancel)))
        .routes(needs(Permission::Control, routes!(retry::retry)))
}

/// A task that must be there.
async fn row(look: Look<'_>, task: TaskRef) -> Answer<TaskRow> {
    let row = look.store.task(look.scope, task).await?;
    row.ok_or_else(|| Refused::missing(format_args!("task `{}`", task.id())))
}

/// What became of a wish about a task.
async fn asked(look: Look<'_>, task: TaskRef, asked: bool) -> Answer<Json<TaskAsked>> {
    let status = row(look, task).await?.status.word().to_owned();
    Ok(Json(TaskAsked { task_id: task.id().to_string(), asked, status }))
}

/// The attempt that is meant: the last one, unless somebody names one that there was.
fn attempt(row: &TaskRow, asked: Option<u32>) -> Answer<u32> {
    match asked.unwrap_or(row.attempt) {
        attempt if attempt > row.attempt => {
            Err(Refused::missing(format_args!("attempt {attempt} of `{}`", row.task.id())))
        }
        attempt => Ok(attempt),
    }
}

/// The log of an attempt, page by page as it is read: its whole is never in memory.
pub async fn stream_log(
    server: &Arc<Server>,
    caller: &Caller,
    task: TaskRef,
    asked: Option<u32>,
) -> Answer<impl IntoResponse + use<>> {
    let attempt = attempt(&row(server.look(caller), task).await?, asked)?;
    let (store, scope) = (Arc::clone(&caller.store), caller.scope());
    let pages = try_unfold(Some(0), move |from: Option<u32>| {
        let store = Arc::clone(&store);
        async move {
            let Some(from) = from else { return Ok::<_, StoreError>(None) };
            let page = store.logs(scope, LogQuery { task, attempt, from, bytes_max: PAGE_BYTES }).await?;
            let bytes: Vec<u8> = page.chunks.into_iter().flat_map(|chunk| chunk.bytes).collect();
            Ok(Some((bytes, page.next)))
        }
    });
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], Body::from_stream(pages)))
}

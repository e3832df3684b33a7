//! Tasks.

mod attempts;
mod cancel;
mod chunks;
mod lines;
mod retry;
mod show;
mod steps;
mod text;
mod why;

use std::sync::Arc;

use axum::Json;
use axum::http::HeaderMap;
use axum::response::Response;
use ork_api::TaskAsked;
use ork_core::access::Permission;
use ork_core::id::TaskRef;
use ork_core::store::TaskRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::guard::needs;
use crate::logs::{self, Wish, reader};
use crate::look::Look;
use crate::refused::{Answer, Refused};
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(needs(Permission::Read, routes!(show::show)))
        .routes(needs(Permission::Read, routes!(attempts::attempts)))
        .routes(needs(Permission::Read, routes!(steps::steps)))
        .routes(needs(Permission::Read, routes!(text::logs)))
        .routes(needs(Permission::Read, routes!(lines::lines)))
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
        attempt if attempt > row.attempt || asked == Some(0) => {
            Err(Refused::missing(format_args!("attempt {attempt} of `{}`", row.task.id())))
        }
        attempt => Ok(attempt),
    }
}

/// The log of an attempt as text.
pub async fn log_text(
    server: &Arc<Server>,
    caller: &Caller,
    (task, asked): (TaskRef, Option<u32>),
    (wish, headers): (&Wish, &HeaderMap),
) -> Answer<Response> {
    let attempt = attempt(&row(server.look(caller), task).await?, asked)?;
    logs::text(reader(server, caller), (task, attempt), wish, headers).await
}

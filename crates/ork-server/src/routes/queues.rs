//! Queues.

mod list;
mod pause;
mod resume;

use std::sync::Arc;

use axum::Json;
use ork_api::QueueAsked;
use ork_core::access::Permission;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::guard::needs;
use crate::look::Look;
use crate::queues;
use crate::refused::Answer;
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(needs(Permission::Read, routes!(list::list)))
        .routes(needs(Permission::Operate, routes!(pause::pause)))
        .routes(needs(Permission::Operate, routes!(resume::resume)))
}

/// What became of a wish about a queue.
async fn asked(look: Look<'_>, queue: String, asked: bool) -> Answer<Json<QueueAsked>> {
    let pauses = look.store.queue_pauses(look.scope).await?;
    let paused = pauses.iter().find(|pause| pause.queue == queue).map(queues::pause);
    Ok(Json(QueueAsked { queue, asked, paused }))
}

//! `POST /queues/{name}/pause`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::QueueAsked;
use ork_core::limits::is_name;

use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::{Answer, Refused};
use crate::server::Server;

/// Pause a queue.
///
/// No worker gets a task of it any more, of whatever host; what is at work goes on. A queue that holds nothing can be paused as
/// well.
#[utoipa::path(
    post,
    path = "/queues/{name}/pause",
    tag = "queues",
    params(("name" = String, Path, description = "A queue")),
    responses((status = 200, description = "What became of it", body = QueueAsked)),
)]
pub async fn pause(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(queue): NamePath,
) -> Answer<Json<QueueAsked>> {
    if !is_name(&queue) {
        return Err(Refused::name("queue", &queue));
    }
    let look = server.look(&caller);
    let asked = look.store.pause_queue(caller.workspace, &queue, &caller.actor, look.now).await?;
    super::asked(look, queue, asked).await
}

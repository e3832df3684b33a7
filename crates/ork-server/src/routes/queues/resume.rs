//! `POST /queues/{name}/resume`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::QueueAsked;

use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::Answer;
use crate::server::Server;

/// Let a paused queue go on.
#[utoipa::path(
    post,
    path = "/queues/{name}/resume",
    tag = "queues",
    params(("name" = String, Path, description = "A queue")),
    responses((status = 200, description = "What became of it", body = QueueAsked)),
)]
pub async fn resume(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(queue): NamePath,
) -> Answer<Json<QueueAsked>> {
    let look = server.look(&caller);
    let asked = look.store.resume_queue(caller.workspace, &queue).await?;
    super::asked(look, queue, asked).await
}

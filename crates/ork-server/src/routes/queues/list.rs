//! `GET /queues`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, Queue};

use crate::caller::Caller;
use crate::queues;
use crate::refused::Answer;
use crate::server::Server;

/// List queues, what waits in them, and who serves them. There is one page.
#[utoipa::path(
    get,
    path = "/queues",
    tag = "queues",
    responses((status = 200, description = "The queues", body = Page<Queue>)),
)]
pub async fn list(State(server): State<Arc<Server>>, caller: Caller) -> Answer<Json<Page<Queue>>> {
    let queues = queues::queues(server.look(&caller)).await?;
    Ok(Json(Page { items: queues.iter().map(queues::Queue::shape).collect(), next_cursor: None }))
}

//! `GET /workers`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, Worker};

use crate::caller::Caller;
use crate::queues;
use crate::refused::Answer;
use crate::server::Server;

/// List workers that live, or that have something left. There is one page.
#[utoipa::path(
    get,
    path = "/workers",
    tag = "workers",
    responses((status = 200, description = "The workers", body = Page<Worker>)),
)]
pub async fn list(State(server): State<Arc<Server>>, caller: Caller) -> Answer<Json<Page<Worker>>> {
    let workers = queues::workers(server.look(&caller)).await?;
    Ok(Json(Page { items: workers.into_iter().map(|(_, worker)| worker).collect(), next_cursor: None }))
}

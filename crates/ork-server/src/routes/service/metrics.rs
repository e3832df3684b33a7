//! `GET /metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use ork_core::id::WorkspaceId;
use ork_core::limits::PAGE_MAX;
use ork_core::store::{GateFilter, Scope};

use crate::caller::Caller;
use crate::look::Look;
use crate::metrics::{CONTENT_TYPE, Figure};
use crate::queues::queues;
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;

/// Queues that are told apart; of more, those that come first by name.
const QUEUES_MAX: usize = 100;
/// Pages of open gates that are counted.
const PAGES_MAX: usize = 10;

/// Show what the server counts, as OpenMetrics text.
///
/// Of queues: what they hold, up to a limit, and how many tasks their workers take at once. Of gates: how many are open. Of this
/// process: requests, attempts and troubles. No label has ids.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "service",
    responses((status = 200, description = "Metrics", body = String, content_type = "application/openmetrics-text")),
)]
pub async fn metrics(State(server): State<Arc<Server>>, caller: Caller) -> Answer<impl IntoResponse> {
    if caller.workspace != WorkspaceId::DEFAULT {
        let detail = "metrics are those of the whole installation, for tokens of the workspace `default`";
        return Err(Refused::new(Code::Forbidden, detail));
    }
    let look = Look { store: server.store.as_ref(), scope: Scope::All, ..server.look(&caller) };
    let queues = queues(look).await?;
    let held = queues.iter().take(QUEUES_MAX).flat_map(|queue| {
        let name = queue.host.as_ref().map_or_else(|| queue.name.clone(), |host| format!("{}@{host}", queue.name));
        let waiting = queue.counts().map(|(state, count, _)| {
            let figure = Figure::gauge("queue_tasks", "Tasks in a queue, counted up to 10,000", count as usize);
            figure.of("queue", name.clone()).of("state", state.replace(' ', "_"))
        });
        let capacity = Figure::gauge("queue_capacity", "Tasks that its workers take at once", queue.capacity as usize);
        waiting.into_iter().chain([capacity.of("queue", name.clone())]).collect::<Vec<_>>()
    });
    let open = Figure::gauge("gates_open", "Gates that wait for a decision, counted up to 2,000", open(look).await?);
    let text = server.metrics.text(held.chain([open]).collect());
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text))
}

/// Open gates of all workspaces.
async fn open(look: Look<'_>) -> Answer<usize> {
    let (mut open, mut before) = (0, None);
    for _ in 0..PAGES_MAX {
        let filter = GateFilter { open: true, before, limit: PAGE_MAX, ..GateFilter::default() };
        let page = look.store.gates(look.scope, &filter).await?;
        open += page.len();
        before = page.last().map(|row| row.id);
        if page.len() < PAGE_MAX as usize {
            break;
        }
    }
    Ok(open)
}

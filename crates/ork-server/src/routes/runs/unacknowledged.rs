//! `GET /runs/unacknowledged`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, RunSummary, Snapshot};
use ork_core::store::RunFilter;

use super::list;
use crate::caller::Caller;
use crate::content::{Asking, Paging, cursor, limit};
use crate::refused::Answer;
use crate::server::Server;
use crate::view;

/// List runs that are over and that nobody has taken note of, newest first.
#[utoipa::path(
    get,
    path = "/runs/unacknowledged",
    tag = "runs",
    params(Paging),
    responses((status = 200, description = "A page of runs", body = Snapshot<Page<RunSummary>>)),
)]
pub async fn unacknowledged(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Paging>,
) -> Answer<Json<Snapshot<Page<RunSummary>>>> {
    let (before, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    let filter = RunFilter { is_unacknowledged: true, before, limit, ..RunFilter::default() };
    let look = server.look(&caller);
    let page = look.snapshot(list::rows(look, filter)).await?;
    Ok(Json(page.map(|page| page.map(view::run_summary))))
}

//! `GET /runs/unacknowledged`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, RunSummary, Snapshot};
use ork_core::store::RunFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use super::list;
use crate::caller::Caller;
use crate::content::{Asking, cursor, limit};
use crate::refused::Answer;
use crate::server::Server;
use crate::view;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List runs that are over and that nobody has taken note of, newest first.
#[utoipa::path(
    get,
    path = "/runs/unacknowledged",
    tag = "runs",
    params(Ask),
    responses((status = 200, description = "A page of runs", body = Snapshot<Page<RunSummary>>)),
)]
pub async fn unacknowledged(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Snapshot<Page<RunSummary>>>> {
    let (before, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    let filter = RunFilter { is_unacknowledged: true, before, limit, ..RunFilter::default() };
    let look = server.look(&caller);
    let page = look.snapshot(list::rows(look, filter)).await?;
    Ok(Json(page.map(|page| page.map(view::run_summary))))
}

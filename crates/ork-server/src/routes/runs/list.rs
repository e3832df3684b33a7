//! `GET /runs`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Fault, Page, RunSummary};
use ork_core::store::RunFilter;
use ork_filter::{Filter, FilterError};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, cursor, limit, page};
use crate::look::Look;
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;
use crate::view;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// Which runs, such as `status:failed label.team=media started>-2h`.
    #[serde(default)]
    q: String,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List runs, newest first.
#[utoipa::path(
    get,
    path = "/runs",
    tag = "runs",
    params(Ask),
    responses((status = 200, description = "A page of runs", body = Page<RunSummary>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Page<RunSummary>>> {
    let look = server.look(&caller);
    let filter: Filter = ask.q.parse().map_err(|error| refuse(&ask.q, error))?;
    let (before, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    page_of(look, RunFilter { before, limit, ..filter.runs(look.now) }).await
}

/// A page of the runs that this finds.
pub async fn page_of(look: Look<'_>, filter: RunFilter) -> Answer<Json<Page<RunSummary>>> {
    let limit = filter.limit;
    let rows = look.store.runs(look.scope, &RunFilter { limit: limit + 1, ..filter }).await?;
    Ok(Json(page(rows, limit, |row| row.id.to_string(), view::run_summary)))
}

/// A filter that cannot be read.
pub fn refuse(text: &str, error: FilterError) -> Refused {
    let column = u32::try_from(text[..error.at.start].chars().count() + 1).ok();
    let detail = format!("the filter is wrong: {}", error.message);
    let fault =
        Fault { pointer: "?q".to_owned(), message: error.message, hint: error.hint, column, ..Fault::default() };
    Refused::new(Code::InvalidRequest, detail).errors(vec![fault])
}

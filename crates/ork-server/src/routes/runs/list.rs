//! `GET /runs`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ork_api::{Fault, Page, RunSummary, Snapshot};
use ork_core::store::{RunFilter, RunRow};
use ork_filter::{Filter, FilterError};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, cursor, limit, page, shorten};
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
    /// Whether each row has its `result`. Such a page ends early when results are large.
    #[serde(default)]
    results: bool,
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
    responses((status = 200, description = "A page of runs", body = Snapshot<Page<RunSummary>>)),
)]
pub async fn list(State(server): State<Arc<Server>>, caller: Caller, Asking(ask): Asking<Ask>) -> Answer<Response> {
    let look = server.look(&caller);
    let filter: Filter = ask.q.parse().map_err(|error| refuse("?q", &ask.q, error))?;
    let (before, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    let filter = RunFilter { before, limit, ..filter.runs(look.now) };
    let name = |row: &RunRow| row.id.to_string();
    let read = async {
        let mut page = rows(look, filter).await?;
        if ask.results {
            shorten(&mut page, |row| row.result.as_ref().map_or(0, |result| result.as_str().len()), name);
        }
        Ok(page)
    };
    let page = look.snapshot(read).await?;
    Ok(if ask.results {
        Json(page.map(|page| page.map(view::run))).into_response()
    } else {
        Json(page.map(|page| page.map(view::run_summary))).into_response()
    })
}

/// A page of the runs that this finds.
pub async fn rows(look: Look<'_>, filter: RunFilter) -> Answer<Page<RunRow>> {
    let limit = filter.limit;
    let wanted = look.own(RunFilter { limit: limit + 1, ..filter });
    let rows = look.store.runs(look.scope, &wanted).await?;
    Ok(page(rows, limit, |row| row.id.to_string()))
}

/// A filter that cannot be read, and where it was sent.
pub fn refuse(pointer: &str, text: &str, error: FilterError) -> Refused {
    let column = u32::try_from(text[..error.at.start].chars().count() + 1).ok();
    let detail = format!("the filter is wrong: {}", error.message);
    let fault =
        Fault { pointer: pointer.to_owned(), message: error.message, hint: error.hint, column, ..Fault::default() };
    Refused::new(Code::InvalidRequest, detail).errors(vec![fault])
}

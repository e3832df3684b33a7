//! `GET /gates`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Gate, Page};
use ork_core::id::{IdError, RunId};
use ork_core::store::GateFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, cursor, limit, page};
use crate::gates;
use crate::refused::{Answer, Refused};
use crate::server::Server;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// Only those of this run.
    run: Option<String>,
    /// `open`, which is the default, or `all`.
    status: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List gates, newest first.
#[utoipa::path(
    get,
    path = "/gates",
    tag = "gates",
    params(Ask),
    responses((status = 200, description = "A page of gates", body = Page<Gate>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Page<Gate>>> {
    let (before, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    let wrong = |error: IdError| Refused::query("run", error.to_string(), None);
    let run = ask.run.as_deref().map(str::parse::<RunId>).transpose().map_err(wrong)?;
    let open = match ask.status.as_deref() {
        None | Some("open") => true,
        Some("all") => false,
        Some(_) => return Err(Refused::query("status", "it is `open` or `all`", None)),
    };
    let filter = GateFilter { run, owner: None, open, before, limit: limit + 1 };
    let rows = gates::list(server.look(&caller), filter).await?;
    Ok(Json(page(rows, limit, |row| row.id.to_string()).map(gates::shape)))
}

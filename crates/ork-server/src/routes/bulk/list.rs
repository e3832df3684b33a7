//! `GET /bulk`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Bulk, Page};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::bulk::shape;
use crate::caller::Caller;
use crate::content::{Asking, cursor, limit, page};
use crate::refused::Answer;
use crate::server::Server;

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

/// List actions on many runs, newest first.
#[utoipa::path(
    get,
    path = "/bulk",
    tag = "bulk",
    params(Ask),
    responses((status = 200, description = "A page of actions", body = Page<Bulk>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Page<Bulk>>> {
    let look = server.look(&caller);
    let (before, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    let rows = look.store.bulks(look.scope, before, limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.id.to_string()).map(shape)))
}

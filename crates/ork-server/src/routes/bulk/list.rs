//! `GET /bulk`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Bulk, Page};

use crate::bulk::shape;
use crate::caller::Caller;
use crate::content::{Asking, Paging, cursor, limit, page};
use crate::refused::Answer;
use crate::server::Server;

/// List actions on many runs, newest first.
#[utoipa::path(
    get,
    path = "/bulk",
    tag = "bulk",
    params(Paging),
    responses((status = 200, description = "A page of actions", body = Page<Bulk>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Paging>,
) -> Answer<Json<Page<Bulk>>> {
    let look = server.look(&caller);
    let (before, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    let rows = look.store.bulks(look.scope, before, limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.id.to_string()).map(shape)))
}

//! `GET /workflows/{name}/revisions`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, Revision};

use crate::caller::Caller;
use crate::content::{Asking, NamePath, Paging, cursor, limit, page};
use crate::refused::Answer;
use crate::server::Server;
use crate::workflows;

/// List the revisions of a workflow, newest first, without their texts.
#[utoipa::path(
    get,
    path = "/workflows/{name}/revisions",
    tag = "workflows",
    params(("name" = String, Path, description = "A workflow"), Paging),
    responses((status = 200, description = "A page of revisions", body = Page<Revision>)),
)]
pub async fn revisions(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
    Asking(ask): Asking<Paging>,
) -> Answer<Json<Page<Revision>>> {
    let look = server.look(&caller);
    let (before, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    let id = super::row(look, &name).await?.id;
    let rows = look.store.revisions(look.scope, id, before, limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.number.to_string()).map(workflows::revision)))
}

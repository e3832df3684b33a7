//! `GET /workflows/{name}/revisions`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, Revision};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, NamePath, cursor, limit, page};
use crate::refused::Answer;
use crate::server::Server;
use crate::workflows;

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

/// List the revisions of a workflow, newest first, without their texts.
#[utoipa::path(
    get,
    path = "/workflows/{name}/revisions",
    tag = "workflows",
    params(("name" = String, Path, description = "A workflow"), Ask),
    responses((status = 200, description = "A page of revisions", body = Page<Revision>)),
)]
pub async fn revisions(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Page<Revision>>> {
    let look = server.look(&caller);
    let (before, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    let id = super::row(look, &name).await?.id;
    let rows = look.store.revisions(look.scope, id, before, limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.number.to_string()).map(workflows::revision)))
}

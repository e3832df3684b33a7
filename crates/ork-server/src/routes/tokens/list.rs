//! `GET /tokens`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, Token};

use crate::caller::Caller;
use crate::content::{Asking, Paging, cursor, limit, page};
use crate::refused::Answer;
use crate::server::Server;
use crate::view;

/// List the tokens of the own workspace, newest first.
///
/// Those that ended or were taken back are among them.
#[utoipa::path(
    get,
    path = "/tokens",
    tag = "tokens",
    params(Paging),
    responses((status = 200, description = "A page of tokens", body = Page<Token>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Paging>,
) -> Answer<Json<Page<Token>>> {
    let look = server.look(&caller);
    let (before, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    let rows = look.store.tokens(look.scope, before, limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.id.to_string()).map(view::token)))
}

//! `GET /tokens`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, Token};
use serde::Deserialize;
use utoipa::IntoParams;

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

/// List the tokens of the own workspace, newest first.
///
/// Those that ended or were taken back are among them.
#[utoipa::path(
    get,
    path = "/tokens",
    tag = "tokens",
    params(Ask),
    responses((status = 200, description = "A page of tokens", body = Page<Token>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Page<Token>>> {
    let look = server.look(&caller);
    let (before, limit) = (cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    let rows = look.store.tokens(look.scope, before, limit).await?;
    let is_full = rows.len() == limit as usize;
    let next_cursor = rows.last().filter(|_| is_full).map(|row| row.id.to_string());
    Ok(Json(Page { items: rows.iter().map(view::token).collect(), next_cursor }))
}

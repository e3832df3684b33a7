//! `PUT /prices/{model}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Price, SetPrice};

use crate::budgets;
use crate::caller::Caller;
use crate::content::{Content, NamePath};
use crate::refused::Answer;
use crate::server::Server;

/// Say what a model costs, in US dollars for a million tokens.
///
/// It counts for calls that begin from now on.
#[utoipa::path(
    put,
    path = "/prices/{model}",
    tag = "prices",
    params(("model" = String, Path, description = "The model, as steps name it, percent-encoded")),
    request_body = SetPrice,
    responses((status = 200, description = "The price", body = Price)),
)]
pub async fn set(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(model): NamePath,
    Content(sent): Content<SetPrice>,
) -> Answer<Json<Price>> {
    let look = server.look(&caller);
    let price = budgets::price(&model, &sent, (&caller.actor, look.now))?;
    look.store.set_price(caller.workspace, &price).await?;
    Ok(Json(budgets::price_shape(&price)))
}

//! `POST /webhook-deliveries/redeliver`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ork_api::{RedeliverFailed, Redelivered};

use crate::caller::Caller;
use crate::content::MaybeContent;
use crate::refused::Answer;
use crate::routes::endpoints::desk;
use crate::server::Server;

/// Send all messages again that failed, or those for one endpoint.
#[utoipa::path(
    post,
    path = "/webhook-deliveries/redeliver",
    tag = "webhooks",
    operation_id = "redeliver_failed",
    request_body = Option<RedeliverFailed>,
    responses((status = 202, description = "How many they are", body = Redelivered)),
)]
pub async fn redeliver_failed(
    State(server): State<Arc<Server>>,
    caller: Caller,
    MaybeContent(ask): MaybeContent<RedeliverFailed>,
) -> Answer<(StatusCode, Json<Redelivered>)> {
    let look = server.look(&caller);
    let endpoint = match &ask.endpoint {
        Some(text) => Some(desk(&server, &caller).endpoint(text).await?.id),
        None => None,
    };
    let asked = look.store.redeliver_failed(look.scope, endpoint, look.now).await?;
    Ok((StatusCode::ACCEPTED, Json(Redelivered { asked })))
}

//! `POST /webhook-endpoints/{id}/test`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ork_api::Delivery;
use ork_core::id::DeliveryId;

use super::desk;
use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::Answer;
use crate::server::Server;
use crate::webhooks::show;

/// Send a test to an endpoint.
///
/// It is a message like others, of the type `webhook.test`: what becomes of it is seen in `GET /webhook-deliveries/{id}`.
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/test",
    tag = "webhooks",
    operation_id = "test_endpoint",
    params(("id" = String, Path, description = "An endpoint, by its id or its name")),
    responses((status = 202, description = "The message, which is sent soon", body = Delivery)),
)]
pub async fn test(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
) -> Answer<(StatusCode, Json<Delivery>)> {
    let desk = desk(&server, &caller);
    let endpoint = desk.endpoint(&name).await?;
    let id = server.with_entropy(|entropy| DeliveryId::new(desk.now, entropy));
    let row = desk.test(&endpoint, id).await?;
    Ok((StatusCode::ACCEPTED, Json(show::delivery(&row))))
}

//! `GET /webhook-deliveries/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::DeliveryDetail;

use crate::caller::Caller;
use crate::content::DeliveryPath;
use crate::refused::{Answer, Refused};
use crate::server::Server;
use crate::webhooks::show as shapes;

/// A message with what was sent, and what was answered each time.
#[utoipa::path(
    get,
    path = "/webhook-deliveries/{id}",
    tag = "webhooks",
    operation_id = "show_delivery",
    params(("id" = String, Path, description = "A message")),
    responses((status = 200, description = "The message", body = DeliveryDetail)),
)]
pub async fn show(
    State(server): State<Arc<Server>>,
    caller: Caller,
    DeliveryPath(id): DeliveryPath,
) -> Answer<Json<DeliveryDetail>> {
    let look = server.look(&caller);
    let row = look.store.delivery(look.scope, id).await?;
    let row = row.ok_or_else(|| Refused::missing(format_args!("message `{id}`")))?;
    Ok(Json(shapes::detail(&row)))
}

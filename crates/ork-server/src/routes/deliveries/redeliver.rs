//! `POST /webhook-deliveries/{id}/redeliver`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ork_api::Delivery;

use crate::caller::Caller;
use crate::content::DeliveryPath;
use crate::refused::{Answer, Refused};
use crate::server::Server;
use crate::webhooks::show;

/// Send a message again, at once, whether or not it was heard.
///
/// It keeps its id, so that whoever heard it before can tell. It is tried as often as a new one.
#[utoipa::path(
    post,
    path = "/webhook-deliveries/{id}/redeliver",
    tag = "webhooks",
    operation_id = "redeliver",
    params(("id" = String, Path, description = "A message")),
    responses((status = 202, description = "The message, which is sent soon", body = Delivery)),
)]
pub async fn redeliver(
    State(server): State<Arc<Server>>,
    caller: Caller,
    DeliveryPath(id): DeliveryPath,
) -> Answer<(StatusCode, Json<Delivery>)> {
    let look = server.look(&caller);
    look.store.redeliver(look.scope, id, look.now).await?;
    let row = look.store.delivery(look.scope, id).await?;
    let row = row.ok_or_else(|| Refused::missing(format_args!("message `{id}`")))?;
    Ok((StatusCode::ACCEPTED, Json(show::delivery(&row))))
}

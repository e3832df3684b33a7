//! `POST /gates/{id}/reject`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Decide, Gate};

use crate::caller::Caller;
use crate::content::{GatePath, MaybeContent};
use crate::gates;
use crate::refused::Answer;
use crate::server::Server;

/// Stop the work that waits at a gate: its step fails.
///
/// The gate says which role that takes, and whether whoever started the run may do it. The first decision counts: the same one
/// again changes nothing, and another one is refused by 409 `gate-decided`, with the gate.
#[utoipa::path(
    post,
    path = "/gates/{id}/reject",
    tag = "gates",
    params(("id" = String, Path, description = "A gate")),
    request_body = Option<Decide>,
    responses((status = 200, description = "It is rejected", body = Gate)),
)]
pub async fn reject(
    State(server): State<Arc<Server>>,
    caller: Caller,
    GatePath(id): GatePath,
    MaybeContent(wish): MaybeContent<Decide>,
) -> Answer<Json<Gate>> {
    let row = gates::decide(server.look(&caller), super::decider(&caller), id, false, &wish).await?;
    Ok(Json(gates::shape(&row)))
}

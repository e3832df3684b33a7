//! `POST /gates/{id}/approve`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Decide, Gate};

use crate::caller::Caller;
use crate::content::{GatePath, MaybeContent};
use crate::gates;
use crate::refused::Answer;
use crate::server::Server;

/// Let the work go on that waits at a gate.
///
/// The gate says which role that takes, and whether whoever started the run may do it. The first decision counts: the same one
/// again changes nothing, and another one is refused by 409 `gate-decided`, with the gate.
/// The approval of a gate of the kind `budget` lets the run use more: `grant`, or as much again as its plan says.
#[utoipa::path(
    post,
    path = "/gates/{id}/approve",
    tag = "gates",
    params(("id" = String, Path, description = "A gate")),
    request_body = Option<Decide>,
    responses((status = 200, description = "It is approved", body = Gate)),
)]
pub async fn approve(
    State(server): State<Arc<Server>>,
    caller: Caller,
    GatePath(id): GatePath,
    MaybeContent(wish): MaybeContent<Decide>,
) -> Answer<Json<Gate>> {
    let row = gates::decide(server.look(&caller), super::decider(&caller), id, true, &wish).await?;
    Ok(Json(gates::shape(&row)))
}

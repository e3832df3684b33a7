//! `POST /webhook-endpoints/{id}/rotate`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{EndpointSecret, RotateEndpoint};

use super::{desk, refuse};
use crate::caller::Caller;
use crate::content::{MaybeContent, NamePath};
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;
use crate::webhooks::desk::{OVERLAP_MS, OVERLAP_MS_MAX};
use crate::webhooks::{check_secret, show};

/// Give an endpoint another secret.
///
/// For a day, or as long as `overlap_ms` says, messages have two signatures: by the new secret, and by the one before it. The
/// new one is in the answer and nowhere else.
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/rotate",
    tag = "webhooks",
    operation_id = "rotate_endpoint",
    params(("id" = String, Path, description = "An endpoint, by its id or its name")),
    request_body = Option<RotateEndpoint>,
    responses((status = 200, description = "The endpoint with its new secret", body = EndpointSecret)),
)]
pub async fn rotate(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
    MaybeContent(wanted): MaybeContent<RotateEndpoint>,
) -> Answer<Json<EndpointSecret>> {
    let overlap_ms = wanted.overlap_ms.unwrap_or(OVERLAP_MS);
    if overlap_ms > OVERLAP_MS_MAX {
        return Err(Refused::new(Code::InvalidBody, "`overlap_ms` is at most 30 days"));
    }
    let desk = desk(&server, &caller);
    let row = desk.endpoint(&name).await?;
    if let Some(secret) = &wanted.secret {
        check_secret(secret, row.format).map_err(refuse)?;
    }
    let mut entropy = server.fork_entropy();
    let secret = desk.rotate(row.id, wanted.secret, overlap_ms, &mut entropy).await?;
    let row = desk.endpoint(&row.id.to_string()).await?;
    Ok(Json(EndpointSecret { endpoint: show::endpoint(&row), secret }))
}

//! `PATCH /webhook-endpoints/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{ChangeEndpoint, Endpoint};
use ork_core::store::EndpointChange;

use super::{desk, refuse};
use crate::caller::Caller;
use crate::content::{Content, NamePath};
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;
use crate::webhooks::{events, format, show, url};

/// Change an endpoint.
///
/// With `enabled: false` it is told nothing more, and what waits for it fails; with `true` it is told again, what one that said
/// `410 Gone` as well. A format that the secret does not fit is refused when the next message is signed: rotate the secret with it.
#[utoipa::path(
    patch,
    path = "/webhook-endpoints/{id}",
    tag = "webhooks",
    operation_id = "change_endpoint",
    params(("id" = String, Path, description = "An endpoint, by its id or its name")),
    request_body = ChangeEndpoint,
    responses((status = 200, description = "The endpoint as it is now", body = Endpoint)),
)]
pub async fn change(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
    Content(wanted): Content<ChangeEndpoint>,
) -> Answer<Json<Endpoint>> {
    let change = EndpointChange {
        url: wanted.url.as_deref().map(url).transpose().map_err(refuse)?,
        events: wanted.events.as_deref().map(events).transpose().map_err(refuse)?,
        format: wanted.format.as_deref().map(format).transpose().map_err(refuse)?,
        is_enabled: wanted.enabled,
    };
    if change == EndpointChange::default() {
        return Err(Refused::new(Code::InvalidBody, "nothing is to be changed").hint("send one of the fields"));
    }
    let desk = desk(&server, &caller);
    let row = desk.endpoint(&name).await?;
    caller.store.change_endpoint(caller.scope(), row.id, &change, desk.now).await?;
    Ok(Json(show::endpoint(&desk.endpoint(&row.id.to_string()).await?)))
}

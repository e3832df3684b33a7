//! `POST /webhook-endpoints`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ork_api::{EndpointSecret, NewEndpoint};
use ork_core::limits::is_name;

use super::{desk, refuse};
use crate::caller::Caller;
use crate::content::Content;
use crate::refused::{Answer, Refused};
use crate::server::Server;
use crate::webhooks::{Asked, show};

/// Make an endpoint that is told of all runs of the workspace, from now on.
///
/// The secret is in the answer and nowhere else. Where the URL leads is looked at when a message is sent: addresses that are not
/// public are refused then, unless `egress.allow` of the server names them.
#[utoipa::path(
    post,
    path = "/webhook-endpoints",
    tag = "webhooks",
    operation_id = "create_endpoint",
    request_body = NewEndpoint,
    responses((status = 201, description = "It was made", body = EndpointSecret)),
)]
pub async fn create(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Content(new): Content<NewEndpoint>,
) -> Answer<(StatusCode, Json<EndpointSecret>)> {
    if !is_name(&new.name) {
        return Err(Refused::name("endpoint", &new.name));
    }
    let asked = Asked {
        url: &new.url,
        secret: new.secret.as_deref(),
        events: new.events.as_deref(),
        format: new.format.as_deref(),
    };
    let wish = asked.check().map_err(refuse)?;
    let mut entropy = server.fork_entropy();
    let desk = desk(&server, &caller);
    let (row, secret) = desk.create(new.name, wish, &caller.actor, &mut entropy).await?;
    Ok((StatusCode::CREATED, Json(EndpointSecret { endpoint: show::endpoint(&row), secret })))
}

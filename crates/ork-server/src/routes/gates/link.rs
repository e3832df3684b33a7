//! `POST /gates/{id}/links`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ork_api::{Link, NewLink};

use crate::caller::Caller;
use crate::content::{Content, GatePath};
use crate::links;
use crate::refused::Answer;
use crate::server::Server;

/// Make a link with which somebody decides about a gate who has no token.
///
/// Whoever may decide may make one. The link leads to a page with a form; it works once, and ends with any decision. What is decided
/// with it is written down as that of `principal`, with the name of whoever made the link.
#[utoipa::path(
    post,
    path = "/gates/{id}/links",
    tag = "gates",
    params(("id" = String, Path, description = "A gate")),
    request_body = NewLink,
    responses((status = 201, description = "It was made", body = Link)),
)]
pub async fn link(
    State(server): State<Arc<Server>>,
    caller: Caller,
    GatePath(id): GatePath,
    Content(wish): Content<NewLink>,
) -> Answer<(StatusCode, Json<Link>)> {
    let (key, mut entropy) = (server.door.key(), server.fork_entropy());
    let who = (caller.workspace, super::decider(&caller));
    let link = links::make(server.look(&caller), who, id, wish, (&key, &mut entropy)).await?;
    Ok((StatusCode::CREATED, Json(link)))
}

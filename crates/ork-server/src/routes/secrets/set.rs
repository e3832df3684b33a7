//! `PUT /secrets/{name}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ork_api::{SecretSet, SetSecret};

use crate::caller::Caller;
use crate::content::{Content, NamePath};
use crate::refused::{Answer, Code, Refused};
use crate::secrets;
use crate::server::Server;

/// Set a secret.
///
/// It is sealed before it is stored, and nothing gives it back. Tasks that begin from now on get what it is now; those that are at
/// work keep what it was.
#[utoipa::path(
    put,
    path = "/secrets/{name}",
    tag = "secrets",
    params(("name" = String, Path, description = "The secret's name")),
    request_body = SetSecret,
    responses(
        (status = 200, description = "It was changed", body = SecretSet),
        (status = 201, description = "It is new", body = SecretSet),
    ),
)]
pub async fn set(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
    Content(sent): Content<SetSecret>,
) -> Answer<(StatusCode, Json<SecretSet>)> {
    let (look, secret) = (server.look(&caller), ork_vault::Secret::new(sent.value));
    secrets::check(&name, &secret).map_err(|wrong| Refused::new(Code::InvalidBody, wrong))?;
    let place = (caller.workspace, name.as_str());
    let sealed = server
        .with_entropy(|entropy| secrets::seal(&server.vault, place, &secret, (&caller.actor, look.now), entropy))
        .map_err(|problem| Refused::new(Code::Internal, problem.to_string()))?;
    let created = look.store.set_secret(&sealed).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(SecretSet { name, created })))
}

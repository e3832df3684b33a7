//! `GET /runs/{id}/events/verify`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::VerifiedEvents;
use ork_core::seal::Link;
use ork_vault::Keyring;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, RunPath};
use crate::refused::{Answer, Refused};
use crate::seals;
use crate::server::Server;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// The `link` of a head that you have kept: whether it is one of this chain.
    head: Option<String>,
}

/// Look whether the events of a run are as they were sealed.
///
/// Events are sealed some seconds after the end of their run. Of those that are not yet, nothing can be told.
#[utoipa::path(
    get,
    path = "/runs/{id}/events/verify",
    tag = "runs",
    params(("id" = String, Path, description = "A run"), Ask),
    responses((status = 200, description = "What was found", body = VerifiedEvents)),
)]
pub async fn verify(
    State(server): State<Arc<Server>>,
    caller: Caller,
    RunPath(id): RunPath,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<VerifiedEvents>> {
    let look = server.look(&caller);
    let wrong = || Refused::query("head", "a link has 64 hexadecimal digits", None);
    let kept = ask.head.map(|head| Link::parse(&head).ok_or_else(wrong)).transpose()?;
    if look.run(id).await?.is_none() {
        return Err(super::gone(look, id, kept).await?);
    }
    // Keys belong to no tenant.
    let kept_keys = server.store.seal_keys().await?;
    let keyring = Keyring::new(&server.vault, &kept_keys);
    let found = seals::verify(look, id, &keyring, kept).await?;
    Ok(Json(found.ok_or_else(|| Refused::missing(format_args!("run `{id}`")))?))
}

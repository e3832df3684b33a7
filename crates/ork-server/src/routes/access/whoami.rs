//! `GET /whoami`.

use axum::Json;
use ork_api::WhoAmI;

use crate::caller::Caller;
use crate::view::moment;

/// Say who one is, and what one may do.
#[utoipa::path(
    get,
    path = "/whoami",
    tag = "access",
    responses((status = 200, description = "Who the token is of", body = WhoAmI)),
)]
pub async fn whoami(caller: Caller) -> Json<WhoAmI> {
    Json(WhoAmI {
        workspace: caller.workspace_name,
        workspace_id: caller.workspace.to_string(),
        principal: caller.actor.id,
        role: caller.role.word().to_owned(),
        permissions: caller.role.permissions().iter().map(|permission| permission.word().to_owned()).collect(),
        only_own_runs: caller.only_owner.is_some(),
        token_id: caller.token.map(|id| id.to_string()),
        expires_at: caller.expires_at.map(moment),
    })
}

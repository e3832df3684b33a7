//! `DELETE /hooks/{name}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::DeletedHook;

use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::Answer;
use crate::server::Server;

/// Delete a hook; its address leads nowhere from now on.
#[utoipa::path(
    delete,
    path = "/hooks/{name}",
    tag = "hooks",
    params(("name" = String, Path, description = "A hook, by its name")),
    responses((status = 200, description = "What became of it", body = DeletedHook)),
)]
pub async fn delete(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
) -> Answer<Json<DeletedHook>> {
    let look = server.look(&caller);
    let deleted = look.store.delete_hook(caller.workspace, &name).await?;
    Ok(Json(DeletedHook { name, deleted }))
}

//! `DELETE /workflows/{name}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use ork_api::DeletedWorkflow;
use ork_core::store::Deleted;

use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::{Answer, Refused};
use crate::server::Server;

/// Delete a workflow.
///
/// No run of it can be created any more; those that there are go on, and can be done again. Storing it again brings it back
/// with all of its revisions.
#[utoipa::path(
    delete,
    path = "/workflows/{name}",
    tag = "workflows",
    params(
        ("name" = String, Path, description = "A workflow"),
        ("if-match" = Option<String>, Header, description = "The `ETag` that it must have"),
    ),
    responses((status = 200, description = "It is deleted", body = DeletedWorkflow)),
)]
pub async fn delete(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
    headers: HeaderMap,
) -> Answer<Json<DeletedWorkflow>> {
    let look = server.look(&caller);
    let expected = super::expected(&headers)?;
    match look.store.delete_workflow(caller.workspace, &name, expected, look.now).await? {
        Deleted::Done => Ok(Json(DeletedWorkflow { name, deleted: true })),
        Deleted::Missing => Err(Refused::missing(format_args!("workflow `{name}`"))),
        Deleted::Refused => Err(super::unexpected(&name)),
    }
}

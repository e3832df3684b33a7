//! `DELETE /prices/{model}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::DeletedPrice;

use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::Answer;
use crate::server::Server;

/// Forget what a model costs.
#[utoipa::path(
    delete,
    path = "/prices/{model}",
    tag = "prices",
    params(("model" = String, Path, description = "The model, as steps name it, percent-encoded")),
    responses((status = 200, description = "What became of it", body = DeletedPrice)),
)]
pub async fn delete(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(model): NamePath,
) -> Answer<Json<DeletedPrice>> {
    let deleted = server.look(&caller).store.delete_price(caller.workspace, &model).await?;
    Ok(Json(DeletedPrice { model, deleted }))
}

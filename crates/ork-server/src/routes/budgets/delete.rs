//! `DELETE /budgets/{period}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::DeletedBudget;

use crate::budgets;
use crate::caller::Caller;
use crate::content::NamePath;
use crate::refused::Answer;
use crate::server::Server;

/// Take a budget away: nothing limits what is used in such a period.
#[utoipa::path(
    delete,
    path = "/budgets/{period}",
    tag = "budgets",
    params(("period" = String, Path, description = "`total`, `day`, `week` or `month`")),
    responses((status = 200, description = "What became of it", body = DeletedBudget)),
)]
pub async fn delete(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(period): NamePath,
) -> Answer<Json<DeletedBudget>> {
    let (look, workspace) = (server.look(&caller), caller.workspace);
    let period = budgets::period(&period)?;
    let deleted = look.store.budgets(workspace, look.now).await?.iter().any(|row| row.period == period);
    look.store.set_budget(workspace, period, None, look.now).await?;
    Ok(Json(DeletedBudget { period: period.word().to_owned(), deleted }))
}

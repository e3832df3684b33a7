//! `PUT /budgets/{period}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Allowance, Budget};

use crate::budgets;
use crate::caller::Caller;
use crate::content::{Content, NamePath};
use crate::refused::{Answer, Refused};
use crate::server::Server;

/// Say how much the models of the workspace may use in a period.
///
/// What is used already stays. A call of a model that does not fit does not begin.
#[utoipa::path(
    put,
    path = "/budgets/{period}",
    tag = "budgets",
    params(("period" = String, Path, description = "`total`, `day`, `week` or `month`")),
    request_body = Allowance,
    responses((status = 200, description = "The budget", body = Budget)),
)]
pub async fn set(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(period): NamePath,
    Content(sent): Content<Allowance>,
) -> Answer<Json<Budget>> {
    let (look, workspace) = (server.look(&caller), caller.workspace);
    let (period, allowance) = (budgets::period(&period)?, budgets::allowance(&sent)?);
    look.store.set_budget(workspace, period, Some(allowance), look.now).await?;
    let rows = look.store.budgets(workspace, look.now).await?;
    let row = rows.iter().find(|row| row.period == period);
    let gone = || Refused::missing(format_args!("budget `{}`: somebody has removed it", period.word()));
    Ok(Json(budgets::shape(row.ok_or_else(gone)?)))
}

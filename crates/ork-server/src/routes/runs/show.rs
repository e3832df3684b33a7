//! `GET /runs/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Run, Snapshot};

use crate::caller::Caller;
use crate::content::RunPath;
use crate::refused::Answer;
use crate::server::Server;
use crate::{budgets, view};

/// Show a run.
#[utoipa::path(
    get,
    path = "/runs/{id}",
    tag = "runs",
    params(("id" = String, Path, description = "A run")),
    responses((status = 200, description = "The run", body = Snapshot<Run>)),
)]
pub async fn show(
    State(server): State<Arc<Server>>,
    caller: Caller,
    RunPath(id): RunPath,
) -> Answer<Json<Snapshot<Run>>> {
    let look = server.look(&caller);
    let run = async {
        let shown = view::run(&super::row(look, id).await?);
        Ok(Run { budget: budgets::run_budget(look, id).await?, ..shown })
    };
    look.snapshot(run).await.map(Json)
}

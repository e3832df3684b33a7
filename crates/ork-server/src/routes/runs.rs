//! Runs.

mod acknowledge;
mod cancel;
mod create;
mod events;
mod graph;
mod groups;
mod list;
mod logs;
mod pause;
mod plan;
mod resolve;
mod resume;
mod retry;
mod show;
mod suggest;
mod tasks;
mod unacknowledged;
mod why;

use std::sync::Arc;

use axum::Json;
use ork_api::Asked;
use ork_core::id::RunId;
use ork_core::store::RunRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use create::name;
pub use list::refuse as refuse_filter;

use crate::look::Look;
use crate::refused::{Answer, Refused};
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(create::create, list::list))
        .routes(routes!(unacknowledged::unacknowledged))
        .routes(routes!(suggest::suggest))
        .routes(routes!(show::show))
        .routes(routes!(resolve::resolve))
        .routes(routes!(groups::groups))
        .routes(routes!(plan::plan))
        .routes(routes!(tasks::tasks))
        .routes(routes!(graph::graph))
        .routes(routes!(events::events))
        .routes(routes!(why::why))
        .routes(routes!(logs::logs))
        .routes(routes!(cancel::cancel))
        .routes(routes!(pause::pause))
        .routes(routes!(resume::resume))
        .routes(routes!(retry::retry))
        .routes(routes!(acknowledge::acknowledge))
}

/// A run that must be there.
pub async fn row(look: Look<'_>, id: RunId) -> Answer<RunRow> {
    let row = look.store.run(look.scope, id).await?;
    row.ok_or_else(|| Refused::missing(format_args!("run `{id}`")))
}

/// What became of a wish about a run.
async fn asked(look: Look<'_>, id: RunId, asked: bool) -> Answer<Json<Asked>> {
    let status = row(look, id).await?.status.word().to_owned();
    Ok(Json(Asked { run_id: id.to_string(), asked, status }))
}

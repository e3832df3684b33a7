//! Runs.

mod acknowledge;
mod append;
mod cancel;
pub mod create;
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
mod verify;
mod why;

use std::sync::Arc;

use axum::Json;
use ork_api::Asked;
use ork_core::access::Permission;
use ork_core::id::RunId;
use ork_core::seal::Link;
use ork_core::store::RunRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use create::{name, refuse_input, submitted};
pub use list::refuse as refuse_filter;

use crate::guard::needs;
use crate::look::Look;
use crate::refused::{Answer, Code, Refused};
use crate::seals;
use crate::server::Server;
use crate::view::moment;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(needs(Permission::Submit, routes!(create::create)))
        .routes(needs(Permission::Read, routes!(list::list)))
        .routes(needs(Permission::Read, routes!(unacknowledged::unacknowledged)))
        .routes(needs(Permission::Read, routes!(suggest::suggest)))
        .routes(needs(Permission::Read, routes!(show::show)))
        .routes(needs(Permission::Read, routes!(resolve::resolve)))
        .routes(needs(Permission::Read, routes!(groups::groups)))
        .routes(needs(Permission::Read, routes!(plan::plan)))
        .routes(needs(Permission::Read, routes!(tasks::tasks)))
        .routes(needs(Permission::Read, routes!(graph::graph)))
        .routes(needs(Permission::Read, routes!(events::events)))
        .routes(needs(Permission::Tell, routes!(append::append)))
        .routes(needs(Permission::Read, routes!(verify::verify)))
        .routes(needs(Permission::Read, routes!(why::why)))
        .routes(needs(Permission::Read, routes!(logs::logs)))
        .routes(needs(Permission::Control, routes!(cancel::cancel)))
        .routes(needs(Permission::Control, routes!(pause::pause)))
        .routes(needs(Permission::Control, routes!(resume::resume)))
        .routes(needs(Permission::Control, routes!(retry::retry)))
        .routes(needs(Permission::Control, routes!(acknowledge::acknowledge)))
}

/// A run that must be there.
pub async fn row(look: Look<'_>, id: RunId) -> Answer<RunRow> {
    match look.run(id).await? {
        Some(row) => Ok(row),
        None => Err(gone(look, id, None).await?),
    }
}

/// Why a run is not there; `kept`: the head of its seals that somebody has.
async fn gone(look: Look<'_>, id: RunId, kept: Option<Link>) -> Answer<Refused> {
    let left = look.store.tombstone(look.scope, id).await?;
    let sees = |owner: Option<&str>| look.only_owner.is_none() || look.only_owner == owner;
    let Some(left) = left.filter(|left| sees(left.owner.as_deref())) else {
        return Ok(Refused::missing(format_args!("run `{id}`")));
    };
    let (status, ended, pruned) = (left.status.word(), moment(left.finished_at), moment(left.pruned_at));
    let seals = seals::left(&left, kept);
    let message =
        format!("`{id}` of `{}` ended as {status} at {ended} and was removed at {pruned}; {seals}", left.name);
    Ok(Refused::new(Code::Pruned, message).hint("`keep_days` of the workspace says how long runs are kept"))
}

/// What became of a wish about a run.
async fn asked(look: Look<'_>, id: RunId, asked: bool) -> Answer<Json<Asked>> {
    let status = row(look, id).await?.status.word().to_owned();
    Ok(Json(Asked { run_id: id.to_string(), asked, status }))
}

//! Workspaces. They are rows of the installation rather than of one tenant, so they are asked of the store itself; which of
//! them a caller knows is decided here.

mod change;
mod create;
mod list;
mod show;

use std::sync::Arc;

use ork_core::access::Permission;
use ork_core::store::{Scope, WorkspaceRow};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::guard::needs;
use crate::refused::{Answer, Refused};
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(needs(Permission::Administer, routes!(create::create)))
        .routes(needs(Permission::Read, routes!(list::list)))
        .routes(needs(Permission::Read, routes!(show::show)))
        .routes(needs(Permission::Administer, routes!(change::change)))
}

/// Which workspaces a caller knows of: its own, and whoever looks after the installation all of them.
fn known(caller: &Caller) -> Scope {
    if caller.is_host() { Scope::All } else { caller.scope() }
}

/// A workspace that must be there.
async fn row(server: &Server, caller: &Caller, name: &str) -> Answer<WorkspaceRow> {
    let found = server.store.workspace_by_name(known(caller), name).await?;
    found.ok_or_else(|| Refused::missing(format_args!("workspace `{name}`")))
}

//! Gates: decisions that somebody must take.

mod approve;
mod link;
mod list;
mod reject;
mod show;

use std::sync::Arc;

use ork_core::access::Permission;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::gates::Decider;
use crate::guard::needs;
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(needs(Permission::Read, routes!(list::list)))
        .routes(needs(Permission::Read, routes!(show::show)))
        // Each gate says of its own which role it asks for.
        .routes(needs(Permission::Control, routes!(approve::approve)))
        .routes(needs(Permission::Control, routes!(reject::reject)))
        .routes(needs(Permission::Control, routes!(link::link)))
}

const fn decider(caller: &Caller) -> Decider<'_> {
    Decider { role: caller.role, actor: &caller.actor }
}

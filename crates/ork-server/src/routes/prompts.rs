//! Prompts and their versions.

mod list;
mod put;
mod show;
mod versions;

use std::sync::Arc;

use ork_core::access::Permission;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::guard::needs;
use crate::refused::Refused;
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(needs(Permission::Read, routes!(list::list)))
        .routes(needs(Permission::Edit, routes!(put::put)))
        .routes(needs(Permission::Read, routes!(show::show)))
        .routes(needs(Permission::Read, routes!(versions::versions)))
}

fn missing(id: &str) -> Refused {
    Refused::missing(format_args!("prompt `{}`", id.escape_debug())).hint("GET /prompts lists them")
}

//! What models cost. Their names may hold `/` and `:`, so in a path they are percent-encoded.

mod delete;
mod list;
mod set;

use std::sync::Arc;

use ork_core::access::Permission;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::guard::needs;
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(needs(Permission::Read, routes!(list::list)))
        .routes(needs(Permission::Administer, routes!(set::set)))
        .routes(needs(Permission::Administer, routes!(delete::delete)))
}

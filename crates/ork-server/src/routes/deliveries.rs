//! Messages that tell of runs, and what became of them.

mod list;
mod redeliver;
mod redeliver_failed;
mod show;

use std::sync::Arc;

use ork_core::access::Permission;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::guard::needs;
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    // What is sent holds results of everybody's runs, so those who see only their own do not see it.
    OpenApiRouter::new()
        .routes(needs(Permission::Operate, routes!(list::list)))
        .routes(needs(Permission::Operate, routes!(show::show)))
        .routes(needs(Permission::Operate, routes!(redeliver::redeliver)))
        .routes(needs(Permission::Operate, routes!(redeliver_failed::redeliver_failed)))
}

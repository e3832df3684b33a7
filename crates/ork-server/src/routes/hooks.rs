//! Hooks: messages of others that start runs.

mod create;
mod delete;
mod list;
mod trigger;

use std::sync::Arc;

use ork_core::access::Permission;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::guard::{Need, needs};
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(needs(Permission::Edit, routes!(list::list)))
        .routes(needs(Permission::Edit, routes!(create::create)))
        .routes(needs(Permission::Edit, routes!(delete::delete)))
        // Who may is said by the signature, which is over the whole of the message.
        .routes(needs(Need::Public, routes!(trigger::trigger)))
}

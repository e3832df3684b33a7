//! The server about itself.

mod docs;
mod livez;
mod metrics;
mod openapi;
mod readyz;
mod version;

use std::sync::Arc;

use ork_core::access::Permission;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::guard::{Need, needs};
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(needs(Need::Public, routes!(livez::livez)))
        .routes(needs(Need::Public, routes!(readyz::readyz)))
        .routes(needs(Permission::Read, routes!(metrics::metrics)))
        .routes(needs(Need::Public, routes!(version::version)))
        .routes(needs(Need::Public, routes!(openapi::openapi)))
        .routes(needs(Need::Public, routes!(docs::docs)))
}

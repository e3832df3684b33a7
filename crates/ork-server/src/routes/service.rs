//! The server about itself.

mod docs;
mod livez;
mod metrics;
mod openapi;
mod readyz;
mod version;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(livez::livez))
        .routes(routes!(readyz::readyz))
        .routes(routes!(metrics::metrics))
        .routes(routes!(version::version))
        .routes(routes!(openapi::openapi))
        .routes(routes!(docs::docs))
}

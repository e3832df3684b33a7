//! Who one is.

mod whoami;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::guard::{Need, needs};
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(needs(Need::Token, routes!(whoami::whoami)))
}

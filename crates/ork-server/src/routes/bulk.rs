//! Actions on many runs.

mod cancel;
mod create;
mod list;
mod show;

use std::sync::Arc;

use ork_core::access::Permission;
use ork_core::store::BulkRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::content::BulkPath;
use crate::guard::needs;
use crate::look::Look;
use crate::refused::{Answer, Refused};
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(needs(Permission::Operate, routes!(create::create)))
        .routes(needs(Permission::Operate, routes!(list::list)))
        .routes(needs(Permission::Operate, routes!(show::show)))
        .routes(needs(Permission::Operate, routes!(cancel::cancel)))
}

/// An action that must be there.
async fn row(look: Look<'_>, BulkPath(id): BulkPath) -> Answer<BulkRow> {
    let row = look.store.bulk(look.scope, id).await?;
    row.ok_or_else(|| Refused::missing(format_args!("action `{id}`")))
}

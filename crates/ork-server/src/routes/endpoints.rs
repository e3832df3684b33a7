//! Endpoints that are told of all runs of a workspace.

mod change;
mod create;
mod delete;
mod list;
mod rotate;
mod show;
mod test;

use std::sync::Arc;

use ork_core::access::Permission;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::guard::needs;
use crate::refused::{Code, Refused};
use crate::server::Server;
use crate::webhooks::{Desk, Wrong};

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    // Whoever has one is told everything that happens in the workspace.
    OpenApiRouter::new()
        .routes(needs(Permission::Edit, routes!(list::list)))
        .routes(needs(Permission::Edit, routes!(create::create)))
        .routes(needs(Permission::Edit, routes!(show::show)))
        .routes(needs(Permission::Edit, routes!(change::change)))
        .routes(needs(Permission::Edit, routes!(delete::delete)))
        .routes(needs(Permission::Edit, routes!(rotate::rotate)))
        .routes(needs(Permission::Edit, routes!(test::test)))
}

/// Where a caller's wishes are carried out.
pub fn desk<'a>(server: &'a Server, caller: &'a Caller) -> Desk<'a> {
    let (store, now) = (caller.store.as_ref(), server.clock.now());
    Desk { store, workspace: caller.workspace, vault: &server.vault, now }
}

fn refuse(wrong: Wrong) -> Refused {
    let detail = format!("`{}` is wrong: {}", wrong.field, wrong.message);
    Refused::new(Code::InvalidBody, detail).errors(vec![wrong.fault("")])
}

//! Schedules of stored workflows: what a workflow says is changed by storing it again.

mod disable;
mod enable;
mod list;
mod show;

use std::sync::Arc;

use axum::Json;
use ork_api::ScheduleAsked;
use ork_core::access::Permission;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::guard::needs;
use crate::refused::{Answer, Refused};
use crate::schedules;
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(needs(Permission::Read, routes!(list::list)))
        .routes(needs(Permission::Read, routes!(show::show)))
        .routes(needs(Permission::Operate, routes!(enable::enable)))
        .routes(needs(Permission::Operate, routes!(disable::disable)))
}

fn missing(name: &str) -> Refused {
    Refused::missing(format_args!("schedule of a workflow `{name}`")).hint("GET /schedules lists them")
}

async fn set(server: &Server, caller: &Caller, name: &str, is_enabled: bool) -> Answer<Json<ScheduleAsked>> {
    let look = server.look(caller);
    let asked = schedules::set(look, (caller.workspace, name), is_enabled, &caller.actor).await?;
    asked.map(Json).ok_or_else(|| missing(name))
}

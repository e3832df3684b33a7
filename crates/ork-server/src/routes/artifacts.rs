//! Artifacts: files that runs keep.

mod complete;
mod content;
mod create;
mod list;
mod of_run;
mod presign;
mod show;
mod upload;
mod verify;
mod verify_run;

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderName, StatusCode, header};
use ork_api::{Artifact, ArtifactVerified, Page};
use ork_core::access::Permission;
use ork_core::artifact::ArtifactRow;
use ork_core::id::ArtifactId;
use ork_core::store::ArtifactFilter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::artifacts::{self, Keeper};
use crate::caller::Caller;
use crate::content::page;
use crate::guard::{Need, needs};
use crate::look::Look;
use crate::refused::Answer;
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(needs(Permission::Read, routes!(list::list)))
        .routes(needs(Permission::Read, routes!(of_run::of_run)))
        .routes(needs(Permission::Read, routes!(show::show)))
        .routes(needs(Permission::Read, routes!(content::content)))
        .routes(needs(Permission::Control, routes!(create::create)))
        .routes(needs(Permission::Control, routes!(presign::presign)))
        .routes(needs(Permission::Control, routes!(complete::complete)))
        .routes(needs(Permission::Control, routes!(verify::verify)))
        .routes(needs(Permission::Control, routes!(verify_run::verify_run)))
        // Who may is said by the signature of the address.
        .routes(needs(Need::Public, routes!(upload::upload)))
}

/// Whoever keeps an artifact for a caller.
fn keeper<'a>(server: &'a Server, caller: &'a Caller, id: ArtifactId) -> Keeper<'a> {
    Keeper {
        look: server.look(caller),
        workspace: caller.workspace,
        actor: &caller.actor,
        clock: server.clock.as_ref(),
        id,
    }
}

/// An artifact that was created, and where it is.
type Created = (StatusCode, [(HeaderName, String); 1], Json<Artifact>);

async fn created(look: Look<'_>, row: &ArtifactRow) -> Answer<Created> {
    let location = format!("/api/v1/artifacts/{}", row.artifact.id);
    let shape = artifacts::shape_of(look, row).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(shape)))
}

/// Says to whoever runs the server which bytes are damaged.
fn tell(server: &Server, found: &ArtifactVerified) {
    if let Some(problem) = &found.problem {
        let ArtifactVerified { id, name, run_id, .. } = found;
        (server.alarm)(&format!("artifact {id} (`{}`) of {run_id} is damaged: {problem}", name.escape_debug()));
    }
}

/// A page of artifacts, of which one more is read than is shown.
async fn listed(look: Look<'_>, filter: ArtifactFilter) -> Answer<Json<Page<Artifact>>> {
    let limit = filter.limit;
    let rows = artifacts::list(look, ArtifactFilter { limit: limit + 1, ..filter }).await?;
    let page = page(rows, limit, |row| row.artifact.id.to_string());
    let items = artifacts::shapes(look, &page.items).await?;
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

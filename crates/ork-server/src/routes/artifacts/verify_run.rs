//! `POST /runs/{id}/artifacts/verify`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{ArtifactVerified, Page};
use ork_core::artifact::ArtifactAt;
use ork_core::store::ArtifactFilter;

use crate::artifacts;
use crate::caller::Caller;
use crate::content::{Asking, Paging, RunPath, cursor, limit, page};
use crate::refused::Answer;
use crate::routes::row_of_run;
use crate::server::Server;

/// How long one page may go on: no other artifact is begun after that.
const PAGE_MS: u64 = 10_000;

/// Read the artifacts of a run again, newest first, and say whether their bytes are those that were written.
///
/// A page ends early when reading takes long. Artifacts that are elsewhere are left out.
#[utoipa::path(
    post,
    path = "/runs/{id}/artifacts/verify",
    tag = "artifacts",
    params(("id" = String, Path, description = "A run"), Paging),
    responses((status = 200, description = "What was found", body = Page<ArtifactVerified>)),
)]
pub async fn verify_run(
    State(server): State<Arc<Server>>,
    caller: Caller,
    RunPath(run): RunPath,
    Asking(ask): Asking<Paging>,
) -> Answer<Json<Page<ArtifactVerified>>> {
    let (look, before, limit) = (server.look(&caller), cursor(ask.cursor.as_deref())?, limit(ask.limit)?);
    row_of_run(look, run).await?;
    let filter = ArtifactFilter { run: Some(run), before, limit: limit + 1, ..ArtifactFilter::default() };
    let page = page(artifacts::list(look, filter).await?, limit, |row| row.artifact.id.to_string());
    let blobs = server.blobs()?;
    let (mut items, mut last) = (Vec::new(), None);
    for row in &page.items {
        if server.clock.now().since_ms(look.now) > PAGE_MS && last.is_some() {
            return Ok(Json(Page { items, next_cursor: last }));
        }
        if matches!(row.artifact.at, ArtifactAt::Kept { .. }) {
            let found = artifacts::verify(blobs.as_ref(), row).await?;
            super::tell(&server, &found);
            items.push(found);
        }
        last = Some(row.artifact.id.to_string());
    }
    Ok(Json(Page { items, next_cursor: page.next_cursor }))
}

//! Workflows.

mod apply;
mod delete;
mod list;
mod revisions;
mod show;
mod validate;

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, header};
use ork_core::access::Permission;
use ork_core::store::{Expected, WorkflowRow};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::guard::needs;
use crate::look::Look;
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;

pub fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(needs(Permission::Submit, routes!(validate::validate)))
        .routes(needs(Permission::Read, routes!(list::list)))
        .routes(needs(Permission::Read, routes!(show::show)))
        .routes(needs(Permission::Read, routes!(revisions::revisions)))
        .routes(needs(Permission::Edit, routes!(apply::apply)))
        .routes(needs(Permission::Edit, routes!(delete::delete)))
}

/// A workflow that must be there.
async fn row(look: Look<'_>, name: &str) -> Answer<WorkflowRow> {
    let row = look.store.workflow(look.scope, name).await?;
    row.ok_or_else(|| Refused::missing(format_args!("workflow `{name}`")).hint("GET /workflows lists them"))
}

/// The tag of a workflow as it is: the number of its newest revision.
fn tag(row: &WorkflowRow) -> [(HeaderName, String); 1] {
    tag_of(row.revision.number)
}

fn tag_of(revision: u32) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{revision}\""))]
}

/// What a request expects of the workflow that it changes.
fn expected(headers: &HeaderMap) -> Answer<Expected> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (None, None) => Ok(Expected::Anything),
        (None, Some("*")) => Ok(Expected::Absent),
        (Some("*"), None) => Ok(Expected::Present),
        // No revision has the number 0, so a tag that is none of ours is never met.
        (Some(tag), None) => Ok(Expected::Revision(number(tag).unwrap_or(0))),
        (_, Some(_)) => {
            let message = "a change goes with `If-Match: \"REVISION\"`, or with `If-None-Match: *` for a new one";
            Err(Refused::new(Code::InvalidRequest, message))
        }
    }
}

fn number(tag: &str) -> Option<u32> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

/// Whether a reader has this already.
fn is_known(headers: &HeaderMap, row: &WorkflowRow) -> bool {
    let tags = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_it = |tag: &str| tag == "*" || number(tag.strip_prefix("W/").unwrap_or(tag)) == Some(row.revision.number);
    tags.split(',').map(str::trim).any(is_it)
}

/// It is not what was expected.
fn unexpected(name: &str) -> Refused {
    Refused::new(Code::PreconditionFailed, format!("the workflow `{name}` is not what the request expects"))
        .hint("read it again: GET /workflows/NAME has its `ETag`")
}

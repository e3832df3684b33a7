//! `PUT /workflows/{name}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use ork_api::{AppliedWorkflow, Definition};
use ork_core::limits::is_name;
use ork_core::store::{Applied, NewRevision};

use crate::caller::Caller;
use crate::content::{Content, NamePath};
use crate::refused::{Answer, Code, Refused};
use crate::routes::runs::create::refuse_input;
use crate::server::Server;
use crate::source::Sent;
use crate::workflows;

/// Store a workflow.
///
/// A text that differs from the newest one is a new revision; the same text again changes nothing. Runs stay on the revision
/// that they were created from. With `If-Match` it is changed only if it is the revision that you have read, with
/// `If-None-Match: *` only if it is new.
#[utoipa::path(
    put,
    path = "/workflows/{name}",
    tag = "workflows",
    params(
        ("name" = String, Path, description = "The workflow's name; one that its text has must be the same"),
        ("if-match" = Option<String>, Header, description = "The `ETag` that it must have, or `*` for any"),
        ("if-none-match" = Option<String>, Header, description = "`*`: there must be none"),
    ),
    request_body = Definition,
    responses(
        (status = 200, description = "It was updated, or is unchanged", body = AppliedWorkflow, headers(("etag" = String, description = "The newest revision"))),
        (status = 201, description = "It was created", body = AppliedWorkflow, headers(("etag" = String, description = "The newest revision"))),
    ),
)]
pub async fn apply(
    State(server): State<Arc<Server>>,
    caller: Caller,
    NamePath(name): NamePath,
    headers: HeaderMap,
    Content(definition): Content<Definition>,
) -> Answer<impl IntoResponse> {
    if !is_name(&name) {
        return Err(Refused::name("workflow", &name));
    }
    let look = server.look(&caller);
    let expected = super::expected(&headers)?;
    let sent = Sent::of(definition.source.as_deref(), definition.plan.as_deref())?;
    let workflow = sent.parse(&name).map_err(|diagnostics| sent.refuse(&diagnostics))?;
    if workflow.name() != name {
        let message = format!("the text names the workflow `{}`, and the path `{name}`", workflow.name());
        return Err(Refused::new(Code::InvalidBody, message).hint(format!("PUT /workflows/{}", workflow.name())));
    }
    let (workflow_id, revision_id) = server.new_workflow_ids();
    let new = NewRevision {
        workspace: caller.workspace,
        name,
        workflow: workflow_id,
        revision: revision_id,
        description: workflow.description().map(str::to_owned),
        source: sent.text.to_owned(),
        hash: workflows::hash(sent.text),
        schedule: workflows::schedule(&workflow, look.now).map_err(refuse_input)?,
        expected,
        actor: caller.actor.clone(),
        now: look.now,
    };
    let applied = look.store.apply_workflow(&new).await?;
    let status = match applied {
        Applied::Refused => return Err(super::unexpected(&new.name)),
        Applied::Created => StatusCode::CREATED,
        Applied::Updated | Applied::Unchanged => StatusCode::OK,
    };
    let row = super::row(look, &new.name).await?;
    Ok((status, super::tag(&row), Json(workflows::applied(applied, &row))))
}

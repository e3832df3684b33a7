//! `POST /workflows/validate`.

use axum::Json;
use ork_api::{Definition, Validated};

use crate::content::Content;
use crate::refused::Answer;
use crate::source::Sent;

/// Check a workflow.
///
/// Every error at once. Inputs are checked when a run is created.
#[utoipa::path(
    post,
    path = "/workflows/validate",
    tag = "workflows",
    request_body = Definition,
    responses((status = 200, description = "What was found", body = Validated)),
)]
pub async fn validate(Content(definition): Content<Definition>) -> Answer<Json<Validated>> {
    let sent = Sent::of(definition.source.as_deref(), definition.plan.as_deref())?;
    let validated = match sent.parse(sent.member) {
        Ok(workflow) => Validated {
            valid: true,
            name: Some(workflow.name().to_owned()),
            inputs: workflow.inputs().iter().map(|input| input.name.clone()).collect(),
            errors: Vec::new(),
            more: 0,
        },
        Err(diagnostics) => Validated {
            valid: false,
            name: None,
            inputs: Vec::new(),
            errors: sent.faults(&diagnostics),
            more: diagnostics.more,
        },
    };
    Ok(Json(validated))
}

//! `POST /runs/bulk`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ork_api::{Bulk, BulkAsk, BulkPreview, Fault};
use ork_core::error::StoreError;
use ork_core::store::{BulkAction, BulkRow, BulkStatus};
use ork_core::suggest::{list, nearest};
use ork_filter::Filter;

use crate::bulk::{SHOWN_MAX, narrowed, preview, shape};
use crate::caller::Caller;
use crate::content::Content;
use crate::refused::{Answer, Code, Refused};
use crate::routes::runs::{name, refuse_filter};
use crate::server::Server;
use crate::view;

/// Do something to all runs that a filter finds.
///
/// It is carried out in pieces, by any server or worker, and goes on after a crash; `/bulk/{id}` says how far it is. Runs that
/// are created later are left alone. With `preview` nothing is done.
#[utoipa::path(
    post,
    path = "/runs/bulk",
    tag = "bulk",
    params(("idempotency-key" = Option<String>, Header, description = "A name of yours for this request, 1 to 256 bytes; it becomes the action's `external_id`.")),
    request_body = BulkAsk,
    responses(
        (status = 200, description = "A preview", body = BulkPreview),
        (status = 202, description = "It was accepted", body = Bulk, headers(("location" = String, description = "The action"))),
    ),
)]
pub async fn create(
    State(server): State<Arc<Server>>,
    caller: Caller,
    headers: HeaderMap,
    Content(ask): Content<BulkAsk>,
) -> Answer<Response> {
    let look = server.look(&caller);
    let external_id = name(&headers, ask.external_id.as_deref())?;
    let action = BulkAction::from_word(&ask.action).ok_or_else(|| unknown(&ask.action))?;
    let filter: Filter = ask.q.parse().map_err(|error| refuse_filter("/q", &ask.q, error))?;
    if filter == Filter::default() && !ask.all {
        let message = "an empty filter finds all runs";
        return Err(Refused::new(Code::InvalidBody, message).hint("say that they are meant: \"all\": true"));
    }
    if ask.preview {
        let (rows, more) = preview(look, narrowed(action, &filter, look.now)).await?;
        let first = rows.iter().take(SHOWN_MAX).map(view::run_summary).collect();
        return Ok(Json(BulkPreview { count: rows.len(), more, first }).into_response());
    }
    let (id, before) = server.new_bulk_ids();
    let new = BulkRow {
        id,
        workspace: caller.workspace,
        external_id,
        action,
        filter: filter.to_string(),
        status: BulkStatus::Running,
        before,
        seen: 0,
        changed: 0,
        actor: caller.actor.clone(),
        created_at: look.now,
        finished_at: None,
    };
    let row = match look.store.create_bulk(&new).await {
        Ok(_) => new,
        Err(StoreError::Conflict(text)) => {
            let name = new.external_id.as_deref().unwrap_or_default();
            let old = look.store.bulk_by_external_id(caller.workspace, name).await?;
            // The same request again, or another one under its name.
            let is_same = |old: &BulkRow| old.action == new.action && old.filter == new.filter;
            old.filter(is_same).ok_or_else(|| Refused::new(Code::Conflict, text))?
        }
        Err(error) => return Err(error.into()),
    };
    let location = [(header::LOCATION, format!("/api/v1/bulk/{}", row.id))];
    Ok((StatusCode::ACCEPTED, location, Json(shape(&row))).into_response())
}

fn unknown(word: &str) -> Refused {
    let known: Vec<&str> = BulkAction::ALL.iter().map(|action| action.word()).collect();
    let hint = match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", list(&known)),
    };
    let message = format!("there is no action `{word}`");
    let fault = Fault { pointer: "/action".to_owned(), message, hint: Some(hint), ..Fault::default() };
    Refused::new(Code::InvalidBody, fault.message.clone()).errors(vec![fault])
}

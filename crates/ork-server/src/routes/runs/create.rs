//! `POST /runs`.
//!
//! A run with a name of the client's is created once: its `external_id`, or the `Idempotency-Key`, which is kept as one.
//! That it is unique is held by the index of the store, in the transaction that creates the run, so it holds between
//! servers and across a crash: whoever got no answer asks again, and finds the run or creates it. The answer is made of
//! what never changes, so nothing else has to be remembered. An id that is derived from the key would do the same, but
//! the head of an id is its time: runs would be listed out of order.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use ork_api::{Fault, Submit, Submitted};
use ork_core::access::Permission;
use ork_core::error::StoreError;
use ork_core::graph::{NewRun, Pin, TriggeredBy};
use ork_core::json::{Json as Stored, JsonError};
use ork_core::limits::{EXTERNAL_ID_BYTES_MAX, LABEL_BYTES_MAX, LABELS_MAX, is_name};
use ork_core::plan::Plan;
use ork_core::store::RunRow;

use crate::caller::Caller;
use crate::content::{Content, member};
use crate::look::Look;
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;
use crate::source::Sent;
use crate::view::moment;
use crate::why::plan;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Create a run.
///
/// It is on disk when this answers. Any worker may take its tasks: it has no folder of its own. With an
/// `Idempotency-Key`, or an `external_id`, the same request creates one run however often it is sent, and another one of
/// the same name is a conflict.
#[utoipa::path(
    post,
    path = "/runs",
    tag = "runs",
    params(("idempotency-key" = Option<String>, Header, description = "A name of yours for this request, 1 to 256 bytes; it becomes the run's `external_id`.")),
    request_body = Submit,
    responses((status = 202, description = "It was accepted", body = Submitted, headers(("location" = String, description = "The run")))),
)]
pub async fn create(
    State(server): State<Arc<Server>>,
    caller: Caller,
    headers: HeaderMap,
    Content(submit): Content<Submit>,
) -> Answer<impl IntoResponse> {
    let look = server.look(&caller);
    let new = new_run(&server, &caller, &headers, submit)?;
    let row = match existing(look, &new).await? {
        Some(row) => row,
        None => match look.store.submit(&new).await {
            Ok(_) => super::row(look, new.id).await?,
            // Somebody else was faster with the same name.
            Err(StoreError::Conflict(text)) => {
                existing(look, &new).await?.ok_or_else(|| Refused::new(Code::Conflict, text))?
            }
            Err(error) => return Err(error.into()),
        },
    };
    let location = format!("/api/v1/runs/{}", row.id);
    let answer = Submitted {
        id: row.id.to_string(),
        name: row.name,
        external_id: row.external_id,
        created_at: moment(row.created_at),
    };
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(answer)))
}

fn new_run(server: &Server, caller: &Caller, headers: &HeaderMap, submit: Submit) -> Answer<NewRun> {
    let external_id = name(headers, submit.external_id)?;
    let owner = owner(caller, submit.owner_id)?;
    let sent = Sent::of(submit.workflow.as_deref(), submit.plan.as_deref())?;
    let bound = sent.parse().and_then(|workflow| workflow.bind(&submit.input));
    let mut bound = bound.map_err(|diagnostics| sent.refuse(&diagnostics))?;
    bound.plan.labels.extend(submit.labels);
    check_labels(&bound.plan)?;
    let refuse = |error| {
        let is_limit = matches!(error, JsonError::TooLarge { .. } | JsonError::TooDeep);
        let code = if is_limit { Code::OverLimit } else { Code::InvalidBody };
        Refused::new(code, format!("the inputs: {error}"))
    };
    Ok(NewRun {
        id: server.new_run_id(),
        workspace: caller.workspace,
        external_id,
        owner,
        plan: bound.plan,
        plan_source: Some(sent.text.to_owned()),
        input: Stored::from_value(&bound.input).map_err(refuse)?,
        priority: submit.priority,
        pin: Pin::Anywhere,
        project: None,
        triggered_by: TriggeredBy::Api,
        retry_of: None,
        reuse: Vec::new(),
        actor: caller.actor.clone(),
        now: server.clock.now(),
    })
}

/// The client's name for the run.
fn name(headers: &HeaderMap, external_id: Option<String>) -> Answer<Option<String>> {
    let key = match headers.get(IDEMPOTENCY_KEY).map(|value| value.to_str()) {
        None => None,
        Some(Ok(key)) => Some(key.to_owned()),
        Some(Err(_)) => return Err(Refused::new(Code::InvalidRequest, "`Idempotency-Key` is not plain text")),
    };
    if let (Some(key), Some(id)) = (&key, &external_id)
        && key != id
    {
        let message = "`Idempotency-Key` and `external_id` differ, and a run has one name of yours";
        return Err(Refused::new(Code::InvalidRequest, message).hint("send one of them"));
    }
    let (what, name) = match (key, external_id) {
        (_, Some(id)) => ("`external_id`", id),
        (Some(key), None) => ("`Idempotency-Key`", key),
        (None, None) => return Ok(None),
    };
    check_name(what, &name)?;
    Ok(Some(name))
}

fn check_name(what: &str, name: &str) -> Answer<()> {
    if name.is_empty() || name.len() > EXTERNAL_ID_BYTES_MAX || name.chars().any(char::is_control) {
        let message = format!("{what} has 1 to {EXTERNAL_ID_BYTES_MAX} bytes, and no control characters");
        return Err(Refused::new(Code::InvalidRequest, message));
    }
    Ok(())
}

/// Whom the run belongs to: whoever creates it, or whom a service creates it for.
fn owner(caller: &Caller, owner: Option<String>) -> Answer<Option<String>> {
    let Some(owner) = owner else { return Ok(caller.owner()) };
    caller.check_may(Permission::Represent)?;
    check_name("`owner_id`", &owner)?;
    Ok(Some(owner))
}

/// Those of the workflow were checked; those of the request were not.
fn check_labels(plan: &Plan) -> Answer<()> {
    if plan.labels.len() > LABELS_MAX {
        let message = format!("the run has {} labels, and at most {LABELS_MAX} are allowed", plan.labels.len());
        return Err(Refused::new(Code::OverLimit, message));
    }
    let wrong = plan.labels.iter().filter_map(|(key, value)| {
        let message = match () {
            () if !is_name(key) => "the name of a label has 1 to 128 bytes of `[A-Za-z0-9._-]`".to_owned(),
            () if value.len() > LABEL_BYTES_MAX => format!("a label has at most {LABEL_BYTES_MAX} bytes"),
            () if value.contains('\0') => "a label holds no NUL character".to_owned(),
            () => return None,
        };
        Some(Fault { pointer: format!("/labels{}", member(key)), message, ..Fault::default() })
    });
    let wrong: Vec<Fault> = wrong.collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Refused::new(Code::InvalidBody, format!("the labels are wrong: {}", wrong[0].message)).errors(wrong))
}

/// The run that has this one's name already, if it was made by the same request.
async fn existing(look: Look<'_>, new: &NewRun) -> Answer<Option<RunRow>> {
    let Some(name) = &new.external_id else { return Ok(None) };
    let Some(id) = look.store.run_by_external_id(new.workspace, name).await? else { return Ok(None) };
    let taken = || Refused::new(Code::Conflict, format!("`{name}` names another run already"));
    // What is not there for the caller has no id for it either.
    let row = look.run(id).await?.ok_or_else(taken)?;
    let stored = look.store.plans(look.scope, &[id]).await?.pop();
    let stored = stored.ok_or_else(|| Refused::new(Code::Internal, format!("`{id}` has no plan")))?;
    let is_same = plan(&stored)? == new.plan
        && stored.input.value() == new.input.value()
        && row.priority == new.priority.unwrap_or(new.plan.priority)
        && row.owner == new.owner
        && row.triggered_by == new.triggered_by.word();
    if is_same {
        return Ok(Some(row));
    }
    let message = format!("`{name}` names another run already: {id}");
    Err(Refused::new(Code::Conflict, message)
        .hint("send the same workflow, input, labels and priority, or another name"))
}

//! `POST /runs`.
//!
//! A run with a name of the client's is created once: its `external_id`, or the `Idempotency-Key`, which is kept as one.
//! That it is unique is held by the index of the store, in the transaction that creates the run, so it holds between
//! servers and across a crash: whoever got no answer asks again, and finds the run or creates it. The answer is made of
//! what never changes, so nothing else has to be remembered. An id that is derived from the key would do the same, but
//! the head of an id is its time: runs would be listed out of order.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use ork_api::{Fault, Submit, Submitted};
use ork_core::access::Permission;
use ork_core::error::StoreError;
use ork_core::graph::{NewRun, Pin, RevisionRef, TriggeredBy, birth};
use ork_core::json::{Json as Stored, JsonError};
use ork_core::limits::{EXTERNAL_ID_BYTES_MAX, LABEL_BYTES_MAX, LABELS_MAX, is_name};
use ork_core::plan::Plan;
use ork_core::store::{RunRow, Scope};
use ork_core::webhook::{PlanWebhook, RunWebhook, Wanted};

use crate::caller::Caller;
use crate::content::{Content, member};
use crate::look::Look;
use crate::prompts;
use crate::refused::{Answer, Code, Refused};
use crate::retry;
use crate::server::Server;
use crate::source::Sent;
use crate::view::moment;
use crate::webhooks::Asked;
use crate::webhooks::desk::{is_same as is_same_webhook, run_webhook};
use crate::why::plan;
use crate::workflows;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Names of runs that schedules and hooks start: whoever took one would keep that run from being created.
const OWN_NAMES: [&str; 2] = ["schedule/", "hook/"];

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
) -> Answer<Accepted> {
    let look = server.look(&caller);
    let external_id = name(&headers, submit.external_id.as_deref())?;
    for _ in 0..TRIES_MAX {
        let old = named(look, external_id.as_deref()).await?;
        let (text, revision) = wanted(look, &submit, old.as_ref()).await?;
        let mut new =
            NewRun { external_id: external_id.clone(), revision, ..new_run(&server, &caller, &submit, &text)? };
        pin(look, &text.sent(), &mut new, old.as_ref()).await?;
        if let Some(row) = accept(&server, look, &new, old).await? {
            return Ok(answer(row));
        }
    }
    Err(Refused::new(Code::Conflict, "another run has this name"))
}

/// A run that was accepted, and where it is.
pub type Accepted = (StatusCode, [(HeaderName, String); 1], Json<Submitted>);

/// A second time finds the run that somebody else created meanwhile under the same name.
pub const TRIES_MAX: usize = 2;

/// The answer for a run. Nothing of it changes, so that sending a request again gives the same.
pub fn answer(row: RunRow) -> Accepted {
    let location = format!("/api/v1/runs/{}", row.id);
    (StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(submitted(row)))
}

/// A run that was accepted.
pub fn submitted(row: RunRow) -> Submitted {
    Submitted {
        id: row.id.to_string(),
        name: row.name,
        external_id: row.external_id,
        created_at: moment(row.created_at),
    }
}

/// A workflow's text with what else is known of it.
struct Text<'a> {
    member: &'static str,
    name: &'a str,
    text: Cow<'a, str>,
}

impl Text<'_> {
    fn sent(&self) -> Sent<'_> {
        Sent { member: self.member, text: &self.text }
    }
}

/// Says which versions of prompts the run keeps: the newest, but for a request that was carried out before.
async fn pin(look: Look<'_>, sent: &Sent<'_>, new: &mut NewRun, old: Option<&RunRow>) -> Answer<()> {
    if let Some(old) = old {
        let stored = look.store.plans(look.scope, &[old.id]).await?.pop();
        new.plan.prompts = stored.map(|stored| plan(&stored)).transpose()?.unwrap_or_default().prompts;
    }
    let unfit = prompts::pin(look.store, new.workspace, &mut new.plan).await?;
    if unfit.is_empty() { Ok(()) } else { Err(sent.refuse_prompts(unfit)) }
}

/// The text that is to be run. A name means the newest revision, but for a request that was carried out before: then it
/// means the one that it meant then.
async fn wanted<'a>(
    look: Look<'_>,
    submit: &'a Submit,
    old: Option<&RunRow>,
) -> Answer<(Text<'a>, Option<RevisionRef>)> {
    let Some(name) = submit.workflow.as_deref() else {
        let Sent { member, text } = Sent::of(submit.source.as_deref(), submit.plan.as_deref())?;
        return Ok((Text { member, name: member, text: text.into() }, None));
    };
    if submit.source.is_some() || submit.plan.is_some() {
        let message = "`workflow`, `source` and `plan` exclude each other";
        return Err(Refused::new(Code::InvalidBody, message).hint("send one of them"));
    }
    if !is_name(name) {
        return Err(no_workflow(name));
    }
    let text = |source: String| Text { member: "workflow", name, text: source.into() };
    if let Some(of) = old.filter(|old| old.name == name).and_then(|old| old.revision)
        && let Some(source) = look.store.revision_source(look.scope, of.revision).await?
    {
        return Ok((text(source), Some(of)));
    }
    let (of, source) = workflows::newest(look, name).await?.ok_or_else(|| no_workflow(name))?;
    Ok((text(source), Some(of)))
}

fn no_workflow(name: &str) -> Refused {
    if is_name(name) {
        return Refused::missing(format_args!("workflow `{name}`")).hint("GET /workflows lists them");
    }
    let message = "`workflow` is the name of a stored workflow, and this is none";
    Refused::new(Code::InvalidBody, message).hint("send the text of one as `source`")
}

fn new_run(server: &Server, caller: &Caller, submit: &Submit, text: &Text<'_>) -> Answer<NewRun> {
    let sent = text.sent();
    let bound = sent.parse(text.name).and_then(|workflow| workflow.bind(&submit.input));
    let mut bound = bound.map_err(|diagnostics| sent.refuse(&diagnostics))?;
    bound.plan.labels.extend(submit.labels.clone());
    check_labels(&bound.plan)?;
    let is_stored = text.member == "workflow";
    if !is_stored && reads_secrets(&bound.plan) {
        // A task can give away what it reads, so this is for those who may say what stored workflows do.
        let or_stored = |refused: Refused| refused.hint("run a stored workflow that reads the secret");
        caller.check_may(Permission::Edit).map_err(or_stored)?;
    }
    let webhook = webhook(server, caller, submit, &bound.plan)?;
    Ok(NewRun {
        id: server.new_run_id(),
        workspace: caller.workspace,
        external_id: None,
        owner: owner(caller, submit.owner_id.clone())?,
        plan: bound.plan,
        plan_source: (!is_stored).then(|| text.text.as_ref().to_owned()),
        revision: None,
        input: Stored::from_value(&bound.input).map_err(refuse_input)?,
        priority: submit.priority,
        pin: Pin::Anywhere,
        project: None,
        triggered_by: TriggeredBy::Api,
        retry_of: None,
        reuse: Vec::new(),
        webhook,
        actor: caller.actor.clone(),
        now: server.clock.now(),
    })
}

fn reads_secrets(plan: &Plan) -> bool {
    let signs = plan.webhook.as_ref().is_some_and(|webhook| webhook.secret.is_some());
    signs || plan.nodes.iter().any(|node| !ork_workflow::secrets(node).is_empty())
}

/// Whom the run tells of itself: as the request says, else as the workflow does.
fn webhook(server: &Server, caller: &Caller, submit: &Submit, plan: &Plan) -> Answer<Option<RunWebhook>> {
    let Some(asked) = &submit.webhook else { return Ok(plan.webhook.as_ref().map(PlanWebhook::of_run)) };
    let asked = Asked {
        url: &asked.url,
        secret: asked.secret.as_deref(),
        events: asked.events.as_deref(),
        format: asked.format.as_deref(),
    };
    let wish = asked.check().map_err(|wrong| {
        let detail = format!("`webhook.{}` is wrong: {}", wrong.field, wrong.message);
        Refused::new(Code::InvalidBody, detail).errors(vec![wrong.fault("/webhook")])
    })?;
    let webhook = server.with_entropy(|entropy| run_webhook(wish, caller.workspace, &server.vault, entropy))?;
    Ok(Some(webhook))
}

/// Inputs that cannot be stored.
pub fn refuse_input(error: JsonError) -> Refused {
    let is_limit = matches!(error, JsonError::TooLarge { .. } | JsonError::TooDeep);
    let code = if is_limit { Code::OverLimit } else { Code::InvalidBody };
    Refused::new(code, format!("the inputs: {error}"))
}

/// The client's name for a request.
pub fn idempotency_key(headers: &HeaderMap) -> Answer<Option<String>> {
    match headers.get(IDEMPOTENCY_KEY).map(|value| value.to_str()) {
        None => Ok(None),
        Some(Ok(key)) => Ok(Some(key.to_owned())),
        Some(Err(_)) => Err(Refused::new(Code::InvalidRequest, "`Idempotency-Key` is not plain text")),
    }
}

/// The client's name for the run.
pub fn name(headers: &HeaderMap, external_id: Option<&str>) -> Answer<Option<String>> {
    let key = idempotency_key(headers)?;
    if let (Some(key), Some(id)) = (&key, external_id)
        && key != id
    {
        let message = "`Idempotency-Key` and `external_id` differ, and a run has one name of yours";
        return Err(Refused::new(Code::InvalidRequest, message).hint("send one of them"));
    }
    let (what, name) = match (key, external_id) {
        (_, Some(id)) => ("`external_id`", id.to_owned()),
        (Some(key), None) => ("`Idempotency-Key`", key),
        (None, None) => return Ok(None),
    };
    check_name(what, &name)?;
    if let Some(own) = OWN_NAMES.iter().find(|own| name.starts_with(**own)) {
        return Err(Refused::new(
            Code::InvalidRequest,
            format!("{what} begins with `{own}`, as names do that Ork gives"),
        ));
    }
    Ok(Some(name))
}

pub fn check_name(what: &str, name: &str) -> Answer<()> {
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

/// The run that has this name.
pub async fn named(look: Look<'_>, external_id: Option<&str>) -> Answer<Option<RunRow>> {
    let (Some(name), Scope::One(workspace)) = (external_id, look.scope) else { return Ok(None) };
    match look.store.run_by_external_id(workspace, name).await? {
        // What is not there for the caller has no id for it either.
        Some(id) => {
            let taken = || Refused::new(Code::Conflict, format!("`{name}` names another run already"));
            look.run(id).await?.map(Some).ok_or_else(taken)
        }
        None => Ok(None),
    }
}

/// Creates a run, or finds the one that the same request created; `None` when somebody else was faster with the same name.
pub async fn accept(server: &Server, look: Look<'_>, new: &NewRun, old: Option<RunRow>) -> Answer<Option<RunRow>> {
    let Some(row) = old else {
        return match look.store.submit(new).await {
            Ok(_) => Ok(Some(super::row(look, new.id).await?)),
            Err(StoreError::Conflict(_)) if new.external_id.is_some() => Ok(None),
            Err(error) => Err(error.into()),
        };
    };
    if is_same(server, look, new, &row).await? {
        return Ok(Some(row));
    }
    let message = format!("`{}` names another run already: {}", row.external_id.unwrap_or_default(), row.id);
    Err(Refused::new(Code::Conflict, message)
        .hint("send the same workflow, input, labels and priority, or another name"))
}

/// Whether a run is what this request would create.
async fn is_same(server: &Server, look: Look<'_>, new: &NewRun, row: &RunRow) -> Answer<bool> {
    let stored = look.store.plans(look.scope, &[row.id]).await?.pop();
    let stored = stored.ok_or_else(|| Refused::new(Code::Internal, format!("`{}` has no plan", row.id)))?;
    let is_same = plan(&stored)? == new.plan
        && stored.input.value() == new.input.value()
        && row.priority == new.priority.unwrap_or(new.plan.priority)
        && row.owner == new.owner
        && row.triggered_by == new.triggered_by.word()
        && row.retry_of == new.retry_of
        && row.revision == new.revision
        && is_same_webhook(stored.webhook.as_ref(), new.webhook.as_ref(), new.workspace, &server.vault);
    if !is_same || new.retry_of.is_none() {
        return Ok(is_same);
    }
    Ok(retry::taken_over(look, row).await? == birth(new, Wanted::default()).reused_from.into_keys().collect())
}

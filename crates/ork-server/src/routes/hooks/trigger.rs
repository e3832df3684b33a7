//! `POST /hooks/{name}`.
//!
//! ```text
//! body ── whose hook? ── signed with its secret, about now? ── JSON ── inputs ── plan ──► run
//!         └──────── one answer for all that is wrong ───────┘
//! ```
//!
//! The id of a message is the run's `external_id`, which is unique: that a message counts once is held by the index of the store, in
//! the transaction that creates the run. So neither a crash in between nor another server lets one through a second time, and a
//! message that could not be carried out has used nothing up.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ork_api::Submitted;
use ork_core::error::StoreError;
use ork_core::event::{Actor, ActorKind};
use ork_core::graph::{NewRun, Pin, TriggeredBy};
use ork_core::store::{HookRow, Scope, Store};
use ork_core::webhook::PlanWebhook;
use serde_json::{Map, Value};

use crate::content::{NamePath, RawContent, check_type};
use crate::hooks::{inputs, place};
use crate::look::Look;
use crate::prompts;
use crate::refused::{Answer, Code, Refused};
use crate::routes::runs::{refuse_input, submitted};
use crate::server::Server;
use crate::source::Sent;
use crate::webhooks::signature::{Signed, SigningKey};
use crate::workflows;

/// Bytes of a key that could be one.
const KEY_BYTES_MAX: usize = 64;

/// Start a run by a message of somebody else.
///
/// The message is one of Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature` over the bytes of the body,
/// which is a JSON object. It must be signed with the hook's secret, at most five minutes ago, and its id counts once: a message
/// that comes again is refused with 409, and its run is named. Whatever is wrong with its signature is answered in one way.
#[utoipa::path(
    post,
    path = "/hooks/{name}",
    tag = "hooks",
    params(
        ("name" = String, Path, description = "The end of a hook's path, which is no secret alone"),
        ("webhook-id" = String, Header, description = "The message's id"),
        ("webhook-timestamp" = String, Header, description = "Seconds since 1970"),
        ("webhook-signature" = String, Header, description = "`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; several between blanks"),
    ),
    request_body = Object,
    responses((status = 202, description = "The run was accepted", body = Submitted)),
)]
pub async fn trigger(
    State(server): State<Arc<Server>>,
    NamePath(key): NamePath,
    headers: HeaderMap,
    RawContent(body): RawContent,
) -> Answer<(StatusCode, Json<Submitted>)> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signed = Signed {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signatures: header("webhook-signature"),
        body: &body,
    };
    let hook = verified(&server, &key, signed).await?;
    check_type(&headers)?;
    let body: Map<String, Value> = serde_json::from_slice(&body)
        .map_err(|error| Refused::new(Code::InvalidBody, format!("the body is no JSON object: {error}")))?;
    let given = inputs(&hook, body)
        .map_err(|error| Refused::new(Code::InvalidWorkflow, format!("the hook's `input`: {error}")))?;
    let store = Arc::clone(&server.store).tenant(hook.workspace, None);
    let external_id = format!("hook/{}/{}", hook.name, signed.id);
    let new = NewRun { external_id: Some(external_id), ..new_run(&server, store.as_ref(), &hook, given).await? };
    match store.submit(&new).await {
        Ok(_) => {}
        Err(StoreError::Conflict(_)) => {
            let before =
                store.run_by_external_id(hook.workspace, new.external_id.as_deref().unwrap_or_default()).await?;
            let run = before.map(|run| format!(": it started `{run}`")).unwrap_or_default();
            return Err(Refused::new(Code::Conflict, format!("this message came before{run}")));
        }
        Err(error) => return Err(error.into()),
    }
    let row = store.run(Scope::One(hook.workspace), new.id).await?;
    let row = row.ok_or_else(|| Refused::new(Code::Internal, format!("`{}` is not there", new.id)))?;
    Ok((StatusCode::ACCEPTED, Json(submitted(row))))
}

/// The hook that a message is for, if it is signed for it. Nobody learns which of it was wrong.
async fn verified(server: &Server, key: &str, signed: Signed<'_>) -> Answer<HookRow> {
    let refused = || {
        Refused::new(Code::Unauthorized, "no message that this hook takes")
            .hint("webhook-id, webhook-timestamp, webhook-signature: v1,…")
    };
    let is_key = !key.is_empty() && key.len() <= KEY_BYTES_MAX && key.bytes().all(|b| b.is_ascii_alphanumeric());
    let hook = if is_key { server.store.hook_by_key(key).await? } else { None };
    let now = server.clock.now();
    let Some(hook) = hook else {
        // As long as it would take for one that is there.
        let nobodys = SigningKey::nobodys();
        std::hint::black_box(signed.is_genuine(std::slice::from_ref(&nobodys), now));
        return Err(refused());
    };
    let opened = server.vault.open(place(hook.workspace, &hook.key), &hook.secret);
    let secret = opened.map_err(|why| Refused::new(Code::Internal, format!("the hook's secret: {why}")))?;
    let read = SigningKey::read(secret.expose());
    let signing = read.map_err(|why| Refused::new(Code::Internal, format!("the hook's secret: {why}")))?;
    if signed.is_genuine(&[signing], now) { Ok(hook) } else { Err(refused()) }
}

async fn new_run(server: &Server, store: &dyn Store, hook: &HookRow, given: Map<String, Value>) -> Answer<NewRun> {
    let now = server.clock.now();
    let scope = Scope::One(hook.workspace);
    let look = Look { store, scope, only_owner: None, now, lives: server.lives.as_ref(), flags: &server.flags };
    let found = workflows::newest(look, &hook.workflow).await?;
    let missing = || Refused::new(Code::Conflict, format!("the workflow `{}` of this hook was deleted", hook.workflow));
    let (revision, text) = found.ok_or_else(missing)?;
    let sent = Sent { member: "workflow", text: &text };
    let bound = sent.parse(&hook.workflow).and_then(|workflow| workflow.bind(&given));
    let mut bound = bound.map_err(|diagnostics| sent.refuse(&diagnostics))?;
    let unfit = prompts::pin(store, hook.workspace, &mut bound.plan).await?;
    if !unfit.is_empty() {
        return Err(sent.refuse_prompts(unfit));
    }
    Ok(NewRun {
        id: server.new_run_id(),
        workspace: hook.workspace,
        external_id: None,
        owner: None,
        webhook: bound.plan.webhook.as_ref().map(PlanWebhook::of_run),
        input: ork_core::json::Json::from_value(&bound.input).map_err(refuse_input)?,
        plan: bound.plan,
        plan_source: None,
        revision: Some(revision),
        priority: None,
        pin: Pin::Anywhere,
        project: None,
        triggered_by: TriggeredBy::Hook,
        retry_of: None,
        reuse: Vec::new(),
        actor: Actor { kind: ActorKind::Service, id: format!("hook/{}", hook.name) },
        now,
    })
}

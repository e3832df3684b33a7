//! `POST /runs/{id}/retry`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use ork_api::{Fault, Retry, Submitted};
use ork_core::graph::NewRun;
use ork_core::store::RunRow;
use ork_core::suggest::{list, nearest};

use super::create::{Accepted, TRIES_MAX, accept, answer, name, named, refuse_input};
use crate::caller::Caller;
use crate::content::{MaybeContent, RunPath};
use crate::refused::{Answer, Code, Refused};
use crate::retry::{Unfit, Wish, again};
use crate::server::Server;
use crate::source::Sent;

/// Do a run again.
///
/// The run stays as it is; a new one does the same plan, with what succeeded taken over. Without a body it does what did not
/// succeed. With an `Idempotency-Key`, or an `external_id`, the same request creates one run however often it is sent.
#[utoipa::path(
    post,
    path = "/runs/{id}/retry",
    tag = "runs",
    params(
        ("id" = String, Path, description = "A run that is over"),
        ("idempotency-key" = Option<String>, Header, description = "A name of yours for this request, 1 to 256 bytes; it becomes the new run's `external_id`."),
    ),
    request_body = Option<Retry>,
    responses((status = 202, description = "The new run was accepted", body = Submitted, headers(("location" = String, description = "The new run")))),
)]
pub async fn retry(
    State(server): State<Arc<Server>>,
    caller: Caller,
    RunPath(id): RunPath,
    headers: HeaderMap,
    MaybeContent(ask): MaybeContent<Retry>,
) -> Answer<Accepted> {
    let look = server.look(&caller);
    let external_id = name(&headers, ask.external_id.as_deref())?;
    let row = super::row(look, id).await?;
    if row.in_process {
        let message = format!("`{id}` was carried by `ork run`, in a folder that this server does not know");
        return Err(Refused::new(Code::Conflict, message).hint(format!("on its machine: ork runs retry {id}")));
    }
    let all = ask.failed_only == Some(false);
    if all && ask.from.is_some() {
        let message = "`from` takes over what succeeded, and `failed_only: false` does not";
        return Err(Refused::new(Code::InvalidBody, message).hint("send one of them"));
    }
    let wish = Wish { all, from: ask.from.as_deref(), input: &ask.input };
    for _ in 0..TRIES_MAX {
        let old = named(look, external_id.as_deref()).await?;
        let again = again(look, &row, wish).await.map_err(|unfit| refuse(&row, wish, unfit))?;
        let new = again.new_run(&row, server.new_run_id(), (&caller.actor, look.now));
        if let Some(row) = accept(&server, look, &NewRun { external_id: external_id.clone(), ..new }, old).await? {
            return Ok(answer(row));
        }
    }
    Err(Refused::new(Code::Conflict, "another run has this name"))
}

fn refuse(run: &RunRow, wish: Wish<'_>, unfit: Unfit) -> Refused {
    let id = run.id;
    match unfit {
        Unfit::NotOver => {
            let message = format!("`{id}` is {}: only a run that is over can be done again", run.status);
            Refused::new(Code::Conflict, message)
        }
        Unfit::Nothing => Refused::new(Code::Conflict, format!("`{id}` succeeded: there is nothing to do again"))
            .hint("send `from`, `input`, or `failed_only: false`"),
        Unfit::NoTask(plan) => {
            let key = wish.from.unwrap_or_default();
            let keys: Vec<&str> = plan.nodes.iter().map(|node| node.key.as_str()).collect();
            let near = nearest(key, keys.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            let shown = &keys[..keys.len().min(KEYS_MAX)];
            let message = format!("`{}` has no task `{key}`", plan.name);
            let hint = near.unwrap_or_else(|| format!("its tasks: {}", list(shown)));
            let fault = Fault { pointer: "/from".to_owned(), message, hint: Some(hint), ..Fault::default() };
            Refused::new(Code::InvalidBody, format!("`from` is wrong: {}", fault.message)).errors(vec![fault])
        }
        Unfit::NoSource => {
            let message = format!("the text of the workflow of `{id}` is not kept, so its inputs cannot be changed");
            Refused::new(Code::Conflict, message).hint("create a run: POST /runs")
        }
        Unfit::Invalid(diagnostics) => Sent { member: "input", text: "" }.refuse(&diagnostics),
        Unfit::Prompts(unfit) => Sent { member: "input", text: "" }.refuse_prompts(unfit),
        Unfit::Input(error) => refuse_input(error),
        Unfit::Store(error) => error.into(),
    }
}

/// Tasks that a refusal lists.
const KEYS_MAX: usize = 12;

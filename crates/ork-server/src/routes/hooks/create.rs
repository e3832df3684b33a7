//! `POST /hooks`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ork_api::{HookSecret, NewHook};

use crate::caller::Caller;
use crate::content::Content;
use crate::hooks::{Wish, shape};
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;
use crate::workflows;

/// Make a hook: an address to which others send messages that start runs of a stored workflow.
///
/// The secret is in the answer and nowhere else. The address names no workspace, and its end is made at random.
#[utoipa::path(
    post,
    path = "/hooks",
    tag = "hooks",
    request_body = NewHook,
    responses((status = 201, description = "It was made", body = HookSecret)),
)]
pub async fn create(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Content(new): Content<NewHook>,
) -> Answer<(StatusCode, Json<HookSecret>)> {
    let look = server.look(&caller);
    let NewHook { name, workflow, secret, input } = new;
    let wish = Wish { name, workflow, secret, input };
    wish.check().map_err(|wrong| {
        let detail = format!("`{}` is wrong: {}", wrong.field, wrong.message);
        Refused::new(Code::InvalidBody, detail).errors(vec![wrong.fault("")])
    })?;
    if workflows::newest(look, &wish.workflow).await?.is_none() {
        return Err(Refused::missing(format_args!("workflow `{}`", wish.workflow)).hint("GET /workflows lists them"));
    }
    let mut entropy = server.fork_entropy();
    let (with, by) = ((look.store, server.vault.as_ref()), (caller.workspace, &caller.actor));
    let (row, secret) = wish.create(with, by, look.now, &mut entropy).await?;
    Ok((StatusCode::CREATED, Json(HookSecret { hook: shape(&row), secret })))
}

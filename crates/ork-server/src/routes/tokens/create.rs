//! `POST /tokens`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ork_api::{CreatedToken, Fault, NewToken};

use crate::caller::Caller;
use crate::content::Content;
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;
use crate::tokens::{Wanted, Wrong, mint, role};
use crate::view;

/// Make a token for the own workspace.
///
/// Its secret is in the answer and nowhere else. An admin may give any role; a token that is made with one that ends by
/// itself ends with it at the latest.
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "tokens",
    request_body = NewToken,
    responses((status = 201, description = "It was made", body = CreatedToken)),
)]
pub async fn create(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Content(new): Content<NewToken>,
) -> Answer<(StatusCode, Json<CreatedToken>)> {
    let look = server.look(&caller);
    let asked = new.expires_in_ms.map(|ms| look.now.plus_ms(ms));
    let wanted = Wanted {
        workspace: caller.workspace,
        name: new.name,
        role: role(&new.role).map_err(refuse)?,
        principal: new.principal,
        queues: new.queues,
        // What a token may do never grows, and neither does how long.
        expires_at: [asked, caller.expires_at].into_iter().flatten().min(),
        created_by: caller.actor.id.clone(),
    };
    wanted.check().map_err(refuse)?;
    let key = &server.door.key();
    let made = server.with_entropy(|entropy| mint(key, look.now, entropy));
    let (row, secret) = wanted.create(look.store, key, made, look.now).await?;
    server.door.close();
    Ok((StatusCode::CREATED, Json(view::created_token(&row, secret))))
}

fn refuse(wrong: Wrong) -> Refused {
    let Wrong { field, message, hint } = wrong;
    let detail = format!("`{field}` is wrong: {message}");
    let fault = Fault { pointer: format!("/{field}"), message, hint, ..Fault::default() };
    Refused::new(Code::InvalidBody, detail).errors(vec![fault])
}

//! `POST /links/{token}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use ork_api::{DecideByLink, Gate};

use super::page;
use crate::content::{NamePath, RawContent, check_type, parse};
use crate::gates::shape;
use crate::links::{Open, done, nothing};
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;

/// What forms of pages send.
const FORM: &str = "application/x-www-form-urlencoded";

/// Decide with a link.
///
/// As JSON, which is answered with JSON, or as the form of the link's page, which is answered with a page. A link that has ended,
/// was used, or was never made is answered by 404, whatever is wrong with it.
#[utoipa::path(
    post,
    path = "/links/{token}",
    tag = "gates",
    params(("token" = String, Path, description = "The end of a link's path")),
    request_body(content((DecideByLink = "application/json"), (DecideByLink = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is decided", content((Gate = "application/json"), (String = "text/html"))),
        (
            status = 404,
            description = "No such link, or not any more",
            content((ork_api::Problem = "application/problem+json"), (String = "text/html"))
        ),
    ),
)]
pub async fn decide(
    State(server): State<Arc<Server>>,
    NamePath(token): NamePath,
    headers: HeaderMap,
    RawContent(body): RawContent,
) -> Answer<Response> {
    let is_form = is_form(&headers);
    let none = || {
        if is_form { Ok(page(StatusCode::NOT_FOUND, nothing())) } else { Err(Refused::missing("link like that")) }
    };
    let Some(open) = Open::find(&server, &token).await? else { return none() };
    let sent = if is_form { form(&body)? } else { json(&headers, &body)? };
    match open.decide(&server, sent).await? {
        None => none(),
        Some(row) if is_form => Ok(page(StatusCode::OK, done(&row))),
        Some(row) => Ok(Json(shape(&row)).into_response()),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    declared.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(FORM))
}

fn json(headers: &HeaderMap, body: &[u8]) -> Answer<DecideByLink> {
    check_type(headers)?;
    let text = std::str::from_utf8(body);
    parse(text.map_err(|_| Refused::new(Code::InvalidBody, "the body is not UTF-8"))?)
}

/// A form is written as a query is.
fn form(body: &[u8]) -> Answer<DecideByLink> {
    let wrong = || Refused::new(Code::InvalidBody, "the form cannot be read: it has `decision` and `comment`");
    let text = std::str::from_utf8(body).map_err(|_| wrong())?;
    let uri: Uri = format!("/?{text}").parse().map_err(|_| wrong())?;
    Query::try_from_uri(&uri).map(|Query(sent)| sent).map_err(|_| wrong())
}

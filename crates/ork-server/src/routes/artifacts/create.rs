//! `POST /runs/{id}/artifacts`.
//!
//! Which of the three ways is meant is said by the type alone, never by what is in the body: a form is a form, JSON without a `name`
//! in the query is an address, and everything else is the bytes themselves.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use ork_api::{Artifact, ArtifactForm, NewArtifactByUrl};
use ork_core::artifact::{ArtifactAt, ArtifactRow};
use ork_core::blobs::Expected;
use ork_core::id::RunId;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use super::{Created, created, keeper};
use crate::artifacts::{
    BodySource, FilePart, Keeper, Multipart, Wish, address, announced, boundary, checksum, refuse_length,
};
use crate::caller::Caller;
use crate::content::{Asking, RunPath, bytes, parse};
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// What it is called: a relative path of at most 1,024 bytes. For bytes that are sent as they are.
    name: Option<String>,
    /// What it is, in a word; `file` by default.
    kind: Option<String>,
    /// The task that it is of: its id, `KEY`, or `KEY/INDEX` where there are siblings.
    task: Option<String>,
    /// What else there is to say: a JSON object of at most 16,384 bytes.
    meta: Option<String>,
    /// The SHA-256 of the bytes, 64 hexadecimal digits. The header `Repr-Digest` says the same.
    checksum: Option<String>,
}

/// Keep an artifact of a run.
///
/// In one of three ways, which the `Content-Type` tells apart. The bytes as they are, with `?name=` and whatever type they have.
/// A form (`multipart/form-data`) with the fields `name`, `kind`, `task`, `meta` and `checksum`, of which none must be there, and
/// then the file as `file`. Or, as JSON without `?name=`, the address of something that is elsewhere. Bytes are hashed as they
/// come and are not looked into; they have at most 64 GiB. A body that breaks off, that is longer or shorter than announced, or
/// has another checksum creates nothing. Each request that succeeds creates an artifact: who must not create two prepares an
/// upload.
#[utoipa::path(
    post,
    path = "/runs/{id}/artifacts",
    tag = "artifacts",
    params(
        ("id" = String, Path, description = "A run"),
        Ask,
        ("repr-digest" = Option<String>, Header, description = "`sha-256=:BASE64:`, the checksum of the bytes"),
    ),
    request_body(content(
        (NewArtifactByUrl = "application/json"),
        (String = "application/octet-stream"),
        (ArtifactForm = "multipart/form-data"),
    )),
    responses(
        (status = 201, description = "It is kept", body = Artifact, headers(("location" = String, description = "The artifact"))),
        (status = 411, description = "`length-required`", body = ork_api::Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn create(
    State(server): State<Arc<Server>>,
    caller: Caller,
    RunPath(run): RunPath,
    headers: HeaderMap,
    Asking(ask): Asking<Ask>,
    body: Body,
) -> Answer<Created> {
    let declared = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?").to_owned());
    let essence = declared.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    let keeper = keeper(&server, &caller, server.new_artifact_id());
    let row = match (essence.as_str(), ask.name.is_some()) {
        ("multipart/form-data", _) => {
            ask.refuse("a form")?;
            refuse_length(&headers)?;
            let form = Multipart::new(BodySource::new(body), &boundary(&declared.unwrap_or_default())?);
            by_form(&server, &keeper, run, form).await?
        }
        ("application/json", false) => {
            ask.refuse("JSON")?;
            let body = bytes(&headers, body).await?;
            let text = String::from_utf8(body).map_err(|_| Refused::new(Code::InvalidBody, "the body is not UTF-8"))?;
            by_url(&keeper, run, parse(&text)?).await?
        }
        (_, true) => {
            let expected = Expected {
                size: refuse_length(&headers)?,
                size_max: None,
                checksum: announced(&headers, ask.checksum.as_deref())?,
            };
            as_it_is(&server, &keeper, run, (ask.wish(declared)?, expected, body)).await?
        }
        (_, false) => {
            let refused = Refused::query("name", "it is missing: bytes that are sent as they are need one", None);
            return Err(refused.hint("?name=out/clip.mp4, a form, or JSON with a `url`"));
        }
    };
    created(keeper.look, &row).await
}

impl Ask {
    /// A form and JSON say everything in the body.
    fn refuse(&self, what: &str) -> Answer<()> {
        let parts = [
            ("name", &self.name),
            ("kind", &self.kind),
            ("task", &self.task),
            ("meta", &self.meta),
            ("checksum", &self.checksum),
        ];
        match parts.iter().find(|(_, value)| value.is_some()) {
            Some((name, _)) => Err(Refused::query(name, format!("{what} says it in the body"), None)),
            None => Ok(()),
        }
    }

    fn wish(self, content_type: Option<String>) -> Answer<Wish> {
        let wrong = |error| Refused::query("meta", format!("it is no JSON: {error}"), None);
        let meta = self.meta.as_deref().map(serde_json::from_str::<Value>).transpose().map_err(wrong)?;
        let name = self.name.unwrap_or_default();
        Ok(Wish { at: "?", name, kind: self.kind, content_type, task: self.task, meta })
    }
}

async fn as_it_is(
    server: &Server,
    keeper: &Keeper<'_>,
    run: RunId,
    (wish, expected, body): (Wish, Expected, Body),
) -> Answer<ArtifactRow> {
    let mut source = BodySource::new(body);
    let kept = async {
        let said = wish.check(keeper.look, run).await?;
        keeper.keep(server.blobs()?.as_ref(), (run, said), expected, &mut source).await
    };
    let kept = kept.await;
    source.judge(kept).await
}

async fn by_form(server: &Server, keeper: &Keeper<'_>, run: RunId, mut form: Multipart) -> Answer<ArtifactRow> {
    let mut fields = Ask::default();
    loop {
        let Some(part) = form.part().await? else {
            return Err(Refused::new(Code::InvalidBody, "the form has no file").hint("the last part is `file`"));
        };
        let place = match part.name.as_str() {
            "name" => &mut fields.name,
            "kind" => &mut fields.kind,
            "task" => &mut fields.task,
            "meta" => &mut fields.meta,
            "checksum" => &mut fields.checksum,
            "file" => {
                fields.name = fields.name.or(part.file);
                let kept = file(server, keeper, run, (fields, part.content_type, &mut form)).await;
                return form.judge(kept).await;
            }
            other => {
                let detail = format!("the form has a part `{}`, which nobody reads", other.escape_debug());
                return Err(Refused::new(Code::InvalidBody, detail));
            }
        };
        let text = form.text().await?;
        if place.replace(text).is_some() {
            return Err(Refused::new(Code::InvalidBody, format!("the form says `{}` twice", part.name)));
        }
    }
}

/// Keeps the file of a form, of which everything else was read.
async fn file(
    server: &Server,
    keeper: &Keeper<'_>,
    run: RunId,
    (fields, content_type, form): (Ask, Option<String>, &mut Multipart),
) -> Answer<ArtifactRow> {
    let expected = Expected {
        checksum: fields.checksum.as_deref().map(|text| sha256("/", text)).transpose()?,
        ..Expected::default()
    };
    let said = Wish { at: "/", ..fields.wish(content_type)? }.check(keeper.look, run).await?;
    keeper.keep(server.blobs()?.as_ref(), (run, said), expected, &mut FilePart(form)).await
}

async fn by_url(keeper: &Keeper<'_>, run: RunId, new: NewArtifactByUrl) -> Answer<ArtifactRow> {
    let NewArtifactByUrl { name, url, kind, content_type, size, checksum, task, meta } = new;
    address("/", &url)?;
    let checksum = checksum.as_deref().map(|text| sha256("/", text)).transpose()?;
    let said = Wish { at: "/", name, kind, content_type, task, meta }.check(keeper.look, run).await?;
    if size.is_some_and(|size| i64::try_from(size).is_err()) {
        return Err(Refused::new(Code::InvalidArtifact, "`size` is larger than anything"));
    }
    keeper.refer(run, said, ArtifactAt::Elsewhere { url, size, checksum }).await
}

pub(super) fn sha256(at: &str, text: &str) -> Answer<String> {
    let wrong = || crate::artifacts::refuse(at, "checksum", "a SHA-256 is 64 hexadecimal digits");
    checksum(text).ok_or_else(wrong)
}

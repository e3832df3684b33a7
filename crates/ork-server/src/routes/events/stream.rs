//! `GET /events/stream`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use ork_core::feed::FeedPosition;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::Asking;
use crate::live::{Tail, Topics};
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;

/// What a client that comes again sends by itself.
const LAST_EVENT_ID: &str = "last-event-id";

/// Tells nginx, and what else has learnt it, to pass on what comes as it comes.
const DO_NOT_GATHER: HeaderName = HeaderName::from_static("x-accel-buffering");

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// Up to 20, with commas between them: `runs` for what happens to the runs of the workspace, `run:ID` for all that
    /// happens in one run.
    topics: String,
    /// The `id` of the last event that was seen, or the `as_of` of an answer; only what comes after it is sent. Without it
    /// only what happens from now on. The header `Last-Event-ID` goes before it.
    after: Option<String>,
}

/// Follow events as they come.
///
/// A stream of server-sent events without an end. The `event` is the type, the `data` an event as `/runs/{id}/events` lists it,
/// the `id` a cursor: who comes again with the last one misses nothing and gets nothing twice, on any server of the
/// database. The events of a run come by their numbers. A comment comes every 15 s. After an event `reset` the cursor led
/// nowhere: look at everything anew; its `data` has the `as_of` that the stream goes on from.
#[utoipa::path(
    get,
    path = "/events/stream",
    tag = "events",
    params(Ask, ("Last-Event-ID" = Option<String>, Header, description = "As `after`; a browser sends it by itself")),
    responses((status = 200, description = "Events", content_type = "text/event-stream", body = String)),
)]
pub async fn stream(
    State(server): State<Arc<Server>>,
    caller: Caller,
    headers: HeaderMap,
    Asking(ask): Asking<Ask>,
) -> Answer<Response> {
    let topics = Topics::parse(&ask.topics)?;
    let cursor = cursor(&headers, ask.after.as_deref())?;
    for run in topics.single() {
        super::super::runs::row(server.look(&caller), run).await?;
    }
    let tail = Tail::open(&server, caller, topics, cursor).await?;
    let texts = unfold(tail, async |mut tail| tail.next().await.map(|text| (Ok::<_, Infallible>(text), tail)));
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (DO_NOT_GATHER, "no")];
    Ok((headers, Body::from_stream(texts)).into_response())
}

fn cursor(headers: &HeaderMap, after: Option<&str>) -> Answer<Option<FeedPosition>> {
    let wrong = "it is no cursor of ours";
    if let Some(id) = headers.get(LAST_EVENT_ID).filter(|id| !id.is_empty()) {
        let id = id.to_str().ok().and_then(|id| id.parse().ok());
        return id.map(Some).ok_or_else(|| Refused::new(Code::InvalidRequest, format!("`Last-Event-ID`: {wrong}")));
    }
    after.map(|after| after.parse().map_err(|_| Refused::query("after", wrong, None))).transpose()
}

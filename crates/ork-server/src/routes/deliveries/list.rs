//! `GET /webhook-deliveries`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Delivery, Page};
use ork_core::clock::Timestamp;
use ork_core::id::{DeliveryId, RunId};
use ork_core::store::{DeliveryFilter, DeliveryRow, DeliveryStatus};
use ork_core::suggest::list as words;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::{Asking, limit, page};
use crate::refused::{Answer, Refused};
use crate::routes::endpoints::desk;
use crate::server::Server;
use crate::webhooks::show;

/// Which messages.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// Only those of this run.
    run: Option<String>,
    /// Only those for this endpoint, by its id or its name.
    endpoint: Option<String>,
    /// Only those that are `pending`, `delivered` or `failed`.
    status: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page, 1 to 200; 50 by default.
    limit: Option<u32>,
}

/// List messages that tell of runs, newest first, without what was sent.
#[utoipa::path(
    get,
    path = "/webhook-deliveries",
    tag = "webhooks",
    operation_id = "list_deliveries",
    params(Ask),
    responses((status = 200, description = "A page of messages", body = Page<Delivery>)),
)]
pub async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Page<Delivery>>> {
    let look = server.look(&caller);
    let limit = limit(ask.limit)?;
    let endpoint = match &ask.endpoint {
        Some(text) => Some(desk(&server, &caller).endpoint(text).await?.id),
        None => None,
    };
    let run = |text: &str| text.parse::<RunId>().map_err(|error| Refused::query("run", error.to_string(), None));
    let filter = DeliveryFilter {
        run: ask.run.as_deref().map(run).transpose()?,
        endpoint,
        status: ask.status.as_deref().map(status).transpose()?,
        before: ask.cursor.as_deref().map(place).transpose()?,
        limit: limit + 1,
    };
    let rows = look.store.deliveries(look.scope, &filter).await?;
    Ok(Json(page(rows, limit, cursor).map(show::delivery)))
}

fn status(word: &str) -> Answer<DeliveryStatus> {
    let known: Vec<&str> = DeliveryStatus::ALL.iter().map(|status| status.word()).collect();
    let wrong = || Refused::query("status", "there is no such status", Some(format!("one of {}", words(&known))));
    DeliveryStatus::from_word(word).ok_or_else(wrong)
}

/// Where a page ends.
fn cursor(row: &DeliveryRow) -> String {
    format!("{}.{}", row.created_at.micros(), row.id)
}

fn place(text: &str) -> Answer<(Timestamp, DeliveryId)> {
    let read = |text: &str| {
        let (at, id) = text.split_once('.')?;
        Some((Timestamp::from_micros(at.parse().ok()?), id.parse().ok()?))
    };
    read(text).ok_or_else(|| Refused::query("cursor", "it is none of ours", None))
}

//! `GET /runs/suggest`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ork_api::{Page, Suggestion};
use ork_core::limits::{FILTER_BYTES_MAX, PAGE_MAX};
use ork_core::store::{RunFilter, RunRow};
use ork_filter::{Known, complete, word_at};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::content::Asking;
use crate::refused::{Answer, Refused};
use crate::server::Server;

/// Words that are offered.
const WORDS_MAX: usize = 50;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// A filter, as far as it is typed.
    #[serde(default)]
    q: String,
    /// Where in it the cursor is, counted in characters; its end by default.
    at: Option<usize>,
}

/// Say how a filter of runs can go on.
///
/// The likeliest first, at most 50; names and labels are those of the newest 200 runs. There is one page.
#[utoipa::path(
    get,
    path = "/runs/suggest",
    tag = "runs",
    params(Ask),
    responses((status = 200, description = "The words that can stand there", body = Page<Suggestion>)),
)]
pub async fn suggest(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Asking(ask): Asking<Ask>,
) -> Answer<Json<Page<Suggestion>>> {
    if ask.q.len() > FILTER_BYTES_MAX {
        return Err(Refused::query("q", format!("a filter has at most {FILTER_BYTES_MAX} bytes"), None));
    }
    let look = server.look(&caller);
    let filter = look.own(RunFilter { limit: PAGE_MAX, ..RunFilter::default() });
    let known = known(&look.store.runs(look.scope, &filter).await?);
    let word = word_at(&ask.q, ask.at.unwrap_or(usize::MAX));
    let from = ask.q[..word.start].chars().count();
    let to = from + ask.q[word.clone()].chars().count();
    let typed = from + ask.at.map_or(to - from, |at| at.clamp(from, to) - from);
    // What stands behind the cursor is replaced, but says nothing about what is wanted.
    let prefix: String = ask.q.chars().take(typed).skip(from).collect();
    let offered = complete(&prefix, &known).into_iter().take(WORDS_MAX);
    let items = offered.map(|found| Suggestion { word: found.word, help: found.help, from, to }).collect();
    Ok(Json(Page { items, next_cursor: None }))
}

fn known(rows: &[RunRow]) -> Known {
    let names: BTreeSet<&String> = rows.iter().map(|row| &row.name).collect();
    let labels: BTreeSet<(&String, &String)> = rows.iter().flat_map(|row| &row.labels).collect();
    Known {
        names: names.into_iter().cloned().collect(),
        labels: labels.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
    }
}

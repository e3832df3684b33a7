//! `GET /readyz`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ork_api::{Check, Ready};
use ork_core::error::StoreError;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::content::Asking;
use crate::refused::Answer;
use crate::server::Server;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Ask {
    /// Whether to say what was looked at: `?verbose`.
    verbose: Option<String>,
}

/// Say whether the server can do its work.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "service",
    params(Ask),
    responses(
        (status = 200, description = "It can", body = Ready),
        (status = 503, description = "It cannot", body = Ready),
    ),
)]
pub async fn readyz(State(server): State<Arc<Server>>, Asking(ask): Asking<Ask>) -> Answer<(StatusCode, Json<Ready>)> {
    let mut checks = Vec::from(database(&server).await);
    checks.extend([clock(&server), draining(&server)]);
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let checks = if ask.verbose.is_some() { checks } else { Vec::new() };
    Ok((status, Json(Ready { ready, checks })))
}

fn check(name: &str, result: Result<impl Into<String>, String>) -> Check {
    let ok = result.is_ok();
    Check { name: name.to_owned(), ok, message: result.map_or_else(|message| message, Into::into) }
}

/// That it answers, that its schema is this build's, and what its commits wait for.
async fn database(server: &Server) -> [Check; 3] {
    let (database, schema, durability) = match server.store.check().await {
        Ok(weak) if weak.is_empty() => {
            (Ok("it answers"), Ok("it is that of this Ork"), "commits wait for the disk".into())
        }
        Ok(weak) => (Ok("it answers"), Ok("it is that of this Ork"), weak.join("; ")),
        Err(StoreError::Incompatible(text)) => (Ok("it answers"), Err(text), "not known".into()),
        Err(error) => (Err(error.to_string()), Ok("not known"), "not known".into()),
    };
    [check("database", database), check("schema", schema), check("durability", Ok(durability))]
}

fn clock(server: &Server) -> Check {
    let skew = (server.skew_ms)();
    let far = |ms: i64| Err(format!("that of the database is {ms} ms ahead of this machine's"));
    check("clock", skew.map_or(Ok("it is that of the database"), far))
}

fn draining(server: &Server) -> Check {
    let told = server.draining.load(Ordering::Relaxed);
    check("draining", if told { Err("it was told to stop".to_owned()) } else { Ok("nobody told it to stop") })
}

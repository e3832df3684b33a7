//! `GET /readyz`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ork_api::{Check, Ready};
use ork_core::store::Scope;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::content::Asking;
use crate::refused::Answer;
use crate::server::Server;

/// How far the database's clock may be from ours.
const SKEW_MS_MAX: u64 = 5_000;

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
    let checks = vec![database(&server).await, clock(&server).await, draining(&server)];
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let checks = if ask.verbose.is_some() { checks } else { Vec::new() };
    Ok((status, Json(Ready { ready, checks })))
}

fn check(name: &str, result: Result<&str, String>) -> Check {
    let ok = result.is_ok();
    Check { name: name.to_owned(), ok, message: result.map_or_else(|message| message, str::to_owned) }
}

async fn database(server: &Server) -> Check {
    let asked = server.store.run_ids(Scope::All, None, 1).await;
    check("database", asked.map(|_| "it answers").map_err(|error| error.to_string()))
}

async fn clock(server: &Server) -> Check {
    let now = server.clock.now();
    let ahead = match server.store.clock_ahead_micros(now).await {
        Ok(micros) => micros.unsigned_abs() / 1000,
        Err(error) => return check("clock", Err(error.to_string())),
    };
    check(
        "clock",
        if ahead <= SKEW_MS_MAX {
            Ok("it is that of the database")
        } else {
            Err(format!("it is {ahead} ms from that of the database, and at most {SKEW_MS_MAX} ms are allowed"))
        },
    )
}

fn draining(server: &Server) -> Check {
    let told = server.draining.load(Ordering::Relaxed);
    check("draining", if told { Err("it was told to stop".to_owned()) } else { Ok("nobody told it to stop") })
}

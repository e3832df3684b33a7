//! The HTTP API, and what it shares with the command line: how rows of the store are looked at and shown.
//!
//! ```text
//! request ── gate (host, origin, id, log) ── guard (whose token, what role) ──► routes/NOUN/VERB ── Look ──► ork_core::store::Store
//!                                                 └── view ──► ork_api ──► JSON
//! events ── Live ──► Tail, one for each stream
//! whatever goes wrong ── Refused ──► gate ──► application/problem+json
//! ```
//!
//! It knows no driver, no engine and no file: the executable hands it a [`Server`], whose parts are traits and functions.
//! Who asks is a [`Caller`], made in one place of the request's token, and of nothing else that it brings.
#![deny(missing_docs)]

pub mod artifacts;
pub mod budgets;
pub mod bulk;
mod caller;
mod content;
mod door;
mod gate;
pub mod gates;
pub mod graph;
mod guard;
pub mod hooks;
pub mod links;
mod listen;
mod live;
pub mod logs;
mod look;
mod metrics;
pub mod names;
mod patience;
pub mod prompts;
pub mod queues;
mod rates;
mod refused;
pub mod resolve;
pub mod retry;
pub mod reuse;
mod routes;
pub mod schedules;
pub mod seals;
pub mod secret;
pub mod secrets;
mod server;
mod source;
pub mod steps;
pub mod tells;
pub mod tokens;
pub mod view;
pub mod webhooks;
pub mod why;
pub mod workflows;

pub use caller::Caller;
pub use door::{Anybody, Door};
pub use gate::Exchange;
pub use listen::{CONNECTIONS_MAX, listen};
pub use live::{Live, LiveOptions};
pub use look::{Lives, Look};
pub use metrics::{Figure, Metrics};
pub use refused::{Answer, Code, Refused};
pub use routes::openapi;
pub use server::Server;

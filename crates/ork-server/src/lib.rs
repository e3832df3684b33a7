//! The HTTP API, and what it shares with the command line: how rows of the store are looked at and shown.
//!
//! ```text
//! request ── gate (host, origin, id, log) ──► routes/NOUN/VERB ── Look ──► ork_core::store::Store
//!                                                 └── view ──► ork_api ──► JSON
//! events ── Live ──► Tail, one for each stream
//! whatever goes wrong ── Refused ──► gate ──► application/problem+json
//! ```
//!
//! It knows no driver, no engine and no file: the executable hands it a [`Server`], whose parts are traits and functions.
//! Who asks is a [`Caller`], made in one place; today everybody who reaches the loopback address is the same one.
#![deny(missing_docs)]

pub mod bulk;
mod caller;
mod content;
mod gate;
pub mod graph;
mod listen;
mod live;
mod look;
pub mod names;
mod patience;
pub mod queues;
mod refused;
pub mod resolve;
pub mod retry;
pub mod reuse;
mod routes;
mod server;
mod source;
pub mod view;
pub mod why;
pub mod workflows;

pub use caller::Caller;
pub use gate::Exchange;
pub use listen::{LOOPBACK_ONLY, listen};
pub use live::{Live, LiveOptions};
pub use look::{Lives, Look};
pub use refused::{Answer, Code, Refused};
pub use routes::openapi;
pub use server::Server;

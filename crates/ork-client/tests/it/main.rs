//! Against servers that answer, that do not, and that are none.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod tls;
mod wire;

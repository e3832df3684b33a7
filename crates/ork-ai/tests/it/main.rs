//! Calls over real sockets: each thing that a provider may do, in both formats.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod ends;
mod keys;
mod refusals;
mod requests;
mod scene;
mod schemas;
mod stops;

//! Logs are the same however they are stored.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod reading;
mod shelf;

//! Attacks on the client, with real sockets; names are resolved by the test.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod attacks;
mod streams;

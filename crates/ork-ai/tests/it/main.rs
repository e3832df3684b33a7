//! Calls over real sockets.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

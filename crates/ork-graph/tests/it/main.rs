//! Pictures of plans and runs, byte for byte, and the promises of the layout over random graphs.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod golden;
mod hostile;
mod layouts;
mod plans;

//! The process executor against real processes.
#![allow(clippy::unwrap_used)] // clippy knows the tests themselves, not what they call

mod archives;
mod endings;
mod environment;
mod files;
mod keep;
mod logs;
mod steps;
mod stops;
mod strays;
mod world;

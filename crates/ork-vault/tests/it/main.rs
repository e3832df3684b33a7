//! The vault: what opens where, and what a masked stream shows.
#![allow(clippy::unwrap_used)] // tests

mod mask;
mod vault;

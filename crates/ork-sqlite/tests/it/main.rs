//! The store on SQLite, from outside.

mod artifacts;
mod conformance;
mod lifecycle;

//! The store on SQLite, from outside.

mod conformance;
mod lifecycle;

//! The store on SQLite, from outside.

mod bench;
mod lifecycle;

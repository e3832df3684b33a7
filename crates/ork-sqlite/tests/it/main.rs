//! The store on SQLite, from outside.

mod lifecycle;

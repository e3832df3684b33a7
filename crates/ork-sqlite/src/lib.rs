//! The store on SQLite.
//!
//! Transitions are plain functions of a connection, in one file per noun. [`SqliteStore`] runs them on one writer
//! thread that commits what gathered while the last commit was on its way to the disk, or, for the simulator, inline.
//! Readers go beside it on connections of their own.

mod access;
mod artifacts;
mod budgets;
mod bulk;
mod change;
mod claim;
mod connection;
mod deliveries;
mod endpoints;
mod enqueue;
mod events;
mod feed;
mod gates;
mod hooks;
mod inspect;
mod logs;
mod migrate;
mod pauses;
mod prompts;
mod retention;
mod rows;
mod runs;
mod schedules;
mod seals;
mod secrets;
mod settle;
mod sql;
mod steps;
mod store;
mod tasks;
mod tells;
mod transfer;
mod upkeep;
mod workers;
mod workflows;
mod works;
mod writer;

pub use connection::Durability;
pub use migrate::{Migration, MigrationState, migrate, migration_state, schema_version, verify};
pub use store::{SqliteOptions, SqliteStore};
pub use transfer::{SqliteSink, SqliteSource, backup};

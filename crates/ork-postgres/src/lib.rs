//! The store on PostgreSQL.
//!
//! A change is a [`store::Transition`]: it loads and locks rows (leases, then groups, then run heads, each in order), lets
//! `ork_core::graph` decide, and writes the answer with a number of statements that does not depend on how many tasks it
//! is about. It runs in a task of its own, so that no caller can leave a transaction half done.

mod access;
mod admit;
mod artifacts;
mod bell;
mod budgets;
mod bulk;
mod change;
mod claim;
mod conn;
mod deliveries;
mod endpoints;
mod events;
mod fault;
mod feed;
mod gates;
mod hooks;
mod inspect;
mod logs;
mod marks;
mod migrate;
mod pauses;
mod pool;
mod privileges;
mod prompts;
mod queue;
mod retention;
mod roles;
mod rows;
mod runs;
mod schedules;
mod seals;
mod secrets;
mod settle;
mod sql;
mod start;
mod steps;
mod store;
mod submit;
mod tasks;
mod tells;
mod tenant;
mod transfer;
mod upkeep;
mod verify;
mod workers;
mod workflows;
mod works;
mod writes;

pub use migrate::{Migration, migrate, migration_state};
pub use store::{PgOptions, PgStore};
pub use transfer::{PgSink, PgSource, tables};
pub use verify::{Verified, verify};

//! The engine in a simulated world with faults.
//!
//! The real engine works over the real SQLite store, in memory, in virtual time. A seed decides everything: plans,
//! what users do, which requests are lost before and after they took effect, outages of the database, nodes that die,
//! freeze and come back. The same seed gives the same trace.
//!
//! What is checked: Ork's own invariants on every stored run, and what an outside witness, the executors, saw. A world
//! in which no fault landed or nothing was settled proves nothing, and says so.
#![deny(missing_docs)]

pub mod audit;
pub mod behaviour;
pub mod blobs;
pub mod clock;
pub mod copy;
pub mod deliveries;
pub mod dice;
pub mod executor;
pub mod faults;
mod figures;
pub mod fleet;
pub mod kills;
pub mod life;
mod load;
pub mod locks;
pub mod logs;
pub mod nodes;
pub mod openapi;
pub mod outage;
mod past;
pub mod people;
pub mod plans;
pub mod reader;
mod receiver;
pub mod retention;
pub mod rounds;
pub mod rules;
pub mod scenario;
mod serving;
pub mod shrink;
pub mod storm;
pub mod stream;
pub mod trace;
pub mod uploads;
pub mod users;
pub mod waiting;
pub mod weather;
pub mod witness;
pub mod world;

pub use life::{Verdict, live};
pub use scenario::{Mode, Scenario};

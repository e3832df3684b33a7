//! The engine: loops over stored state, and one attempt as a pipeline of named steps.
//!
//! An [`Engine`] claims tasks, does their work by its [`Executors`], and settles them. Beside that it keeps the whole
//! database going: retries come due, groups are evaluated, dead workers' leases are given back. All of its state that
//! matters is in the store, so an engine can die at any moment; another one finds everything that it left.
//!
//! The engine knows no driver, no file and no clock of its own: store, time and randomness are handed in, it waits by
//! `tokio::time` only, and no loop needs a thread. That is what lets the simulator run it in virtual time.
//!
//! | loop | what it does |
//! |---|---|
//! | dispatcher | claims tasks when no settle takes a claim along |
//! | runner | starts claimed attempts, as many at once as there are slots |
//! | settler | settles outcomes, in batches that form while the last one is in flight, and claims what comes next |
//! | announcer | writes down starts and progress of attempts that last |
//! | scribe | stores logs |
//! | heart | says that the worker lives, and notices when it was declared dead |
//! | controls | brings cancel requests to the attempts that they concern |
//! | scheduler | promotes retries, gives slots, ends overdue runs, closes gates whose time is over, evaluates expressions |
//! | timekeeper | creates the runs of schedules |
//! | janitor | removes runs that are not kept any more, and bytes that no artifact names |
//! | packer | packs the logs of attempts that are over |
//! | sealer | seals the events of runs that are over |
//! | reaper | settles what dead workers left |
//! | listener | wakes the others when the store says that something changed |
#![deny(missing_docs)]

mod announcer;
mod assignment;
mod attempt;
mod backoff;
mod claims;
mod clock;
mod collector;
mod config;
mod controls;
mod courier;
mod desk;
mod dispatcher;
mod engine;
mod evaluation;
mod executors;
mod expressions;
mod figures;
mod handle;
mod health;
mod heart;
mod identity;
mod janitor;
mod keeper;
mod lines;
mod live;
mod liveness;
mod logs;
mod observe;
mod outputs;
mod pace;
mod packer;
mod parts;
mod plans;
mod prompts;
mod reaper;
mod runner;
mod scheduler;
mod sealer;
mod secrets;
mod settler;
mod spool;
mod steps;
mod timekeeper;

pub use clock::DatabaseClock;
pub use collector::{Removed, remove_loose};
pub use config::EngineConfig;
pub use courier::{Letter, Post, Sent};
pub use engine::Engine;
pub use executors::{Executors, Handler, HandlerContext, HandlerResult, Handlers};
pub use figures::{Figures, Meter};
pub use handle::EngineHandle;
pub use janitor::prune_all;
pub use liveness::{Liveness, NoLiveness};
pub use observe::{Observation, Observations, Subject};
pub use sealer::seal_run;
pub use spool::Spool;

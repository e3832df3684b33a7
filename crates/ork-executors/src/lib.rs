//! How a task's work is done, one module an executor.
//!
//! An executor knows the contract of `ork_core::executor` and nothing of runs, stores or leases. This build has one:
//! [`process`], which runs a program or a shell script on this machine (Linux).
#![deny(missing_docs)]

pub mod process;

pub use process::{ProcessConfig, ProcessExecutor};

//! What a run, a task, an attempt and a lease are, and which changes of them are legal.
//!
//! This crate knows no clock, no randomness, no runtime, no SQL and no file system. Rules are functions of
//! (state, command, now). The stores load rows, ask these functions, and write what they answer; that is why two
//! databases behave alike.
#![deny(missing_docs)]

pub mod access;
pub mod address;
pub mod ai;
pub mod artifact;
pub mod attempt;
pub mod blobs;
pub mod check;
pub mod checksum;
pub mod clock;
pub mod course;
pub mod error;
pub mod event;
pub mod executor;
pub mod feed;
pub mod glob;
pub mod graph;
pub mod id;
pub mod json;
pub mod ledger;
pub mod limits;
pub mod log;
pub mod media;
pub mod pin;
pub mod plan;
pub mod planted;
pub mod retry;
pub mod seal;
pub mod state;
pub mod step;
pub mod store;
pub mod suggest;
pub mod transfer;
pub mod webhook;
pub mod why;
pub mod workspace;

//! The real binary as a black box: arguments in, both streams and the exit code out. Each test has a home of its own.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod carried;
mod completions;
mod config;
mod docs;
mod files;
mod filters;
mod formats;
mod graph;
mod home;
mod init;
mod kills;
mod postgres;
mod runs;
mod signals;

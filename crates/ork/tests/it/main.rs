//! The real binary as a black box: arguments in, both streams and the exit code out. Each test has a home of its own.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod access;
mod again;
mod agent;
mod book;
mod carried;
mod completions;
mod config;
mod control;
mod diff;
mod docs;
mod events;
mod exits;
mod faces;
mod files;
mod filters;
mod formats;
mod gates;
mod graph;
mod home;
mod hooks;
mod http;
mod init;
mod keeping;
mod kills;
mod metrics;
mod moving;
mod operations;
mod packaging;
mod postgres;
mod progress;
mod prompts;
mod queues;
mod reference;
mod remote;
mod runs;
mod secrets;
mod server;
mod signals;
mod stream;
mod tasks;
mod terminal;
mod tokens;
mod webhooks;
mod why;

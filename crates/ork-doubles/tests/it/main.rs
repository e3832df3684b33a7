//! The doubles as their callers see them.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod llm;

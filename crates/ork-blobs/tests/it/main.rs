//! Places for bytes: a folder, and S3's protocol as moto speaks it. `ORK_TEST_S3` names the program `moto_server`; without it the
//! tests of S3 say that they are skipped, and in CI that is a failure.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod behaviour;
mod folder;
mod memory;
mod moto;
mod objects;
mod site;

//! A client of Ork's HTTP API.
#![deny(missing_docs)]

pub mod stream;

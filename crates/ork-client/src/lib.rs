//! A client of Ork's HTTP API: the shapes of `ork-api` in and out.
//!
//! What it asks a server for is bounded, however the server behaves: each call has a deadline, each body a limit, no
//! redirect is followed, and no proxy is used that nobody named. The token goes into the `Authorization` header and
//! nowhere else; over plain HTTP to a loopback address only.
//!
//! Its transport is `ork-http`, which goes wherever the server is: its user named it.
#![deny(missing_docs)]

mod address;
mod artifacts;
mod calls;
mod error;
mod gates;
mod live;
mod means;
pub mod stream;
mod token;
mod wire;

pub use address::Address;
pub use artifacts::{Artifacts, Download, NewUpload, Pieces};
pub use calls::{Chunks, Lines, Runs, Tasks};
pub use error::{ClientError, ClientResult};
pub use gates::Gates;
pub use live::Live;
pub use token::Token;
pub use wire::{Client, Options};

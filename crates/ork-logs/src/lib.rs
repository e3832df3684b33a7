//! Logs of attempts, once they are more than a few chunks: how a part is packed, how lines are found again, and how they are
//! searched.
//!
//! A [`Reader`] reads the log of any attempt from any process that reaches the database, and the artifact store if there is
//! one: packed, half packed or not at all. It reads one part to find a line, and is never in memory with more than a few.
#![deny(missing_docs)]

mod lines;
mod pack;
mod pattern;
mod reader;
mod scan;

pub use lines::{LineRow, LinesAsked, LinesFrom, LinesPage};
pub use pack::{pack, unpack};
pub use pattern::Pattern;
pub use reader::{Pieces, Reader, Whose};

//! The filter language for lists of runs: `status:failed label.team=media started>-2h`. The command line, the API and
//! the pages take the same words.
//!
//! ```text
//! text ── parse ──► Filter ── runs(now) ──► ork_core::store::RunFilter
//!                     └── Display ──► text that means the same
//! a word that is being typed ── complete ──► the words that it can become
//! ```
//!
//! A filter is words with blanks between them, and a run is listed when all of them are true of it. Nothing here does I/O
//! or reads a clock. All text is taken for hostile; [`ork_core::limits::FILTER_BYTES_MAX`] bounds it.
#![deny(missing_docs)]

mod complete;
mod filter;
mod moment;
mod parse;

pub use complete::{Completion, Known, complete, word_at};
pub use filter::{Bounds, Filter, Is, quoted};
pub use moment::{Moment, Unit};
pub use parse::FilterError;

//! A plan, or a run with the states of its tasks, as a picture.
//!
//! ```text
//! ork_core::plan::Plan ──► Graph (+ States of a run) ──► mermaid | dot   (their renderers do the layout)
//!                                                  └──► layout ──► svg | json
//! ```
//!
//! Nothing here does I/O or reads a clock: equal graphs give equal bytes. All text is taken for hostile: every format
//! escapes what it is handed, whatever was checked before.
#![deny(missing_docs)]

mod dot;
mod graph;
mod json;
mod label;
pub mod layout;
mod mermaid;
mod states;
mod svg;

pub use graph::{Graph, Node};
pub use states::States;

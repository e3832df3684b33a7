//! The core against one run in memory: random plans, random commands, and the examples that they found.

mod examples;
mod random;
pub(crate) mod steps;
pub(crate) mod world;

//! The simulator, short: the long form is `cargo xtask prove sim`.

mod planted;
mod seeds;

//! The vault: what opens where, and what a masked stream shows.

mod mask;
mod vault;

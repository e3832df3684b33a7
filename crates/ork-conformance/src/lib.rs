//! What every store must do, as a library with two entries: [`conformance`] runs named cases, [`random`] runs seeded
//! command sequences against a reference model.
//!
//! A store's own test hands in a factory of empty stores, each with the two workspaces [`WorkspaceId::DEFAULT`] and
//! [`OTHER`]:
//!
//! ```text
//! ork_conformance::conformance(fresh).await;
//! ork_conformance::random(fresh, 0..50, 200).await;
//! ```
//!
//! Both panic with what went wrong; `random` names the seed and the step, and the same seed always gives the same run.

mod bed;
mod cases;
mod compare;
mod feed;
pub mod model;
mod plans;
mod race;
mod random;
mod scene;

use ork_core::id::WorkspaceId;

pub use cases::{conformance, conformance_in_one_workspace, logged};
pub use feed::Reader;
pub use model::Model;
pub use race::{Raced, uploads_against_the_collector};
pub use random::random;
pub use scene::{carry_on, scene};

/// The second tenant of a store under test: the factory creates it.
pub const OTHER: WorkspaceId = WorkspaceId::from_uuid(uuid::Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0002));

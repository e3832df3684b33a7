//! Events.

use async_trait::async_trait;

use super::Scope;
use crate::error::StoreResult;
use crate::event::EventRow;
use crate::id::RunId;

/// Events of runs.
#[async_trait]
pub trait Events {
    /// The rows of a run that hold an event after number `after`, in order, at most `limit` rows.
    async fn events(&self, scope: Scope, run: RunId, after: u64, limit: u32) -> StoreResult<Vec<EventRow>>;
}

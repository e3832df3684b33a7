//! A store as the requests of one tenant use it.

use std::sync::Arc;

use ork_core::error::{StoreError, StoreResult};
use ork_core::id::WorkspaceId;
use ork_core::store::Scope;

use crate::store::PgStore;

/// Whose rows the policies of `ork_api` are to show.
#[derive(Debug, PartialEq, Eq)]
pub struct Tenant {
    workspace: WorkspaceId,
    /// As `ork.workspace` has it.
    pub workspace_text: String,
    /// As `ork.owner` has it: empty is everybody.
    pub owner: String,
}

impl PgStore {
    /// The same store for the requests of one workspace, and of one owner of runs if one is named: its statements run as
    /// `ork_api`, and PostgreSQL shows them nothing else, whatever they ask for.
    ///
    /// Its methods refuse [`Scope::All`] and other workspaces. It is cheap: one is made for each request.
    #[must_use]
    pub fn for_tenant(&self, workspace: WorkspaceId, owner: Option<&str>) -> Self {
        let workspace_text = workspace.uuid().to_string();
        let owner = owner.unwrap_or_default().to_owned();
        self.serving(Arc::new(Tenant { workspace, workspace_text, owner }))
    }

    /// Refuses what is outside of the tenant that this handle serves.
    pub(crate) fn admit(&self, scope: Scope) -> StoreResult<()> {
        match (self.tenant(), scope) {
            (None, _) => Ok(()),
            (Some(own), Scope::One(workspace)) if own.workspace == workspace => Ok(()),
            (Some(own), _) => Err(StoreError::NotFound(format!("such thing in workspace `{}`", own.workspace))),
        }
    }

    /// All that this handle serves.
    pub(crate) fn own_scope(&self) -> Scope {
        self.tenant().map_or(Scope::All, |own| Scope::One(own.workspace))
    }
}

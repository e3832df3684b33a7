//! Hooks: what others say to a workspace starts runs of its workflows.

use async_trait::async_trait;

use super::Scope;
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::id::WorkspaceId;
use crate::json::Json;

/// A hook.
#[derive(Debug, Clone, PartialEq)]
pub struct HookRow {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What people call it; no other one of the workspace has the name.
    pub name: String,
    /// What its address ends with. No other hook has it, of whatever workspace, and nobody guesses it: the address names no
    /// workspace.
    pub key: String,
    /// The stored workflow that it starts.
    pub workflow: String,
    /// What messages are signed with, sealed.
    pub secret: Vec<u8>,
    /// What the inputs are made of: an object with expressions over `body`; `None` means that the body is the inputs.
    pub input: Option<Json>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// Hooks.
#[async_trait]
pub trait Hooks {
    /// Creates one. Natural key: its key; the same again is no error, and changes nothing.
    ///
    /// # Errors
    /// `Conflict` when another one of the workspace has the name; `Limit` when there are
    /// [`crate::limits::HOOKS_MAX`].
    async fn create_hook(&self, new: &HookRow) -> StoreResult<()>;

    /// The hooks in scope, by workspace and name.
    async fn hooks(&self, scope: Scope) -> StoreResult<Vec<HookRow>>;

    /// The one with this key, of whatever workspace: the key is what says which one.
    async fn hook_by_key(&self, key: &str) -> StoreResult<Option<HookRow>>;

    /// Deletes one. False when there is none of that name.
    async fn delete_hook(&self, workspace: WorkspaceId, name: &str) -> StoreResult<bool>;
}

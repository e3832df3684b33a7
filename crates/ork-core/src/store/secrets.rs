//! Secrets, as they are stored: sealed with a key that the store does not know.

use std::fmt;

use async_trait::async_trait;

use super::Scope;
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::event::Actor;
use crate::id::{EndpointId, WorkspaceId};

/// A secret, but for what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRow {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Its name.
    pub name: String,
    /// The key that it is sealed with, by its name.
    pub key_id: String,
    /// When it was set first.
    pub created_at: Timestamp,
    /// Who set it last.
    pub updated_by: String,
    /// When.
    pub updated_at: Timestamp,
}

/// A secret to be stored.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Its name.
    pub name: String,
    /// The sealed text.
    pub sealed: Vec<u8>,
    /// The key that it is sealed with, by its name.
    pub key_id: String,
    /// Who sets it.
    pub actor: Actor,
    /// The present moment.
    pub now: Timestamp,
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSecret").field("name", &self.name).field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// A sealed text with its name.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// The secret's name.
    pub name: String,
    /// The sealed text.
    pub sealed: Vec<u8>,
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSecret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where a sealed text stands that stays for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealedAt {
    /// The secret of this name.
    Secret(String),
    /// What this endpoint's messages are signed with, or were before.
    Endpoint(EndpointId),
    /// What messages to the hook with this key are signed with.
    Hook(String),
}

/// The same text, sealed with another key.
#[derive(Clone, PartialEq, Eq)]
pub struct Reseal {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Where it stands.
    pub at: SealedAt,
    /// As it was sealed.
    pub old: Vec<u8>,
    /// As it is sealed now.
    pub new: Vec<u8>,
    /// The key of that, by its name.
    pub key_id: String,
}

impl fmt::Debug for Reseal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reseal").field("at", &self.at).field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// Secrets.
#[async_trait]
pub trait Secrets {
    /// Sets a secret; true when it is new. Natural key: its name. Whoever got no answer sets it again.
    ///
    /// # Errors
    /// `Limit` when the workspace has [`crate::limits::SECRETS_MAX`] others; `NotFound` when there is no such workspace.
    async fn set_secret(&self, new: &NewSecret) -> StoreResult<bool>;

    /// Secrets after this name, by name; at most `limit`. Of all workspaces: by workspace first, and only the first ones.
    async fn secrets(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<SecretRow>>;

    /// Those of a workspace that have these names, sealed, by name. One that is not there is left out.
    async fn sealed_secrets(&self, workspace: WorkspaceId, names: &[String]) -> StoreResult<Vec<SealedSecret>>;

    /// Deletes a secret. False when there is none of that name.
    async fn delete_secret(&self, workspace: WorkspaceId, name: &str) -> StoreResult<bool>;

    /// Replaces a sealed text by one that says the same. False when it is not what it was: somebody has set or sealed it since.
    async fn reseal(&self, reseal: &Reseal) -> StoreResult<bool>;
}

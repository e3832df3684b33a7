//! Workspaces, and the tokens that let their bearers in.

use std::fmt;

use async_trait::async_trait;

use super::Scope;
use crate::access::{Role, Settings};
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::id::{TokenId, WorkspaceId};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceRow {
    /// Its id.
    pub id: WorkspaceId,
    /// What people call it; no other has the name.
    pub name: String,
    /// What it decides for itself.
    pub settings: Settings,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A token, but for its secret, which nobody keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id.
    pub id: TokenId,
    /// The workspace that it is for.
    pub workspace: WorkspaceId,
    /// What people call it; no other one of the workspace that is not revoked has the name.
    pub name: String,
    /// Who its bearer is, in events and as the owner of runs.
    pub principal: String,
    /// What its bearer is.
    pub role: Role,
    /// The queues that a worker may serve; empty means all.
    pub queues: Vec<String>,
    /// The beginning of the secret, by which people tell tokens apart.
    pub prefix: String,
    /// The key that its hash was made with, by its name.
    pub key_id: String,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, give or take a minute.
    pub last_used_at: Option<Timestamp>,
    /// When somebody took it back.
    pub revoked_at: Option<Timestamp>,
}

/// The keyed hash of a token's secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// A token with the workspace that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The token.
    pub token: TokenRow,
    /// The workspace.
    pub workspace: WorkspaceRow,
}

/// Workspaces and tokens.
#[async_trait]
pub trait Access {
    /// Creates a workspace. The same id again is no error, and changes nothing.
    ///
    /// # Errors
    /// `Conflict` when another one has the name.
    async fn create_workspace(&self, workspace: &WorkspaceRow) -> StoreResult<()>;

    /// Workspaces in scope after this name, by name; at most `limit`.
    async fn workspaces(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkspaceRow>>;

    /// The workspace in scope that has this name, letter by letter.
    async fn workspace_by_name(&self, scope: Scope, name: &str) -> StoreResult<Option<WorkspaceRow>>;

    /// Changes what a workspace decides for itself. False when there is no such workspace.
    async fn set_workspace(&self, id: WorkspaceId, settings: &Settings) -> StoreResult<bool>;

    /// Creates a token. Natural key: its hash; the same token again is no error, and changes nothing.
    ///
    /// # Errors
    /// `Conflict` when another one of the workspace has the name and is not revoked; `NotFound` when there is no such
    /// workspace.
    async fn create_token(&self, token: &TokenRow, hash: TokenHash) -> StoreResult<()>;

    /// Tokens before this one, newest first, revoked and expired ones as well; at most `limit`.
    async fn tokens(&self, scope: Scope, before: Option<TokenId>, limit: u32) -> StoreResult<Vec<TokenRow>>;

    /// The token with this hash, revoked or expired ones as well: it is the caller who knows the time. Of any workspace,
    /// because a secret is what says which one.
    async fn token_by_hash(&self, hash: TokenHash) -> StoreResult<Option<Grant>>;

    /// Takes a token back. False when it was taken back before.
    ///
    /// # Errors
    /// `NotFound` when it does not exist or is not in scope.
    async fn revoke_token(&self, scope: Scope, id: TokenId, now: Timestamp) -> StoreResult<bool>;

    /// Notes that a token was used; an earlier moment than the one that is noted changes nothing. May be lost in a crash.
    async fn touch_token(&self, id: TokenId, now: Timestamp) -> StoreResult<()>;
}

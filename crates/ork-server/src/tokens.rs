//! Tokens: what one may be, and how it is made.

use ork_core::access::Role;
use ork_core::clock::{Entropy, Timestamp};
use ork_core::error::StoreResult;
use ork_core::id::{TokenId, WorkspaceId};
use ork_core::limits::{EXTERNAL_ID_BYTES_MAX, NAME_BYTES_MAX, is_name};
use ork_core::store::{Store, TokenRow};
use ork_core::suggest::nearest;

use crate::secret::{Minted, TokenKey};

/// A token to be made.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The workspace that it is for.
    pub workspace: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// What its bearer is.
    pub role: Role,
    /// Who its bearer is; by its name if nobody says so.
    pub principal: Option<String>,
    /// The queues that a worker may serve; empty means all.
    pub queues: Vec<String>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Who makes it.
    pub created_by: String,
}

/// What is wrong with it: the field, what, and the repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The field.
    pub field: &'static str,
    /// What.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What a name must be.
pub const NAME_RULE: &str = "a name has 1 to 128 bytes of `[A-Za-z0-9._-]`";

/// The role of a word.
///
/// # Errors
/// When there is no such role.
pub fn role(word: &str) -> Result<Role, Wrong> {
    Role::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = Role::ALL.iter().map(|role| role.word()).collect();
        let message = format!("a role is {}", words.join(", "));
        Wrong { field: "role", message, hint: nearest(word, words).map(|near| format!("did you mean `{near}`?")) }
    })
}

impl Wanted {
    /// What is wrong with it, if something is.
    ///
    /// # Errors
    /// The first thing.
    pub fn check(&self) -> Result<(), Wrong> {
        let wrong = |field, message: String| Err(Wrong { field, message, hint: None });
        if !is_name(&self.name) {
            return wrong("name", NAME_RULE.to_owned());
        }
        if let Some(principal) = &self.principal
            && (principal.is_empty()
                || principal.len() > EXTERNAL_ID_BYTES_MAX
                || principal.chars().any(char::is_control))
        {
            return wrong("principal", format!("1 to {EXTERNAL_ID_BYTES_MAX} bytes, and no control characters"));
        }
        if self.role != Role::Worker && !self.queues.is_empty() {
            return wrong("queues", format!("only a `worker` serves queues, and a `{}` does not", self.role.word()));
        }
        if self.queues.len() > NAME_BYTES_MAX || !self.queues.iter().all(|queue| is_name(queue)) {
            return wrong("queues", format!("up to {NAME_BYTES_MAX} names of queues; {NAME_RULE}"));
        }
        Ok(())
    }

    /// Makes it; its secret is in the answer and nowhere else. When the process dies before the answer, there is a token that
    /// nobody has the secret of: its name is taken, so whoever asks again is told, and revokes it.
    ///
    /// # Errors
    /// When the name is taken, there is no such workspace, or the store cannot be written.
    pub async fn create(
        self,
        store: &dyn Store,
        key: &TokenKey,
        made: (TokenId, Minted),
        now: Timestamp,
    ) -> StoreResult<(TokenRow, String)> {
        let (id, Minted { text, prefix, hash }) = made;
        let row = TokenRow {
            id,
            workspace: self.workspace,
            principal: self.principal.unwrap_or_else(|| self.name.clone()),
            name: self.name,
            role: self.role,
            queues: self.queues,
            prefix,
            key_id: key.id().to_owned(),
            created_by: self.created_by,
            created_at: now,
            expires_at: self.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        store.create_token(&row, hash).await?;
        Ok((row, text))
    }
}

/// An id and a secret for a new token.
pub fn mint(key: &TokenKey, now: Timestamp, entropy: &mut dyn Entropy) -> (TokenId, Minted) {
    (TokenId::new(now, entropy), key.mint(entropy))
}

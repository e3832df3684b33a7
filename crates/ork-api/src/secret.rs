//! Secrets: their names, never what they are.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a secret is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSecret {
    /// 8 characters to 64 KiB of text. It is sealed at once, and no request gives it back.
    pub value: String,
}

/// A secret, but for what it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Secret {
    /// Its name; workflows read it as `secrets.NAME`.
    pub name: String,
    /// The key that it is sealed with, by its name.
    pub key_id: String,
    /// When it was set first.
    pub created_at: String,
    /// Who set it last.
    pub updated_by: String,
    /// When.
    pub updated_at: String,
}

/// A secret that was set.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SecretSet {
    /// Its name.
    pub name: String,
    /// Whether it is new.
    pub created: bool,
}

/// A secret that was deleted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeletedSecret {
    /// Its name.
    pub name: String,
    /// Always true.
    pub deleted: bool,
}

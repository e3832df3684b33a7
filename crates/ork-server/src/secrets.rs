//! Secrets: what one may be, and how it is sealed.

use ork_core::clock::{Entropy, Timestamp};
use ork_core::event::Actor;
use ork_core::id::WorkspaceId;
use ork_core::limits::{SECRET_BYTES_MAX, SECRET_CHARS_MIN, is_name};
use ork_core::store::{NewSecret, SecretRow};
use ork_vault::{NoKey, Place, Secret, Vault, key_of};

use crate::tokens::NAME_RULE;
use crate::view::moment;

/// What is wrong with a secret, if something is. What it is does not stand in the answer.
///
/// # Errors
/// In words.
pub fn check(name: &str, secret: &Secret) -> Result<(), String> {
    let text = secret.expose();
    if !is_name(name) {
        return Err(format!("the name of a secret: {NAME_RULE}"));
    }
    if text.chars().count() < SECRET_CHARS_MIN {
        return Err(format!(
            "a secret has {SECRET_CHARS_MIN} characters at least: a shorter one could not be hidden in logs"
        ));
    }
    if text.len() > SECRET_BYTES_MAX {
        return Err(format!("a secret has {SECRET_BYTES_MAX} bytes at most"));
    }
    if text.contains('\0') {
        return Err("a secret holds no NUL character: no environment can hold one".to_owned());
    }
    Ok(())
}

/// A secret as it is stored.
///
/// # Errors
/// When there is no key to seal it with.
pub fn seal(
    vault: &Vault,
    (workspace, name): (WorkspaceId, &str),
    secret: &Secret,
    by: (&Actor, Timestamp),
    entropy: &mut dyn Entropy,
) -> Result<NewSecret, NoKey> {
    let sealed = vault.seal(Place::secret(workspace, name), secret, entropy)?;
    let key_id = key_of(&sealed).unwrap_or_default();
    Ok(NewSecret { workspace, name: name.to_owned(), sealed, key_id, actor: by.0.clone(), now: by.1 })
}

/// A secret as it is shown.
#[must_use]
pub fn shape(row: &SecretRow) -> ork_api::Secret {
    ork_api::Secret {
        name: row.name.clone(),
        key_id: row.key_id.clone(),
        created_at: moment(row.created_at),
        updated_by: row.updated_by.clone(),
        updated_at: moment(row.updated_at),
    }
}

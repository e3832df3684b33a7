//! Keys that seal events: one for each key of an installation, found again when that one is gone.

use std::collections::BTreeMap;

use ork_core::clock::{Entropy, Timestamp};
use ork_core::id::WorkspaceId;
use ork_core::seal::Key;
use ork_core::store::SealKeyRow;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::master::MasterKey;
use crate::secret::Secret;
use crate::vault::{NoKey, Place, Unopened, Vault, hex, key_of};

/// The bytes of a key that seals events.
#[derive(Clone)]
pub(crate) struct EventKey(Zeroizing<[u8; 32]>);

impl EventKey {
    pub(crate) fn of(master: &MasterKey) -> Self {
        Self(Zeroizing::new(master.derived("ork/events/seal")))
    }

    pub(crate) fn named(&self, id: &str) -> Key {
        Key::new(id, &self.0)
    }

    /// As a text, to be sealed itself.
    pub(crate) fn text(&self) -> Secret {
        Secret::new(hex(self.0.as_ref()))
    }

    fn parse(text: &Secret) -> Option<Self> {
        let text = text.expose();
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = Zeroizing::new([0; 32]);
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// Where the key of this name is sealed.
fn place(id: &str) -> Place<'_> {
    Place { workspace: WorkspaceId::from_uuid(Uuid::nil()), kind: "seal_key", name: id }
}

/// The keys that verify seals: those of a vault, and those that the database keeps of older ones.
pub struct Keyring<'a> {
    vault: &'a Vault,
    kept: BTreeMap<String, Key>,
}

impl<'a> Keyring<'a> {
    /// Of a vault and what the database keeps. What the vault cannot open is not there.
    #[must_use]
    pub fn new(vault: &'a Vault, kept: &[SealKeyRow]) -> Self {
        let open = |row: &SealKeyRow| {
            let text = vault.open(place(&row.key_id), &row.sealed).ok()?;
            Some((row.key_id.clone(), EventKey::parse(&text)?.named(&row.key_id)))
        };
        Self { vault, kept: kept.iter().filter_map(open).collect() }
    }

    /// The key of a name.
    #[must_use]
    pub fn key(&self, id: &str) -> Option<Key> {
        self.vault.event_key_of(id).or_else(|| self.kept.get(id).cloned())
    }
}

impl Vault {
    /// The keys that sealed events before the newest one, sealed with that, for the time when they are here no longer.
    ///
    /// # Errors
    /// When there is no key.
    pub fn kept_keys(&self, now: Timestamp, entropy: &mut dyn Entropy) -> Result<Vec<SealKeyRow>, NoKey> {
        let older = self.older_event_keys();
        older.into_iter().map(|(id, key)| self.keep(&id, &key.text(), now, entropy)).collect()
    }

    /// The same key, sealed with the newest one; `None` when it is already.
    ///
    /// # Errors
    /// When it does not open.
    pub fn keep_on(
        &self,
        row: &SealKeyRow,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Option<SealKeyRow>, Unopened> {
        if self.key_id() == key_of(&row.sealed) {
            return Ok(None);
        }
        let text = self.open(place(&row.key_id), &row.sealed)?;
        Ok(self.keep(&row.key_id, &text, now, entropy).ok())
    }

    fn keep(&self, id: &str, text: &Secret, now: Timestamp, entropy: &mut dyn Entropy) -> Result<SealKeyRow, NoKey> {
        let sealed = self.seal(place(id), text, entropy)?;
        let sealed_by = key_of(&sealed).unwrap_or_default();
        Ok(SealKeyRow { key_id: id.into(), sealed, sealed_by, sealed_at: now })
    }
}

//! Sealing and opening.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ork_core::clock::Entropy;
use ork_core::id::WorkspaceId;
use ork_core::seal::Key;
use zeroize::Zeroizing;

use crate::keyring::EventKey;
use crate::master::MasterKey;
use crate::secret::Secret;

/// The form of what is sealed, so that another one can follow.
const FORM: u8 = 1;
const ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 24;
const HEAD_BYTES: usize = 1 + ID_BYTES + NONCE_BYTES;

/// Where a sealed text stands. It opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What it is for, such as `secret`. Each use has a word of its own.
    pub kind: &'a str,
    /// Its name among those, such as a secret's name or the id of a row.
    pub name: &'a str,
}

impl<'a> Place<'a> {
    /// That of a secret of a workspace.
    #[must_use]
    pub const fn secret(workspace: WorkspaceId, name: &'a str) -> Self {
        Self { workspace, kind: "secret", name }
    }

    /// No two places have the same bytes: each part is as long as the number before it says.
    fn bytes(&self) -> Vec<u8> {
        let workspace = self.workspace.uuid();
        let parts = [workspace.as_bytes().as_slice(), self.kind.as_bytes(), self.name.as_bytes()];
        parts
            .iter()
            .flat_map(|part| (part.len() as u64).to_be_bytes().into_iter().chain(part.iter().copied()))
            .collect()
    }
}

/// There is no key to seal with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this process has no secret key")]
pub struct NoKey;

/// Why a sealed text did not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// It was sealed with a key that is not among ours.
    #[error("it was sealed with the key `{0}`, and this process has no such key")]
    UnknownKey(String),
    /// It was changed, or comes from another place.
    #[error("it was changed after it was sealed, or belongs to another name or workspace")]
    Damaged,
}

#[derive(Clone)]
struct Sealer {
    id: [u8; ID_BYTES],
    cipher: XChaCha20Poly1305,
    events: EventKey,
}

impl Sealer {
    fn new(master: &MasterKey) -> Self {
        let key = Zeroizing::new(master.derived("ork/vault/seal"));
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&master.derived("ork/vault/id")[..ID_BYTES]);
        // The cipher wipes its own copy when it is dropped.
        Self { id, cipher: XChaCha20Poly1305::new((&*key).into()), events: EventKey::of(master) }
    }
}

/// Where newer keys come from, when a text was sealed with one that is not known yet.
type Source = dyn Fn() -> Option<Vec<MasterKey>> + Send + Sync;

/// What seals and opens.
pub struct Vault {
    sealers: RwLock<Arc<Vec<Sealer>>>,
    again: Option<Box<Source>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

impl Vault {
    /// A vault with these keys: the first one seals, all open.
    #[must_use]
    pub fn new(keys: &[MasterKey]) -> Self {
        Self { sealers: RwLock::new(Arc::new(keys.iter().map(Sealer::new).collect())), again: None }
    }

    /// As [`Self::new`]. When a key is wanted that is not there, `again` is asked for all keys: it was not needed before, or
    /// somebody has changed them while this process was running.
    #[must_use]
    pub fn reading(keys: &[MasterKey], again: impl Fn() -> Option<Vec<MasterKey>> + Send + Sync + 'static) -> Self {
        Self { again: Some(Box::new(again)), ..Self::new(keys) }
    }

    /// The name of the key that seals, if there is one; it says nothing about the key.
    #[must_use]
    pub fn key_id(&self) -> Option<String> {
        self.newest().map(|sealer| hex(&sealer.id))
    }

    /// Seals a text for a place.
    ///
    /// # Errors
    /// When there is no key.
    pub fn seal(&self, place: Place<'_>, text: &Secret, entropy: &mut dyn Entropy) -> Result<Vec<u8>, NoKey> {
        // Somebody may have put another key in front; what is sealed with an older one would need that for as long as it stays.
        let sealer = self.look_again().and_then(|sealers| sealers.first().cloned()).or_else(|| self.newest());
        let sealer = sealer.ok_or(NoKey)?;
        let mut nonce = [0; NONCE_BYTES];
        for chunk in nonce.chunks_exact_mut(8) {
            chunk.copy_from_slice(&entropy.next_u64().to_be_bytes());
        }
        let payload = Payload { msg: text.expose().as_bytes(), aad: &place.bytes() };
        let sealed = sealer.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.expect("a text in memory is shorter than the cipher can take");
        Ok([[FORM].as_slice(), &sealer.id, &nonce, &sealed].concat())
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// When its key is not there, or it is not what was sealed for this place.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Secret, Unopened> {
        let id = key_of(sealed).ok_or(Unopened::Damaged)?;
        let known = |sealers: &[Sealer]| sealers.iter().find(|sealer| hex(&sealer.id) == id).cloned();
        let sealer = known(&self.sealers()).or_else(|| known(&self.look_again()?));
        let sealer = sealer.ok_or(Unopened::UnknownKey(id))?;
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&sealed[1 + ID_BYTES..HEAD_BYTES]);
        let payload = Payload { msg: &sealed[HEAD_BYTES..], aad: &place.bytes() };
        let opened = sealer.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| Unopened::Damaged)?;
        String::from_utf8(opened).map(Secret::new).map_err(|_| Unopened::Damaged)
    }

    /// The key that seals events, if there is one.
    #[must_use]
    pub fn event_key(&self) -> Option<Key> {
        // As what is sealed otherwise: with the newest one that somebody has put there.
        let sealer = self.look_again().and_then(|sealers| sealers.first().cloned()).or_else(|| self.newest());
        sealer.map(|sealer| sealer.events.named(&hex(&sealer.id)))
    }

    /// The key of this name that seals events.
    #[must_use]
    pub fn event_key_of(&self, id: &str) -> Option<Key> {
        let known = |sealers: &[Sealer]| sealers.iter().find(|sealer| hex(&sealer.id) == id).cloned();
        let sealer = known(&self.sealers()).or_else(|| known(&self.look_again()?));
        sealer.map(|sealer| sealer.events.named(id))
    }

    /// Those that are not the newest, by name.
    pub(crate) fn older_event_keys(&self) -> Vec<(String, EventKey)> {
        let sealers = self.look_again().unwrap_or_else(|| self.sealers());
        sealers.iter().skip(1).map(|sealer| (hex(&sealer.id), sealer.events.clone())).collect()
    }

    fn newest(&self) -> Option<Sealer> {
        let first = |sealers: &[Sealer]| sealers.first().cloned();
        first(&self.sealers()).or_else(|| first(&self.look_again()?))
    }

    fn sealers(&self) -> Arc<Vec<Sealer>> {
        Arc::clone(&self.sealers.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn look_again(&self) -> Option<Arc<Vec<Sealer>>> {
        let keys = self.again.as_ref()?()?;
        let sealers: Arc<Vec<Sealer>> = Arc::new(keys.iter().map(Sealer::new).collect());
        *self.sealers.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&sealers);
        Some(sealers)
    }
}

/// The name of the key that sealed this; `None` when it is nothing that was sealed.
#[must_use]
pub fn key_of(sealed: &[u8]) -> Option<String> {
    (sealed.len() >= HEAD_BYTES && sealed[0] == FORM).then(|| hex(&sealed[1..=ID_BYTES]))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

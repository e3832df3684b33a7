//! What is wished of endpoints and messages: by a request or a command line, of the same store and vault.

use ork_core::clock::{Entropy, Timestamp};
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::Actor;
use ork_core::id::{DeliveryId, EndpointId, WorkspaceId};
use ork_core::store::{DeliveryRow, EndpointRow, Scope, Store};
use ork_core::webhook::{RunWebhook, SigningSecret};
use ork_vault::{NoKey, Place, Secret, Vault};

use super::{Wish, make_secret};

/// How long the old secret of an endpoint is used beside the new one, unless somebody says otherwise.
pub const OVERLAP_MS: u64 = 86_400_000;
/// And at most.
pub const OVERLAP_MS_MAX: u64 = 30 * OVERLAP_MS;

/// Where the secret of an endpoint is sealed for.
#[must_use]
pub const fn of_endpoint(workspace: WorkspaceId, id: &str) -> Place<'_> {
    Place { workspace, kind: "webhook_endpoint", name: id }
}

/// Where the secret that a run names is sealed for: for its URL, so that a run that is done again keeps it, and nobody can have it
/// used for another one.
#[must_use]
pub const fn of_url(workspace: WorkspaceId, url: &str) -> Place<'_> {
    Place { workspace, kind: "webhook_url", name: url }
}

/// Who wishes, and with what.
pub struct Desk<'a> {
    /// The database.
    pub store: &'a dyn Store,
    /// Whose endpoints.
    pub workspace: WorkspaceId,
    /// What seals.
    pub vault: &'a Vault,
    /// The present moment.
    pub now: Timestamp,
}

impl Desk<'_> {
    fn scope(&self) -> Scope {
        Scope::One(self.workspace)
    }

    /// Makes an endpoint; its secret is in the answer and nowhere else. When the process dies before the answer, there is one
    /// whose secret nobody has: its name is taken, so whoever asks again is told, and gives it another secret.
    ///
    /// # Errors
    /// When the name is taken, there are too many, or the store cannot be written.
    pub async fn create(
        &self,
        name: String,
        wish: Wish,
        actor: &Actor,
        entropy: &mut (dyn Entropy + Send),
    ) -> StoreResult<(EndpointRow, String)> {
        let id = EndpointId::new(self.now, entropy);
        let secret = wish.secret.unwrap_or_else(|| make_secret(entropy));
        let row = EndpointRow {
            id,
            workspace: self.workspace,
            name,
            url: wish.url,
            events: wish.events,
            format: wish.format,
            secret: self.seal(id, &secret, entropy)?,
            previous: None,
            slot: 0,
            created_by: actor.id.clone(),
            created_at: self.now,
            updated_at: self.now,
            disabled_at: None,
            disabled_because: None,
        };
        self.store.create_endpoint(&row).await?;
        Ok((row, secret))
    }

    fn seal(&self, id: EndpointId, secret: &str, entropy: &mut dyn Entropy) -> StoreResult<Vec<u8>> {
        let place = id.to_string();
        let secret = Secret::new(secret.to_owned());
        self.vault.seal(of_endpoint(self.workspace, &place), &secret, entropy).map_err(unsealed)
    }

    /// Gives an endpoint another secret, which is in the answer.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn rotate(
        &self,
        id: EndpointId,
        secret: Option<String>,
        overlap_ms: u64,
        entropy: &mut (dyn Entropy + Send),
    ) -> StoreResult<String> {
        let secret = secret.unwrap_or_else(|| make_secret(entropy));
        let sealed = self.seal(id, &secret, entropy)?;
        let until = self.now.plus_ms(overlap_ms);
        self.store.rotate_endpoint(self.scope(), id, &sealed, until, self.now).await?;
        Ok(secret)
    }

    /// The endpoint with this id or this name.
    ///
    /// # Errors
    /// `NotFound` when there is none in the workspace.
    pub async fn endpoint(&self, text: &str) -> StoreResult<EndpointRow> {
        let rows = self.store.endpoints(self.scope()).await?;
        let id = text.parse::<EndpointId>().ok();
        let found = rows.into_iter().find(|row| Some(row.id) == id || row.name == text);
        found.ok_or_else(|| StoreError::NotFound(format!("endpoint `{}`", text.escape_debug())))
    }

    /// Has a test sent to an endpoint; the message.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn test(&self, endpoint: &EndpointRow, id: DeliveryId) -> StoreResult<DeliveryRow> {
        let row = DeliveryRow::test(endpoint, id, self.now);
        self.store.create_delivery(&row).await?;
        Ok(row)
    }
}

/// What a run keeps of a wish; the secret is sealed.
///
/// # Errors
/// When there is no key to seal it with.
pub fn run_webhook(
    wish: Wish,
    workspace: WorkspaceId,
    vault: &Vault,
    entropy: &mut dyn Entropy,
) -> StoreResult<RunWebhook> {
    let place = of_url(workspace, &wish.url);
    let seal = |secret| vault.seal(place, &Secret::new(secret), entropy).map(SigningSecret::Sealed);
    let secret = wish.secret.map(seal).transpose().map_err(unsealed)?;
    Ok(RunWebhook { url: wish.url, secret, events: wish.events, format: wish.format })
}

/// A secret without a key is not stored.
pub fn unsealed(error: NoKey) -> StoreError {
    StoreError::Incompatible(format!("failed to seal the secret: {error}"))
}

/// Whether two runs tell the same in the same way. A text that is sealed twice differs, so secrets are opened for this.
#[must_use]
pub fn is_same(one: Option<&RunWebhook>, other: Option<&RunWebhook>, workspace: WorkspaceId, vault: &Vault) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return one.is_none() && other.is_none() };
    if (&one.url, one.events, one.format) != (&other.url, other.events, other.format) {
        return false;
    }
    match (one.sealed(), other.sealed()) {
        (Some(a), Some(b)) => {
            let open = |sealed| vault.open(of_url(workspace, &one.url), sealed);
            a == b || matches!((open(a), open(b)), (Ok(a), Ok(b)) if a == b)
        }
        _ => one.secret == other.secret,
    }
}

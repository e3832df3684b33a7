//! Endpoints that a workspace tells of its runs, and the messages to them and to those that a run names.
//!
//! A message is a row that is written in the transaction of what it tells of. It says where it goes and what it is about, and its
//! text is made when it is sent: what it tells never changes afterwards. Its id is made of the run, the event and whom
//! it is for, so it is the same however often it is sent, and however often the transaction is tried.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Scope, Submitted};
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::id::{DeliveryId, EndpointId, RunId, WorkspaceId};
use crate::webhook::{Format, Occasion, RunWebhook, SigningSecret, Wanted};

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRow {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What people call it; no other one of the workspace has the name.
    pub name: String,
    /// Where messages go.
    pub url: String,
    /// What it is told of.
    pub events: Wanted,
    /// How.
    pub format: Format,
    /// What messages are signed with, sealed.
    pub secret: Vec<u8>,
    /// What they were signed with before, and until when they still are as well.
    pub previous: Option<(Vec<u8>, Timestamp)>,
    /// Tells the endpoints of a workspace apart in ids of messages, 1 to 255. The store gives it.
    pub slot: u8,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Since when it is told nothing.
    pub disabled_at: Option<Timestamp>,
    /// Why.
    pub disabled_because: Option<String>,
}

/// What is to be changed of an endpoint; `None` leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointChange {
    /// Where messages go.
    pub url: Option<String>,
    /// What it is told of.
    pub events: Option<Wanted>,
    /// How.
    pub format: Option<Format>,
    /// Whether it is told anything.
    pub is_enabled: Option<bool>,
}

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It is to be sent, now or later.
    Pending,
    /// It was heard.
    Delivered,
    /// It was not, and is not tried any more.
    Failed,
}

impl DeliveryStatus {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Failed];

    /// The word that is stored, shown and sent.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The one of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }
}

/// One attempt to send a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryTry {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took_ms: u64,
    /// The HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// Why it came to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The beginning of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its id, the same however often it is sent.
    pub id: DeliveryId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The run that it tells of; `None` for a test.
    pub run: Option<RunId>,
    /// The task that it tells of, by number.
    pub task: Option<u32>,
    /// Whom it is for; `None` means the one that the run names.
    pub endpoint: Option<EndpointId>,
    /// What it tells.
    pub occasion: Occasion,
    /// Where it goes.
    pub url: String,
    /// How far it is.
    pub status: DeliveryStatus,
    /// Attempts since it was created or asked for again.
    pub attempts: u32,
    /// When it is sent next, or, while somebody is sending it, when somebody else may.
    pub next_attempt_at: Option<Timestamp>,
    /// What was sent last.
    pub body: Option<String>,
    /// The attempts, the newest last; at most [`crate::limits::DELIVERY_TRIES_MAX`] of them.
    pub tries: Vec<DeliveryTry>,
    /// When what it tells of happened.
    pub created_at: Timestamp,
    /// When it was heard.
    pub delivered_at: Option<Timestamp>,
}

impl DeliveryRow {
    /// A test for an endpoint.
    #[must_use]
    pub fn test(endpoint: &EndpointRow, id: DeliveryId, now: Timestamp) -> Self {
        Self {
            id,
            workspace: endpoint.workspace,
            run: None,
            task: None,
            endpoint: Some(endpoint.id),
            occasion: Occasion::Test,
            url: endpoint.url.clone(),
            status: DeliveryStatus::Pending,
            attempts: 0,
            next_attempt_at: Some(now),
            body: None,
            tries: Vec::new(),
            created_at: now,
            delivered_at: None,
        }
    }
}

/// Which messages a list shows, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryFilter {
    /// Only those of this run.
    pub run: Option<RunId>,
    /// Only those for this endpoint.
    pub endpoint: Option<EndpointId>,
    /// Only these.
    pub status: Option<DeliveryStatus>,
    /// Only those before this one in the list.
    pub before: Option<(Timestamp, DeliveryId)>,
    /// At most so many.
    pub limit: u32,
}

/// Whom a message is for, as it is when the message is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressee {
    /// Where.
    pub url: String,
    /// How.
    pub format: Format,
    /// What it is signed with, the newest first; those of an endpoint are sealed for the endpoint, those of a run for the run.
    pub secrets: Vec<SigningSecret>,
}

impl Addressee {
    /// The one that a run names.
    #[must_use]
    pub fn of_run(webhook: RunWebhook) -> Self {
        Self { url: webhook.url, format: webhook.format, secrets: webhook.secret.into_iter().collect() }
    }

    /// An endpoint, unless it is told nothing.
    #[must_use]
    pub fn of_endpoint(row: EndpointRow, now: Timestamp) -> Option<Self> {
        if row.disabled_at.is_some() {
            return None;
        }
        let previous = row.previous.filter(|(_, until)| *until > now).map(|(secret, _)| secret);
        let secrets = std::iter::once(row.secret).chain(previous).map(SigningSecret::Sealed).collect();
        Some(Self { url: row.url, format: row.format, secrets })
    }
}

/// A message that is due, as much of it as it takes to choose among those that are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueKey {
    /// Its id.
    pub id: DeliveryId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Where it goes.
    pub url: String,
    /// Since when it is due.
    pub next_attempt_at: Timestamp,
}

impl DueKey {
    /// Its place among those that are due.
    #[must_use]
    pub const fn place(&self) -> (Timestamp, DeliveryId) {
        (self.next_attempt_at, self.id)
    }
}

/// A message that somebody has taken, to send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The message; its `next_attempt_at` is when somebody else may take it.
    pub row: DeliveryRow,
    /// Whom it is for; `None` when the endpoint is gone, or is told nothing.
    pub addressee: Option<Addressee>,
}

/// What becomes of a message after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was heard.
    Delivered,
    /// It is sent again then.
    Again(Timestamp),
    /// It is not tried any more.
    Failed,
    /// Nor is any other: the endpoint said that it is gone.
    Gone,
}

/// An attempt that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// Of which message.
    pub id: DeliveryId,
    /// Its `next_attempt_at` as it was taken: whoever lets that moment pass has nothing more to say.
    pub taken_until: Timestamp,
    /// What was sent, if anything was.
    pub body: Option<String>,
    /// How it went.
    pub attempt: DeliveryTry,
    /// What follows.
    pub verdict: Verdict,
    /// The present moment.
    pub now: Timestamp,
}

/// Endpoints.
#[async_trait]
pub trait Endpoints {
    /// Creates one. Natural key: its id. The slot of `new` does not count.
    ///
    /// # Errors
    /// `Conflict` when another one of the workspace has the name; `Limit` when there are
    /// [`crate::limits::ENDPOINTS_MAX`].
    async fn create_endpoint(&self, new: &EndpointRow) -> StoreResult<Submitted>;

    /// The endpoints in scope, by workspace and name.
    async fn endpoints(&self, scope: Scope) -> StoreResult<Vec<EndpointRow>>;

    /// One of them.
    async fn endpoint(&self, scope: Scope, id: EndpointId) -> StoreResult<Option<EndpointRow>>;

    /// Changes one. False when it does not exist or is not in scope.
    async fn change_endpoint(
        &self,
        scope: Scope,
        id: EndpointId,
        change: &EndpointChange,
        now: Timestamp,
    ) -> StoreResult<bool>;

    /// Gives one a new secret, sealed; the one that it has is used beside it until then. False as above.
    async fn rotate_endpoint(
        &self,
        scope: Scope,
        id: EndpointId,
        secret: &[u8],
        until: Timestamp,
        now: Timestamp,
    ) -> StoreResult<bool>;

    /// Deletes one; its messages stay. False as above.
    async fn delete_endpoint(&self, scope: Scope, id: EndpointId) -> StoreResult<bool>;
}

/// Messages.
#[async_trait]
pub trait Deliveries {
    /// A page of them, newest first, without what was sent.
    async fn deliveries(&self, scope: Scope, filter: &DeliveryFilter) -> StoreResult<Vec<DeliveryRow>>;

    /// One of them, with what was sent.
    async fn delivery(&self, scope: Scope, id: DeliveryId) -> StoreResult<Option<DeliveryRow>>;

    /// Creates the message of a test. Natural key: its id.
    async fn create_delivery(&self, new: &DeliveryRow) -> StoreResult<()>;

    /// Has a message sent again, at once, as often as a new one. False when it does not exist or is not in scope.
    async fn redeliver(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> StoreResult<bool>;

    /// Has all messages sent again that failed, or those of one endpoint; how many.
    async fn redeliver_failed(&self, scope: Scope, endpoint: Option<EndpointId>, now: Timestamp) -> StoreResult<u64>;

    /// When the next message is due, of all workspaces; of one run, if it is named.
    async fn next_delivery(&self, run: Option<RunId>) -> StoreResult<Option<Timestamp>>;

    /// A page of the messages that are due, those that wait longest first, after that place if there is one. Nobody waits for
    /// it. Of all workspaces; of one run, if it is named.
    async fn due_deliveries(
        &self,
        run: Option<RunId>,
        after: Option<(Timestamp, DeliveryId)>,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<DueKey>>;

    /// Takes those of these messages that are due, in no order; nobody else takes them before `until`. If this one does not live so
    /// long, they are sent again then. What somebody else has taken, or is taking, is left out.
    async fn take_deliveries(&self, ids: &[DeliveryId], now: Timestamp, until: Timestamp) -> StoreResult<Vec<Due>>;

    /// Writes an attempt down. False when the message was not taken so, or was asked for again meanwhile: nothing changed.
    async fn note_delivery(&self, attempted: &Attempted) -> StoreResult<bool>;
}

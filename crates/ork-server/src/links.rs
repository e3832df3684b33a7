//! Links with which somebody decides once who has no token.
//!
//! ```text
//! base64url( 1 | workspace, 16 | gate, 16 | choice, 1 | end, 8 | nonce, 16 | length, 2 | principal | creator | HMAC-SHA256, 32 )
//! ```
//!
//! Nothing is kept of a link: what it says is signed with a key of the installation, and the gate itself tells whether somebody has
//! decided. So a link works once, and all links of a gate die with its decision. Who looks at one changes nothing, because
//! programs look at whatever stands in a message. Whatever is wrong with a link, the answer is the same.

mod page;
mod ticket;

use std::sync::Arc;

use ork_api::{Decide, DecideByLink, Link, NewLink};
use ork_core::clock::{Entropy, Timestamp};
use ork_core::event::Actor;
use ork_core::id::{GateId, WorkspaceId};
use ork_core::limits::EXTERNAL_ID_BYTES_MAX;
use ork_core::store::{GateRow, GateStatus, Scope, Store};
use ork_core::suggest::nearest;

pub use page::{POLICY_HEADER, policy};
pub(crate) use page::{asks, done, nothing};
pub use ticket::{Choice, Ticket};

use crate::gates::{self, Decider, check_may, check_not_self};
use crate::look::Look;
use crate::refused::{Answer, Code, Refused};
use crate::secret::TokenKey;
use crate::server::Server;
use crate::view::moment;

/// Where links lead.
const PATH: &str = "/api/v1/links/";
/// How long a link lasts at most.
pub const LINK_MS_MAX: u64 = 7 * 86_400_000;

/// Makes a link. Whoever makes it answers for what is decided with it, so they must be allowed to decide themselves.
///
/// # Errors
/// When they are not, the gate is not there or is decided already, or the wish is wrong.
pub async fn make(
    look: Look<'_>,
    (workspace, by): (WorkspaceId, Decider<'_>),
    id: GateId,
    wish: NewLink,
    (key, entropy): (&TokenKey, &mut (dyn Entropy + Send)),
) -> Answer<Link> {
    let choice = wish.decision.as_deref().map_or(Ok(Choice::Any), choice)?;
    let principal = wish.principal;
    if principal.is_empty() || principal.len() > EXTERNAL_ID_BYTES_MAX || principal.chars().any(char::is_control) {
        let detail = format!("`principal` has 1 to {EXTERNAL_ID_BYTES_MAX} bytes, and no control characters");
        return Err(Refused::new(Code::InvalidBody, detail));
    }
    let row = gates::find(look, id).await?;
    check_may(&row, by)?;
    check_not_self(&row, &principal)?;
    if row.status != GateStatus::Open {
        return Err(gates::decided(&row));
    }
    let most = look.now.plus_ms(LINK_MS_MAX);
    let most = row.expires_at.map_or(most, |at| at.min(most));
    let expires_at = wish.expires_in_ms.map_or(most, |ms| look.now.plus_ms(ms.min(LINK_MS_MAX)).min(most));
    let creator = by.actor.id.clone();
    let ticket = Ticket { workspace, gate: id, choice, expires_at, principal, creator };
    let path = format!("{PATH}{}", ticket.write(key, entropy));
    let (gate_id, principal, decision) = (id.to_string(), ticket.principal, choice.word().to_owned());
    Ok(Link { gate_id, principal, decision, path, expires_at: moment(expires_at) })
}

fn choice(word: &str) -> Answer<Choice> {
    Choice::from_word(word).ok_or_else(|| {
        let refused = Refused::new(Code::InvalidBody, "`decision` is `approve`, `reject` or `any`");
        match nearest(word, Choice::ALL.map(Choice::word)) {
            Some(near) => refused.hint(format!("did you mean `{near}`?")),
            None => refused,
        }
    })
}

/// What a link leads to, as long as it leads anywhere.
pub(crate) struct Open {
    store: Arc<dyn Store>,
    ticket: Ticket,
    pub row: GateRow,
    now: Timestamp,
}

impl Open {
    /// The gate of a link; `None` for whatever is wrong with it.
    pub async fn find(server: &Server, text: &str) -> Answer<Option<Self>> {
        let now = server.clock.now();
        let Some(ticket) = server.door.read(now, |key| Ticket::read(key, text)) else { return Ok(None) };
        if ticket.expires_at <= now {
            return Ok(None);
        }
        let store = Arc::clone(&server.store).tenant(ticket.workspace, None);
        let row = store.gate(Scope::One(ticket.workspace), ticket.gate).await?;
        let is_open = |row: &GateRow| row.status == GateStatus::Open && check_not_self(row, &ticket.principal).is_ok();
        Ok(row.filter(is_open).map(|row| Self { store, ticket, row, now }))
    }

    /// What is asked, as a page.
    pub fn page(&self) -> String {
        asks(&self.ticket, &self.row)
    }

    /// Decides as the link allows; `None` when somebody has decided meanwhile.
    pub async fn decide(&self, server: &Server, sent: DecideByLink) -> Answer<Option<GateRow>> {
        let Ticket { workspace, choice, principal, creator, .. } = &self.ticket;
        let approve = match sent.decision.as_str() {
            "approve" if *choice != Choice::Reject => true,
            "reject" if *choice != Choice::Approve => false,
            _ => {
                let words = if *choice == Choice::Any { "approve` or `reject" } else { choice.word() };
                return Err(Refused::new(Code::InvalidBody, format!("`decision` is `{words}`")));
            }
        };
        let comment = sent.comment.filter(|comment| !comment.trim().is_empty());
        gates::check_comment(comment.as_deref())?;
        let by = format!("by a link of {creator}");
        let comment = comment.map_or_else(|| by.clone(), |comment| format!("{} ({by})", comment.trim()));
        let look = Look {
            store: self.store.as_ref(),
            scope: Scope::One(*workspace),
            only_owner: None,
            now: self.now,
            lives: server.lives.as_ref(),
            flags: &server.flags,
        };
        let wish = Decide { comment: Some(comment), grant: None };
        let settled = gates::settle(look, &Actor::user(principal), (self.row.id, approve), (wish.comment, None)).await;
        match settled {
            Err(refused) if refused.code == Code::GateDecided => Ok(None),
            settled => settled.map(Some),
        }
    }
}

//! Who asks. The one place that decides it: a token will be read here, and nowhere else.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ork_core::event::{Actor, ActorKind};
use ork_core::id::WorkspaceId;
use ork_core::store::Scope;

use crate::server::Server;

/// Who sent a request, and whose rows it may touch.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Who is written down as the one who did it.
    pub actor: Actor,
}

impl Caller {
    /// Whether the caller may still be answered, who was admitted when a stream was opened. Asked every few seconds: a stream
    /// outlives the token that it was opened with.
    #[allow(clippy::unused_async, reason = "a token is looked up in the database")]
    pub(crate) async fn is_admitted(&self, _server: &Server) -> bool {
        true
    }

    /// Whose rows.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        Scope::One(self.workspace)
    }
}

/// Without tokens nobody can tell who reaches the loopback address.
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let actor = Actor { kind: ActorKind::Service, id: "api".to_owned() };
        Ok(Self { workspace: WorkspaceId::DEFAULT, actor })
    }
}

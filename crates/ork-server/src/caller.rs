//! Who asks. The one place that decides it: a token will be read here, and nowhere else.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ork_core::event::{Actor, ActorKind};
use ork_core::id::WorkspaceId;
use ork_core::store::{Scope, Store};

use crate::server::Server;

/// Who sent a request, and whose rows it may touch.
#[derive(Clone)]
pub struct Caller {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Who is written down as the one who did it.
    pub actor: Actor,
    /// The store as the tenant uses it: whatever a request reads or writes goes through it.
    pub store: Arc<dyn Store>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workspace, actor, .. } = self;
        f.debug_struct("Caller").field("workspace", workspace).field("actor", actor).finish_non_exhaustive()
    }
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
impl FromRequestParts<Arc<Server>> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, server: &Arc<Server>) -> Result<Self, Infallible> {
        let actor = Actor { kind: ActorKind::Service, id: "api".to_owned() };
        let workspace = WorkspaceId::DEFAULT;
        Ok(Self { workspace, actor, store: Arc::clone(&server.store).tenant(workspace) })
    }
}

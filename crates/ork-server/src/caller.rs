//! Who asks. The one place that decides it: a token will be read here, and nowhere else.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ork_core::event::{Actor, ActorKind};
use ork_core::id::WorkspaceId;
use ork_core::store::Scope;

/// Who sent a request, and whose rows it may touch.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Who is written down as the one who did it.
    pub actor: Actor,
}

impl Caller {
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

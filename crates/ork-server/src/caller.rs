//! Who asks. Made of the token of a request, by the [guard](crate::guard) alone, and of nothing else in the request.

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ork_core::access::{Permission, Role, Settings};
use ork_core::clock::Timestamp;
use ork_core::event::Actor;
use ork_core::id::{RunId, TokenId, WorkspaceId};
use ork_core::store::{Grant, Scope, Store, TokenHash};

use crate::refused::{Answer, Code, Refused};
use crate::server::Server;

/// Who asks where nobody has to say who they are.
const ANYBODY: &str = "dev";

/// Who sent a request, and whose rows it may touch.
#[derive(Clone)]
pub struct Caller {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Its name.
    pub workspace_name: String,
    /// What the caller is.
    pub role: Role,
    /// Who is written down as the one who did it.
    pub actor: Actor,
    /// The token; `None` where none is needed.
    pub token: Option<TokenId>,
    /// When the token ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The one whose runs alone are there for this caller.
    pub only_owner: Option<String>,
    /// What the workspace decides.
    pub(crate) settings: Settings,
    /// What the token is looked up by.
    hash: Option<TokenHash>,
    /// The store as the tenant uses it: whatever a request reads or writes goes through it.
    pub store: Arc<dyn Store>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workspace, role, actor, .. } = self;
        f.debug_struct("Caller")
            .field("workspace", workspace)
            .field("role", role)
            .field("actor", actor)
            .finish_non_exhaustive()
    }
}

impl Caller {
    /// The bearer of a token.
    pub(crate) fn of(grant: Grant, hash: TokenHash, store: &Arc<dyn Store>) -> Self {
        let only_owner = only_owner(&grant);
        let Grant { token, workspace } = grant;
        Self {
            store: Arc::clone(store).tenant(workspace.id, only_owner.as_deref()),
            settings: workspace.settings,
            workspace: workspace.id,
            workspace_name: workspace.name,
            role: token.role,
            only_owner,
            actor: Actor { kind: token.role.kind(), id: token.principal },
            token: Some(token.id),
            expires_at: token.expires_at,
            hash: Some(hash),
        }
    }

    /// Whoever reaches an open server.
    pub fn anybody(store: &Arc<dyn Store>) -> Self {
        Self {
            store: Arc::clone(store).tenant(WorkspaceId::DEFAULT, None),
            workspace: WorkspaceId::DEFAULT,
            workspace_name: "default".to_owned(),
            role: Role::Admin,
            actor: Actor::user(ANYBODY),
            token: None,
            expires_at: None,
            only_owner: None,
            settings: Settings::default(),
            hash: None,
        }
    }

    /// Whether the caller may still be answered, who was admitted when a stream was opened. Asked every few seconds: a stream
    /// outlives the token that it was opened with.
    pub(crate) async fn is_admitted(&self, server: &Server) -> bool {
        let Some(hash) = self.hash else { return server.door.is_open(server).await.unwrap_or(true) };
        match server.door.grant(server, hash).await {
            Ok(Some(grant)) => (grant.token.role, only_owner(&grant)) == (self.role, self.only_owner.clone()),
            Ok(None) => false,
            // While the database does not answer, nothing is sent either.
            Err(_) => true,
        }
    }

    /// Whose rows.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        Scope::One(self.workspace)
    }

    /// Whether it looks after the whole installation: the first workspace is that of whoever runs it.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.workspace == WorkspaceId::DEFAULT && self.role.may(Permission::Administer)
    }

    /// Whom its runs belong to. On an open server nobody vouches for a name.
    #[must_use]
    pub fn owner(&self) -> Option<String> {
        self.token.map(|_| self.actor.id.clone())
    }

    /// Where owners are isolated, what belongs to a run of somebody else is not there.
    pub(crate) async fn check_sees(
        &self,
        server: &Server,
        run: RunId,
        missing: impl FnOnce() -> Refused,
    ) -> Answer<()> {
        if self.only_owner.is_none() {
            return Ok(());
        }
        server.look(self).run(run).await?.map(drop).ok_or_else(missing)
    }

    /// What a role lets its bearer do.
    pub(crate) fn check_may(&self, permission: Permission) -> Answer<()> {
        if self.role.may(permission) {
            return Ok(());
        }
        let detail = format!("the role `{}` may not {}", self.role.word(), permission.words());
        Err(Refused::new(Code::Forbidden, detail))
    }
}

/// The one whose runs alone are there for the bearer of a token.
fn only_owner(Grant { token, workspace }: &Grant) -> Option<String> {
    let is_isolated = workspace.settings.isolate_owners && token.role.is_isolated();
    is_isolated.then(|| token.principal.clone())
}

/// What the guard has let in.
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Refused::new(Code::Forbidden, "nobody may use this route"))
    }
}

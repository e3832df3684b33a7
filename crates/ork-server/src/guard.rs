//! Nobody gets past it who may not: one layer around all routes, which refuses what it does not know.
//!
//! ```text
//! request ── is the route public? ──────────────────────────────────────► handler
//!              └─ door: whose token is it? ── may the role do that? ────► handler, with the Caller
//! ```
//!
//! What a route needs is said where it is entered into the router, by [`needs`]. It goes into the OpenAPI document, and the
//! table that this layer looks into is read from there, so that the two agree. A route for which nothing is said lets
//! nobody in.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ork_core::access::Permission;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{OpenApi, path};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::caller::Caller;
use crate::listen::Peer;
use crate::rates::Left;
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;

/// Where the OpenAPI document says what an operation needs.
const EXTENSION: &str = "x-permission";
/// The name of the tokens in the OpenAPI document.
pub const SCHEME: &str = "token";

/// What would be a token in a query. An address is in logs and histories, so none is taken from there.
const IN_QUERY: [&str; 2] = ["token", "access_token"];

/// What a route asks of whoever uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Public,
    /// A token, of whatever role.
    Token,
    /// A role that may do this.
    May(Permission),
}

impl From<Permission> for Need {
    fn from(permission: Permission) -> Self {
        Self::May(permission)
    }
}

impl Need {
    /// The word for it in the OpenAPI document.
    const fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Token => "token",
            Self::May(permission) => permission.word(),
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        let permissions = Permission::ALL.iter().copied().map(Self::May);
        [Self::Public, Self::Token].into_iter().chain(permissions).find(|need| need.word() == word)
    }
}

/// Says what routes need, as they are entered.
pub fn needs<S>(need: impl Into<Need>, (schemas, mut paths, methods): UtoipaMethodRouter<S>) -> UtoipaMethodRouter<S> {
    let need = need.into();
    for (_, operation) in paths.paths.values_mut().flat_map(operations) {
        operation.extensions = Some(ExtensionsBuilder::new().add(EXTENSION, need.word()).build());
        if need != Need::Public {
            operation.security = Some(vec![SecurityRequirement::new::<_, _, String>(SCHEME, [])]);
        }
    }
    (schemas, paths, methods)
}

/// The operations of a path with their methods.
pub fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let path::PathItem { get, put, post, delete, patch, .. } = item;
    let all = [
        (Method::GET, get),
        (Method::PUT, put),
        (Method::POST, post),
        (Method::DELETE, delete),
        (Method::PATCH, patch),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// What each route needs, by path and method; `None` where nothing is said.
#[derive(Debug)]
pub struct Table(BTreeMap<String, Vec<(Method, Option<Need>)>>);

impl Table {
    /// Reads it from the document.
    pub fn of(document: &mut OpenApi) -> Self {
        let need = |operation: &Operation| Need::from_word(operation.extensions.as_ref()?.get(EXTENSION)?.as_str()?);
        let row = |(path, item): (&String, &mut PathItem)| {
            (path.clone(), operations(item).map(|(method, operation)| (method, need(operation))).collect())
        };
        Self(document.paths.paths.iter_mut().map(row).collect())
    }

    /// What a request needs; `None` when nobody may carry it out. What leads nowhere is told to those who have a token, so
    /// that the others cannot feel their way.
    fn need(&self, method: &Method, path: Option<&str>) -> Option<Need> {
        let Some(path) = path else { return Some(Need::Token) };
        // Whoever may read a thing may ask how large it is.
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let methods = self.0.get(path)?;
        methods.iter().find(|(known, _)| known == method).map_or(Some(Need::Token), |(_, need)| *need)
    }
}

/// The guard of a server.
#[derive(Clone)]
pub struct Guard {
    pub server: Arc<Server>,
    pub table: Arc<Table>,
}

/// The middleware.
pub async fn pass(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match guard.admit(&parts).await {
        Ok((caller, left)) => {
            caller.map(|caller| parts.extensions.insert(caller));
            let mut response = next.run(Request::from_parts(parts, body)).await;
            if let Some(left) = left {
                left.tell(response.headers_mut());
            }
            response
        }
        Err(refused) => refused.into_response(),
    }
}

impl Guard {
    /// Who may go on, and how much more of it; nobody in particular where the route is public.
    async fn admit(&self, request: &Parts) -> Answer<(Option<Caller>, Option<Left>)> {
        let path = request.extensions.get::<MatchedPath>().map(MatchedPath::as_str);
        let need = self.table.need(&request.method, path);
        if need == Some(Need::Public) {
            return Ok((None, None));
        }
        if has_token(&request.uri) {
            return Err(Refused::unknown_caller());
        }
        let from = request.extensions.get::<ConnectInfo<Peer>>();
        let from = from.ok_or_else(|| Refused::new(Code::Internal, "a request without the address that it is from"))?;
        let caller = self.server.door.admit(&self.server, &request.headers, from.0.0).await?;
        let (server, Caller { workspace, token, settings, .. }) = (&self.server, &caller);
        let left = server.door.rates.take(*workspace, *token, settings, server.clock.now())?;
        match need {
            Some(Need::May(permission)) => caller.check_may(permission)?,
            Some(Need::Token | Need::Public) => {}
            None => return Err(Refused::new(Code::Forbidden, "nobody may use this route")),
        }
        Ok((Some(caller), left))
    }
}

fn has_token(uri: &Uri) -> bool {
    let mut names = uri.query().unwrap_or_default().split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    names.any(|name| IN_QUERY.iter().any(|token| token.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_says_what_it_needs() {
        let table = Table::of(&mut crate::routes::document());
        assert!(table.0.len() > 20, "{}", table.0.len());
        for (path, methods) in &table.0 {
            let silent: Vec<&Method> =
                methods.iter().filter(|(_, need)| need.is_none()).map(|(method, _)| method).collect();
            assert!(silent.is_empty(), "{path}: enter {silent:?} with `needs`");
        }
    }

    #[test]
    fn what_is_not_said_is_refused() {
        let methods = vec![(Method::GET, Some(Need::Public)), (Method::POST, None)];
        let table = Table(BTreeMap::from([("/a".to_owned(), methods)]));
        assert_eq!(table.need(&Method::GET, Some("/a")), Some(Need::Public));
        assert_eq!(table.need(&Method::HEAD, Some("/a")), Some(Need::Public));
        assert_eq!(table.need(&Method::POST, Some("/a")), None, "nothing is said");
        assert_eq!(table.need(&Method::PUT, Some("/a")), Some(Need::Token), "no such method");
        assert_eq!(table.need(&Method::GET, Some("/b")), None, "a route that the document does not know");
        assert_eq!(table.need(&Method::GET, None), Some(Need::Token), "no such route");
    }
}

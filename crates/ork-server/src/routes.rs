//! The routes: one noun a folder, one endpoint a file.

mod access;
mod bulk;
mod deliveries;
mod endpoints;
mod events;
mod hooks;
mod queues;
mod runs;
mod service;
mod tasks;
mod tokens;
mod workers;
mod workflows;
mod workspaces;

use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use crate::gate::{self, Gate};
use crate::guard::{self, Guard, SCHEME, Table, operations};
use crate::refused::{Code, Refused};
use crate::server::Server;

/// Where the API of this version begins.
const BASE: &str = "/api/v1";

fn routes() -> OpenApiRouter<Arc<Server>> {
    let api = OpenApiRouter::new()
        .merge(runs::routes())
        .merge(tasks::routes())
        .merge(events::routes())
        .merge(bulk::routes())
        .merge(endpoints::routes())
        .merge(deliveries::routes())
        .merge(hooks::routes())
        .merge(queues::routes())
        .merge(workers::routes())
        .merge(workflows::routes())
        .merge(tokens::routes())
        .merge(workspaces::routes())
        .merge(access::routes());
    let info = InfoBuilder::new().title("Ork").version("1").description(Some(ABOUT)).build();
    OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info).build()).nest(BASE, api).merge(service::routes())
}

const ABOUT: &str = "\
Lists have pages: `next_cursor` of one is `cursor` of the next. Moments are RFC 3339 in UTC, durations integer \
milliseconds. Requests bring `Authorization: Bearer` and a token, whose workspace and role are theirs; `x-permission` of an \
operation says what the role must be allowed to do. Fields that are not known are refused in requests; ignore those that you do not know in answers. Whatever is \
not carried out is answered by a problem (RFC 9457).";

/// Everything that a server on this port answers.
pub fn router(server: Arc<Server>, port: u16) -> Router {
    let (router, mut document) = routes().split_for_parts();
    let table = Arc::new(Table::of(&mut document));
    router
        .fallback(async |uri: Uri| Refused::missing(format_args!("route `{}`", uri.path())).hint("/docs lists them"))
        .method_not_allowed_fallback(async || Refused::new(Code::MethodNotAllowed, "not with this method"))
        .with_state(Arc::clone(&server))
        .layer(from_fn_with_state(Guard { server: Arc::clone(&server), table }, guard::pass))
        // Outermost, so that nothing is answered that has not passed it.
        .layer(from_fn_with_state(Gate { server, port }, gate::pass))
}

/// The OpenAPI 3.1 document of the API, as pretty JSON.
#[must_use]
pub fn openapi() -> String {
    document().to_pretty_json().map(|text| text + "\n").unwrap_or_default()
}

/// The document as a value.
pub fn document() -> OpenApi {
    let (_, mut document) = routes().split_for_parts();
    complete(&mut document);
    document
}

/// Every operation may be refused, and says so in one way.
fn complete(document: &mut OpenApi) {
    let content = ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name("Problem")))).build();
    let problem = ResponseBuilder::new()
        .description("It was not carried out")
        .content("application/problem+json", content)
        .build();
    for item in document.paths.paths.values_mut() {
        for (_, operation) in operations(item) {
            operation.responses.responses.insert("default".to_owned(), problem.clone().into());
            // Handlers are named by their verb, which many nouns have.
            let (noun, verb) = (operation.tags.iter().flatten().next(), &operation.operation_id);
            operation.operation_id = noun.zip(verb.as_ref()).map(|(noun, verb)| format!("{noun}_{verb}"));
        }
    }
    let components = document.components.get_or_insert_default();
    let scheme = Http::new(HttpAuthScheme::Bearer);
    components.security_schemes.insert(SCHEME.to_owned(), SecurityScheme::Http(scheme).into());
    let schemas = &mut components.schemas;
    let mut named = Vec::new();
    ork_api::Problem::schemas(&mut named);
    schemas.extend(named);
    schemas.insert("Problem".to_owned(), ork_api::Problem::schema());
}

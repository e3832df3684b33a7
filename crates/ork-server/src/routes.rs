//! The routes: one noun a folder, one endpoint a file.

mod access;
mod artifacts;
mod budgets;
mod bulk;
mod deliveries;
mod endpoints;
mod events;
mod gates;
mod hooks;
mod links;
mod prices;
mod prompts;
mod queues;
mod runs;
mod schedules;
mod secrets;
mod service;
mod tasks;
mod tokens;
mod workers;
mod workflows;
mod workspaces;

pub use runs::row as row_of_run;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response, ResponseBuilder};
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
        .merge(gates::routes())
        .merge(links::routes())
        .merge(artifacts::routes())
        .merge(prompts::routes())
        .merge(prices::routes())
        .merge(budgets::routes())
        .merge(queues::routes())
        .merge(workers::routes())
        .merge(workflows::routes())
        .merge(schedules::routes())
        .merge(secrets::routes())
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

/// Every operation says with which statuses it may be refused, and each of these is described once, with its codes.
fn complete(document: &mut OpenApi) {
    let mut statuses = BTreeSet::new();
    for item in document.paths.paths.values_mut() {
        for (method, operation) in operations(item) {
            for status in refusals(&method, operation) {
                let responses = &mut operation.responses.responses;
                let described = || RefOr::Ref(Ref::from_response_name(status.as_str()));
                responses.entry(status.as_str().to_owned()).or_insert_with(described);
                statuses.insert(status);
            }
            // Handlers are named by their verb, which many nouns have.
            let (noun, verb) = (operation.tags.iter().flatten().next(), &operation.operation_id);
            operation.operation_id = noun.zip(verb.as_ref()).map(|(noun, verb)| format!("{noun}_{verb}"));
        }
    }
    let components = document.components.get_or_insert_default();
    let described = statuses.into_iter().map(|status| (status.as_str().to_owned(), problem(status).into()));
    components.responses.extend(described);
    let scheme = Http::new(HttpAuthScheme::Bearer);
    components.security_schemes.insert(SCHEME.to_owned(), SecurityScheme::Http(scheme).into());
    let schemas = &mut components.schemas;
    let mut named = Vec::new();
    ork_api::Problem::schemas(&mut named);
    schemas.extend(named);
    schemas.insert("Problem".to_owned(), ork_api::Problem::schema());
}

/// A refusal with this status.
fn problem(status: StatusCode) -> Response {
    let codes: Vec<String> =
        Code::ALL.iter().filter(|code| code.status() == status).map(|code| format!("`{}`", code.word())).collect();
    let content = ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name("Problem")))).build();
    ResponseBuilder::new().description(codes.join(", ")).content("application/problem+json", content).build()
}

/// How an operation may be refused, by what it reads of a request. A method that a path does not have is no operation, and
/// is answered by 405.
fn refusals(method: &Method, operation: &Operation) -> Vec<StatusCode> {
    let parameters: Vec<&Parameter> = operation
        .parameters
        .iter()
        .flatten()
        .filter_map(|it| if let RefOr::T(it) = it { Some(it) } else { None })
        .collect();
    let reads = |place: &ParameterIn| parameters.iter().any(|parameter| parameter.parameter_in == *place);
    let may_match = parameters.iter().any(|parameter| parameter.name.eq_ignore_ascii_case("if-match"));
    let changes = *method != Method::GET;
    let has_body = operation.request_body.is_some();
    // Where a name stands in the query or in the body, what it names may be missing too.
    let names = reads(&ParameterIn::Path) || reads(&ParameterIn::Query) || has_body;
    // Who is known by a signature brings no token.
    let is_signed = parameters.iter().any(|parameter| parameter.name == "webhook-signature");
    let needs_token = operation.security.is_some();
    let anywhere = [Code::ForeignOrigin, Code::WrongHost, Code::Internal, Code::Unavailable].map(|code| (true, code));
    let rest = [
        (needs_token || is_signed || has_body || reads(&ParameterIn::Query), Code::InvalidRequest),
        (needs_token || is_signed, Code::Unauthorized),
        (needs_token, Code::TooManyRequests),
        (names, Code::NotFound),
        (names, Code::Pruned),
        (changes, Code::Conflict),
        (may_match, Code::PreconditionFailed),
        (changes, Code::OverLimit),
        (has_body, Code::BodyTimeout),
        (has_body, Code::BodyTooLarge),
        (has_body, Code::NotJson),
    ];
    anywhere.into_iter().chain(rest).filter(|(applies, _)| *applies).map(|(_, code)| code.status()).collect()
}

#[cfg(test)]
mod tests;

//! The OpenAPI document, for whoever makes a client without a server at hand.

use super::page;

#[test]
fn the_document_of_the_api_is_fresh() {
    page::check("openapi.json", &ork_server::openapi());
}

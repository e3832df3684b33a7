//! The store against a real PostgreSQL: `ORK_TEST_POSTGRES_URL` names a cluster in which databases may be created. Without
//! it these tests say that they are skipped; in CI that is a failure.

mod artifacts;
mod conformance;
mod feed;
mod gate;
mod interleave;
mod lifecycle;
mod plans;
mod races;
mod roles;
mod schema;
mod slots;
mod tenant;
mod tenants;
mod world;

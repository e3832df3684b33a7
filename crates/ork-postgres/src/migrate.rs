//! Migrations: numbered, checksummed, forward only, safe to interrupt, run by one process at a time.

use ork_core::error::{StoreError, StoreResult};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::fault::Fault;
use crate::pool::connect;
use crate::roles::{self, API, ENGINE};
use crate::store::configure;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The advisory lock under which one process migrates: "ork" and a version of this scheme.
const LOCK: i64 = 0x6f72_6b00_0001;
const SERVER_MIN: i32 = 150_000;

/// One migration of this build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

/// Brings a database to this build's schema, each migration in one transaction, and makes the roles that work on it, if the
/// cluster lacks them. When there is something to do it takes the owner of the tables, or whoever is to be it. Answers the names of the migrations that it applied.
///
/// # Errors
/// `Incompatible` when a newer Ork wrote the database, an applied migration differs from this build's, or something is to
/// be done that this login may not: then nothing was changed; `Unavailable` when it cannot be reached.
pub async fn migrate(url: &str) -> StoreResult<Vec<String>> {
    let mut client = open(url).await?;
    require_server(&client).await?;
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await.map_err(failed)?;
    let newest = newest_applied(&client).await?;
    refuse_newer(newest)?;
    if newest.is_some() {
        if differences(&mut client).await?.is_empty() {
            return Ok(Vec::new());
        }
        roles::require_owner(&client).await?;
    }
    roles::make_missing(&client, &[ENGINE, API]).await?;
    let report = embedded::migrations::runner()
        .set_abort_divergent(true)
        .set_abort_missing(true)
        .run_async(&mut client)
        .await
        .map_err(|e| StoreError::Incompatible(format!("failed to migrate: {}", with_causes(&e))))?;
    // The lock ends with the connection.
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

/// Each migration of this build, and whether the database has it.
///
/// # Errors
/// `Unavailable` when the database cannot be reached.
pub async fn migration_state(url: &str) -> StoreResult<Vec<Migration>> {
    let newest = newest_applied(&open(url).await?).await?.unwrap_or(0);
    Ok(embedded::migrations::runner()
        .get_migrations()
        .iter()
        .map(|m| {
            let version = u32::try_from(m.version()).unwrap_or(0);
            Migration { version, name: m.name().into(), applied: i64::from(version) <= newest }
        })
        .collect())
}

/// Where the applied migrations are not those of this build.
pub async fn differences(client: &mut Client) -> StoreResult<Vec<String>> {
    let mut problems = Vec::new();
    let own = embedded::migrations::runner();
    let applied = own.get_applied_migrations_async(client).await;
    let applied = applied.map_err(|e| StoreError::Unavailable(with_causes(&e)))?;
    for migration in own.get_migrations() {
        match applied.iter().find(|a| a.version() == migration.version()) {
            None => problems.push(format!("migration {migration} is not applied: run `ork db migrate`")),
            Some(a) if a.checksum() != migration.checksum() => {
                problems.push(format!("migration {migration} differs from the one that was applied"));
            }
            Some(_) => {}
        }
    }
    Ok(problems)
}

/// Settings by which what was committed can be lost.
pub async fn weaknesses(client: &Client) -> StoreResult<Vec<String>> {
    let mut found = Vec::new();
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let row = client.query_one("SELECT current_setting($1)", &[&setting]).await.map_err(failed)?;
        let value: String = row.get(0);
        if value == "off" {
            found.push(format!("`{setting}` is off: what was committed can be lost"));
        }
    }
    Ok(found)
}

/// The migrations of this build.
pub fn migrations() -> Vec<refinery::Migration> {
    embedded::migrations::runner().get_migrations().clone()
}

/// Refuses what this build cannot work with, and a login that is not for work.
pub async fn require_current(client: &Client) -> StoreResult<()> {
    require_server(client).await?;
    if !has_history(client).await? {
        return Err(behind());
    }
    roles::require_login(client).await?;
    let newest = newest_applied(client).await?;
    refuse_newer(newest)?;
    if newest.unwrap_or(0) < own_version() {
        return Err(behind());
    }
    Ok(())
}

fn behind() -> StoreError {
    StoreError::Incompatible("the database does not have this Ork's schema yet: run `ork db migrate`".into())
}

async fn require_server(client: &Client) -> StoreResult<()> {
    let row = client.query_one("SELECT current_setting('server_version_num')::integer", &[]).await.map_err(failed)?;
    let version: i32 = row.get(0);
    if version < SERVER_MIN {
        return Err(StoreError::Incompatible(format!(
            "PostgreSQL {} is too old: Ork needs 15 or later",
            version / 10_000
        )));
    }
    Ok(())
}

fn own_version() -> i64 {
    embedded::migrations::runner().get_migrations().iter().map(|m| i64::from(m.version())).max().unwrap_or(0)
}

fn refuse_newer(newest: Option<i64>) -> StoreResult<()> {
    let own = own_version();
    match newest {
        Some(newest) if newest > own => Err(StoreError::Incompatible(format!(
            "the database has schema {newest} and this Ork knows schemas up to {own}: use the newer Ork that wrote it"
        ))),
        _ => Ok(()),
    }
}

async fn has_history(client: &Client) -> StoreResult<bool> {
    let row = client.query_one("SELECT to_regclass('refinery_schema_history') IS NOT NULL", &[]).await;
    Ok(row.map_err(failed)?.get(0))
}

/// The newest migration that the database has, if it has any.
pub async fn newest_applied(client: &Client) -> StoreResult<Option<i64>> {
    if !has_history(client).await? {
        return Ok(None);
    }
    match client.query_one("SELECT max(version)::bigint FROM refinery_schema_history", &[]).await {
        Ok(row) => Ok(row.get(0)),
        Err(e) if e.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Err(StoreError::Incompatible(
            "this login may not read which migrations the database has: run `ork db migrate` as the owner of the tables".into(),
        )),
        Err(e) => Err(failed(e)),
    }
}

/// A connection as the login itself.
pub async fn open(url: &str) -> StoreResult<Client> {
    connect(&configure(url)?).await.map_err(StoreError::Unavailable)
}

fn failed(error: tokio_postgres::Error) -> StoreError {
    Fault::from(error).into_store()
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

//! Who works on the tables: two roles of the cluster that nobody logs in as, and the login that is a member of both.
//!
//! The owner of the tables migrates and does nothing else. A login that policies do not bind (a superuser, one with
//! `BYPASSRLS`, the owner, who may drop them) is refused, so that a filter that was forgotten shows nothing instead of
//! everything. What sends SQL of its own through such a connection can still become `ork_engine`.

use ork_core::error::{StoreError, StoreResult};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::fault::Fault;
use crate::sql::Sql;

/// Serves all workspaces: the engine's loops, and what belongs to no tenant.
pub const ENGINE: &str = "ork_engine";
/// Serves the one workspace that its transaction names.
pub const API: &str = "ork_api";
/// Makes a login for the application.
const LOGIN: &str = "CREATE ROLE ork LOGIN PASSWORD '…' IN ROLE ork_engine, ork_api";

/// Makes the roles that are missing, if this login may.
///
/// Others may be doing the same at this moment for other databases of the cluster: whoever comes second finds it done.
///
/// # Errors
/// `Incompatible`, with what an administrator must run, when they are missing and this login may not make them.
pub async fn make_missing(client: &Client, wanted: &[&str]) -> StoreResult<()> {
    let missing = missing(client, wanted).await?;
    let statements: Vec<String> = missing.iter().map(|name| format!("CREATE ROLE {name} NOLOGIN")).collect();
    if statements.is_empty() {
        return Ok(());
    }
    let row = client.query_one(Sql::CatalogMayCreateRoles.text(), &[]).await.map_err(failed)?;
    if !row.get::<_, bool>(0) {
        let names = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
        return Err(StoreError::Incompatible(format!(
            "nothing was changed: the cluster has no role {names}, and this login may not create roles (hint: an \
             administrator runs: {})",
            statements.join("; ")
        )));
    }
    for statement in statements {
        match client.batch_execute(&statement).await {
            Ok(()) => {}
            // The second is what PostgreSQL says when both looked before either had committed.
            Err(e) if [Some(&SqlState::DUPLICATE_OBJECT), Some(&SqlState::UNIQUE_VIOLATION)].contains(&e.code()) => {}
            Err(e) => return Err(failed(e)),
        }
    }
    Ok(())
}

async fn missing<'a>(client: &Client, wanted: &[&'a str]) -> StoreResult<Vec<&'a str>> {
    let rows = client.query(Sql::CatalogRoles.text(), &[&wanted]).await.map_err(failed)?;
    let found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok(wanted.iter().copied().filter(|name| !found.iter().any(|found| found == name)).collect())
}

/// Refuses a login that policies do not bind, or that is not a member of both roles.
///
/// # Errors
/// `Incompatible`, with the repair.
pub async fn require_login(client: &Client) -> StoreResult<()> {
    let row = client.query_one(Sql::CatalogLogin.text(), &[]).await.map_err(failed)?;
    let (login, memberships): (String, i64) = (row.get("login"), row.get("memberships"));
    let why = if row.get("is_superuser") {
        "is a superuser, and no policy binds it"
    } else if row.get("bypasses") {
        "can bypass row level security, by an attribute of its own or of a role that it is a member of"
    } else if row.get("owns") {
        "owns the tables, and is for `ork db` alone"
    } else if memberships < 2 {
        "is not a member of both `ork_engine` and `ork_api`"
    } else {
        return Ok(());
    };
    Err(StoreError::Incompatible(format!("the login `{login}` is refused: it {why} (hint: {LOGIN})")))
}

/// Refuses a login that does not own the tables, as far as there are any.
///
/// # Errors
/// `Incompatible`, with the name of the owner.
pub async fn require_owner(client: &Client) -> StoreResult<()> {
    let row = client.query_one(Sql::CatalogLogin.text(), &[]).await.map_err(failed)?;
    if row.get("owns") {
        return Ok(());
    }
    let (login, owner): (String, String) = (row.get("login"), row.get("owner"));
    Err(StoreError::Incompatible(format!(
        "nothing was changed: the login `{login}` does not own the tables (hint: ork db migrate as `{owner}`)"
    )))
}

fn failed(error: tokio_postgres::Error) -> StoreError {
    Fault::from(error).into_store()
}

#[cfg(test)]
mod tests {
    use tokio_postgres::NoTls;

    use super::*;

    /// A connection to the cluster of the tests; `None` skips the test.
    async fn cluster(login: &str) -> Option<Client> {
        let url = std::env::var("ORK_TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty());
        assert!(url.is_some() || std::env::var("CI").as_deref() != Ok("true"), "ORK_TEST_POSTGRES_URL is not set");
        let url = url?.replacen("://ork_owner:", &format!("://{login}:"), 1);
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("connects");
        tokio::spawn(connection);
        Some(client)
    }

    /// As several databases of one cluster do when they are migrated at once.
    #[tokio::test]
    async fn whoever_comes_second_finds_the_roles_made() {
        let names = ["a", "b"].map(|end| format!("ork_made_{}_{end}", std::process::id()));
        let names = names.each_ref().map(String::as_str);
        let mut clients = Vec::new();
        for _ in 0..8 {
            let Some(client) = cluster("ork_owner").await else { return println!("skipped: no cluster") };
            clients.push(client);
        }
        let made = futures_util::future::join_all(clients.iter().map(|client| make_missing(client, &names))).await;
        let rows = clients[0].query(Sql::CatalogRoles.text(), &[&names.as_slice()]).await.expect("looks");
        clients[0].batch_execute(&format!("DROP ROLE {}", names.join(", "))).await.expect("drops");
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        assert_eq!(rows.iter().map(|row| row.get("logs_in")).collect::<Vec<bool>>(), [false, false]);
    }

    #[tokio::test]
    async fn whoever_may_not_make_them_is_told_what_to_run() {
        let Some(client) = cluster("ork_app").await else { return println!("skipped: no cluster") };
        let Err(StoreError::Incompatible(text)) = make_missing(&client, &[ENGINE, "ork_nobody"]).await else {
            panic!("it made one")
        };
        assert_eq!(
            text,
            "nothing was changed: the cluster has no role `ork_nobody`, and this login may not create roles (hint: an administrator \
             runs: CREATE ROLE ork_nobody NOLOGIN)"
        );
    }
}

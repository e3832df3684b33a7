//! `ork db verify`: whether a database is what this build's migrations made, and what is wrong if not.

use std::collections::BTreeMap;

use ork_core::error::StoreResult;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::fault::{Fault, Work};
use crate::migrate::{self, migrations, newest_applied, open};
use crate::privileges;
use crate::roles::ENGINE;
use crate::sql::Sql;
use crate::store::WRITER_PLANS;

/// What a look at a database found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// What is wrong.
    pub problems: Vec<String>,
    /// What this login could not look at, and which one can.
    pub unchecked: Option<String>,
}

/// Checks a database: that each applied migration is the one of this build, that every statement can be prepared, which
/// needs each table and column, that indexes, triggers and functions are there, that each table guards its rows and each role
/// may do what it must and no more, that the hot statements find their rows by the index meant for them, and that a commit
/// waits for the disk.
///
/// # Errors
/// `Unavailable` when the database cannot be reached.
pub async fn verify(url: &str) -> StoreResult<Verified> {
    let mut client = open(url).await?;
    if newest_applied(&client).await?.is_none() {
        return Ok(Verified { problems: vec!["not migrated: run `ork db migrate`".into()], unchecked: None });
    }
    let mut problems = migrate::differences(&mut client).await?;
    problems.extend(statements(&client).await);
    problems.extend(objects(&client).await.map_err(Fault::into_store)?);
    problems.extend(privileges::problems(&client).await?);
    problems.extend(migrate::weaknesses(&client).await?);
    let mut unchecked = None;
    match plans(&client).await {
        Ok(found) => problems.extend(found),
        Err(fault) if fault.state() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            unchecked = Some(format!("plans were not looked at: that takes a login that is a member of `{ENGINE}`"));
        }
        // What is missing was said before.
        Err(fault) if !problems.is_empty() && matches!(fault, Fault::Database(_)) => {}
        Err(fault) => return Err(fault.into_store()),
    }
    Ok(Verified { problems, unchecked })
}

async fn statements(client: &Client) -> Vec<String> {
    let mut problems = Vec::new();
    for sql in Sql::ALL {
        if let Err(e) = client.prepare(sql.text()).await {
            problems.push(format!("statement `{}`: {}", sql.path(), Fault::from(e).into_store()));
        }
    }
    problems
}

/// What the migrations create by name: indexes, triggers, and functions with their bodies.
#[derive(Default)]
struct Objects {
    indexes: Vec<String>,
    triggers: Vec<String>,
    functions: BTreeMap<String, String>,
}

impl Objects {
    fn read() -> Self {
        let mut objects = Self::default();
        for migration in migrations() {
            let text = migration.sql().unwrap_or_default();
            for line in text.lines() {
                let words: Vec<&str> = line.split_whitespace().collect();
                match words[..] {
                    ["CREATE", "INDEX", name, ..] | ["CREATE", "UNIQUE", "INDEX", name, ..] => {
                        objects.indexes.push(name.to_owned());
                    }
                    ["CREATE", "TRIGGER", name, ..] => objects.triggers.push(name.to_owned()),
                    _ => {}
                }
            }
            let bodies = text.split("\nCREATE FUNCTION ").skip(1).filter_map(|rest| {
                let (name, rest) = rest.split_once('(')?;
                Some((name.to_owned(), rest.split("$$").nth(1)?.to_owned()))
            });
            objects.functions.extend(bodies);
        }
        objects
    }
}

async fn objects(client: &Client) -> Work<Vec<String>> {
    let wanted = Objects::read();
    let mut problems = Vec::new();
    for (kind, sql, names) in
        [("index", Sql::CatalogIndexes, &wanted.indexes), ("trigger", Sql::CatalogTriggers, &wanted.triggers)]
    {
        let rows = client.query(sql.text(), &[names]).await?;
        let is_there = |name: &String| rows.iter().any(|row| row.get::<_, &str>(0) == name);
        let missing = names.iter().filter(|name| !is_there(name));
        problems.extend(missing.map(|name| format!("{kind} `{name}` is missing or disabled")));
    }
    let rows = client.query(Sql::CatalogFunctions.text(), &[]).await?;
    for row in rows.iter().filter(|row| row.get("is_definer")) {
        let name: &str = row.get("name");
        problems.push(format!("function `{name}` has the rights of its owner, whoever calls it"));
    }
    for (name, body) in wanted.functions {
        let found = rows.iter().find(|row| row.get::<_, &str>("name") == name);
        if found.is_none_or(|row| row.get::<_, &str>("body") != body) {
            problems.push(format!("function `{name}` is missing or differs"));
        }
    }
    Ok(problems)
}

/// Statements of the hot path, and the index by which each finds its rows.
const HOT: &[(Sql, &str)] = &[
    (Sql::BlobsDoom, "loose_blobs_pkey"),
    (Sql::BlobsNamed, "artifacts_by_key"),
    (Sql::EventsList, "events_pkey"),
    (Sql::GatesExpired, "gates_due"),
    (Sql::GatesCancel, "gates_by_task"),
    (Sql::GroupsLock, "groups_pkey"),
    (Sql::GroupsUpdate, "groups_pkey"),
    (Sql::HeadsLock, "run_heads_pkey"),
    (Sql::HeadsUpdate, "run_heads_pkey"),
    (Sql::LeasesClaimed, "leases_by_worker"),
    (Sql::LeasesLock, "leases_pkey"),
    (Sql::LeasesOfWorker, "leases_by_worker"),
    (Sql::LeasesTake, "leases_pkey"),
    (Sql::QueueClaim, "ready_pkey"),
    (Sql::QueueCountKeys, "leases_by_key"),
    (Sql::QueueDropUnspared, "ready_by_run"),
    (Sql::QueueDue, "delayed_by_due"),
    (Sql::QueueWorkspaces, "ready_pkey"),
    (Sql::RunBudgetsLock, "run_budgets_pkey"),
    (Sql::BudgetsLock, "budgets_pkey"),
    (Sql::RunsByExternalId, "runs_by_external_id"),
    (Sql::RunsOverdue, "runs_by_deadline"),
    (Sql::SlotsNext, "held_by_key"),
    (Sql::SlotsRunsWaiting, "run_slots_by_key"),
    (Sql::StepsGet, "steps_pkey"),
    (Sql::StepsOpen, "steps_pkey"),
    (Sql::TasksEnd, "tasks_pkey"),
    (Sql::TasksOpen, "tasks_open"),
    (Sql::TasksTally, "tasks_pkey"),
];

/// Plans as the engine's connections make them.
async fn plans(client: &Client) -> Work<Vec<String>> {
    client.batch_execute(&format!("BEGIN; SET LOCAL ROLE {ENGINE}")).await?;
    for (name, value) in WRITER_PLANS {
        client.batch_execute(&format!("SET LOCAL {name} = {value}")).await?;
    }
    let mut problems = Vec::new();
    for (sql, index) in HOT {
        let prepared = client.prepare(sql.text()).await?;
        let nulls = vec!["NULL"; prepared.params().len()].join(", ");
        client.batch_execute(&format!("PREPARE hot AS {}", sql.text())).await?;
        let rows = client.query(&format!("EXPLAIN EXECUTE hot ({nulls})"), &[]).await?;
        client.batch_execute("DEALLOCATE hot").await?;
        let mut words = rows.iter().flat_map(|row| row.get::<_, &str>(0).split_whitespace());
        if !words.any(|word| word == *index) {
            problems.push(format!("statement `{}` does not go by the index `{index}`", sql.path()));
        }
    }
    client.batch_execute("ROLLBACK").await?;
    Ok(problems)
}

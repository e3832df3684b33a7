//! What each role may do with each table: what the migrations from `V0004__roles.sql` on grant, said once more for [`problems`] to compare.

use std::collections::{BTreeMap, BTreeSet};

use ork_core::error::StoreResult;
use tokio_postgres::Client;

use crate::fault::Fault;
use crate::roles::{API, ENGINE};
use crate::sql::Sql;

/// Whose rows the policy of `ork_api` shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// Rows of the workspace.
    Workspace,
    /// Rows of the workspace, below runs that it may see.
    BelowRun,
    /// The workspace itself.
    Itself,
    /// The workspace's runs, of one owner if one is named.
    Runs,
    /// All rows, to be read.
    All,
    /// There is no policy for it.
    Nothing,
}

use Shows::{All, BelowRun, Itself, Nothing, Runs, Workspace};

const READ: &[&str] = &["select"];
const ADD: &[&str] = &["select", "insert"];
const WRITE: &[&str] = &["select", "insert", "update"];
const MOVE: &[&str] = &["select", "insert", "update", "delete"];
/// What is added and goes with its run.
const KEEP: &[&str] = &["select", "insert", "delete"];
const NONE: &[&str] = &[];

/// A table, whose rows `ork_api` sees, and what `ork_engine` and `ork_api` may do.
type Table = (&'static str, Shows, &'static [&'static str], &'static [&'static str]);

const TABLES: &[Table] = &[
    ("api_tokens", Workspace, WRITE, WRITE),
    ("artifacts", BelowRun, KEEP, ADD),
    ("attempts", BelowRun, KEEP, ADD),
    ("budgets", Workspace, MOVE, MOVE),
    ("bulk_jobs", Workspace, WRITE, WRITE),
    ("delayed", BelowRun, MOVE, MOVE),
    ("duties", Nothing, MOVE, NONE),
    ("evaluations", BelowRun, MOVE, MOVE),
    ("event_requests", BelowRun, KEEP, ADD),
    ("events", BelowRun, KEEP, ADD),
    ("gates", BelowRun, MOVE, WRITE),
    ("groups", BelowRun, MOVE, WRITE),
    ("held", BelowRun, MOVE, MOVE),
    ("hooks", Workspace, MOVE, MOVE),
    ("leases", BelowRun, MOVE, MOVE),
    ("log_parts", BelowRun, KEEP, READ),
    ("logs", BelowRun, KEEP, ADD),
    ("loose_blobs", Workspace, MOVE, MOVE),
    ("prices", Workspace, MOVE, MOVE),
    ("prompt_versions", Workspace, ADD, ADD),
    ("prompts", Workspace, WRITE, WRITE),
    ("pruned_runs", Runs, WRITE, READ),
    ("queue_pauses", Workspace, MOVE, MOVE),
    ("ready", BelowRun, MOVE, MOVE),
    ("run_budgets", BelowRun, MOVE, WRITE),
    ("run_heads", BelowRun, MOVE, WRITE),
    ("run_labels", BelowRun, KEEP, ADD),
    ("run_slots", BelowRun, MOVE, MOVE),
    ("runs", Runs, MOVE, WRITE),
    ("saved_works", BelowRun, MOVE, MOVE),
    ("schedules", Workspace, MOVE, MOVE),
    ("seal_keys", Nothing, WRITE, NONE),
    ("seals", BelowRun, KEEP, READ),
    ("secrets", Workspace, MOVE, MOVE),
    ("slot_keys", Workspace, WRITE, WRITE),
    ("steps", BelowRun, MOVE, WRITE),
    ("tasks", BelowRun, MOVE, WRITE),
    ("unpacked_logs", BelowRun, MOVE, WRITE),
    ("workers", All, WRITE, READ),
    ("webhook_deliveries", BelowRun, MOVE, WRITE),
    ("webhook_endpoints", Workspace, MOVE, MOVE),
    ("work_parts", BelowRun, MOVE, MOVE),
    ("workflow_revisions", Workspace, ADD, ADD),
    ("workflows", Workspace, WRITE, WRITE),
    ("workspaces", Itself, WRITE, READ),
];

/// What is no table with rows of tenants.
const OTHERS: &[Table] = &[
    ("ready_seq", Nothing, &["update", "usage"], &["usage"]),
    ("refinery_schema_history", Nothing, READ, READ),
    ("v_artifacts", Nothing, READ, READ),
    ("v_budgets", Nothing, READ, READ),
    ("v_gates", Nothing, READ, READ),
    ("v_prompts", Nothing, READ, READ),
    ("v_runs", Nothing, READ, READ),
    ("v_steps", Nothing, READ, READ),
    ("v_tasks", Nothing, READ, READ),
];

/// A policy: its name, its role, which rows it shows and which it admits, as PostgreSQL writes that.
type Policy = (String, String, String, String);

/// The policies of a table.
fn policies(table: &str, shows: Shows) -> BTreeSet<Policy> {
    let tenant = |column| format!("(ork_place({column}) <> 'foreign'::text)");
    let own = tenant("workspace_id");
    let person = "( SELECT ork_person() AS ork_person)";
    let all = "(( SELECT ork_sees() AS ork_sees) <> 'own'::text)";
    let shown = match shows {
        Workspace => own,
        BelowRun => {
            format!("({own} AND ({all} OR (EXISTS ( SELECT 1 FROM runs r WHERE (r.id = {table}.run_id) OFFSET 0))))")
        }
        Itself => tenant("id"),
        Runs => format!("({own} AND ({all} OR (owner_id = {person})))"),
        All => "true".to_owned(),
        Nothing => String::new(),
    };
    let admits = if shows == All { "false" } else { "" };
    let engine = ("engine".to_owned(), ENGINE.to_owned(), "true".to_owned(), "true".to_owned());
    let tenant = (shows != Nothing).then(|| ("tenant".to_owned(), API.to_owned(), shown, admits.to_owned()));
    [engine].into_iter().chain(tenant).collect()
}

/// What is missing of all this, and what there is too much.
///
/// # Errors
/// `Unavailable` when the database cannot be asked.
pub async fn problems(client: &Client) -> StoreResult<Vec<String>> {
    let mut problems = roles(client).await.map_err(Fault::into_store)?;
    problems.extend(rows_are_guarded(client).await.map_err(Fault::into_store)?);
    problems.extend(grants_differ(client).await.map_err(Fault::into_store)?);
    Ok(problems)
}

async fn roles(client: &Client) -> Result<Vec<String>, Fault> {
    let rows = client.query(Sql::CatalogRoles.text(), &[&[ENGINE, API].as_slice()]).await?;
    let mut problems = Vec::new();
    for name in [ENGINE, API] {
        let Some(row) = rows.iter().find(|row| row.get::<_, &str>("name") == name) else {
            problems.push(format!("role `{name}` is missing"));
            continue;
        };
        if row.get("bypasses") {
            problems.push(format!("role `{name}` can bypass row level security"));
        }
        if row.get("logs_in") {
            problems.push(format!("role `{name}` can log in, and is only to be taken by members"));
        }
    }
    Ok(problems)
}

async fn rows_are_guarded(client: &Client) -> Result<Vec<String>, Fault> {
    let mut problems = Vec::new();
    let mut found: BTreeMap<String, BTreeSet<Policy>> = BTreeMap::new();
    for row in client.query(Sql::CatalogPolicies.text(), &[]).await? {
        let (name, policy): (String, String) = (row.get("name"), row.get("policy"));
        let roles: Vec<String> = row.get("roles");
        let text = |column| row.get::<_, Option<String>>(column).unwrap_or_default();
        let (kind, command): (String, String) = (row.get("kind"), row.get("command"));
        if kind != "permissive" || command != "*" {
            problems.push(format!(
                "policy `{policy}` of table `{name}` is {kind} and for `{command}`, not for all commands"
            ));
        }
        let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let policy = (policy, roles.join(", "), words(text("shows")), words(text("admits")));
        found.entry(name).or_default().insert(policy);
    }
    let relations = client.query(Sql::CatalogRelations.text(), &[]).await?;
    for row in &relations {
        let name: &str = row.get("name");
        if row.get("is_view") && !row.get::<_, bool>("invokes") {
            problems.push(format!("view `{name}` is read with the rights of its owner: it needs `security_invoker`"));
        }
        if TABLES.iter().any(|table| table.0 == name) && !row.get::<_, bool>("forces") {
            problems.push(format!("table `{name}` does not force row level security"));
        }
    }
    for (name, shows, ..) in TABLES {
        if !relations.iter().any(|row| row.get::<_, &str>("name") == *name) {
            problems.push(format!("table `{name}` is missing"));
            continue;
        }
        let (wanted, found) = (policies(name, *shows), found.remove(*name).unwrap_or_default());
        let say = |policy: &Policy, what| format!("policy `{}` of table `{name}` {what}", policy.0);
        problems.extend(wanted.difference(&found).map(|policy| say(policy, "is missing or differs")));
        let foreign = found.difference(&wanted).filter(|own| !wanted.iter().any(|wanted| wanted.0 == own.0));
        problems.extend(foreign.map(|policy| say(policy, "is not Ork's")));
    }
    Ok(problems)
}

async fn grants_differ(client: &Client) -> Result<Vec<String>, Fault> {
    let mut found: BTreeSet<(String, String, String)> = BTreeSet::new();
    for row in client.query(Sql::CatalogGrants.text(), &[]).await? {
        found.insert((row.get("name"), row.get("role"), row.get("privilege")));
    }
    let mut wanted = BTreeSet::new();
    for (name, _, engine, api) in TABLES.iter().chain(OTHERS) {
        for (role, privileges) in [(ENGINE, engine), (API, api)] {
            wanted.extend(privileges.iter().map(|one| ((*name).to_owned(), role.to_owned(), (*one).to_owned())));
        }
    }
    let missing =
        wanted.difference(&found).map(|(name, role, one)| format!("`{role}` may not {one} on `{name}`, and must"));
    let excess =
        found.difference(&wanted).map(|(name, role, one)| format!("`{role}` may {one} on `{name}`, and must not"));
    Ok(missing.chain(excess).collect())
}

//! `docs/reference/tables.md`: what a migrated database of each kind has, side by side.

#[path = "../../src/reference/page.rs"]
mod page;

use std::fmt::Write;

use rusqlite::{Connection, OpenFlags};

use crate::home::Home;
use crate::postgres::{rows, with_database};

const ABOUT: &str = "\
# Tables

The history is an ordinary database, and you may look into it with SQL. **The views `v_runs` and `v_tasks` are stable**: a
new version of Ork may add columns to them and takes none away. The tables below them are how Ork keeps its state; they
change whenever that must change. Read what you like and write nothing: Ork decides every change, and `ork doctor` finds
those that somebody else made.

Times are microseconds since 1970 in UTC. Ids are 16 bytes, `uuid` on PostgreSQL; a task is its run's id and its number
`n`, and the id that commands show is the run's with `n + 1` in its low 32 bits. JSON is stored as it was given.

These say the same on both databases:

```sql
SELECT name, status, tasks_left, error FROM v_runs ORDER BY created_at DESC LIMIT 10;
```

```sql
SELECT r.name, t.key, t.task_index, t.attempt, t.exit_code, t.error
FROM v_tasks t JOIN v_runs r ON r.id = t.run_id
WHERE t.status = 'failed' ORDER BY t.finished_at DESC LIMIT 10;
```

```sql
SELECT r.name, t.key, avg(t.finished_at - t.started_at) / 1000 AS milliseconds, sum(t.cpu_ms) AS cpu_ms
FROM v_tasks t JOIN v_runs r ON r.id = t.run_id
WHERE t.status = 'success' GROUP BY r.name, t.key ORDER BY 3 DESC;
```

With SQLite open the file read-only (`sqlite3 -readonly ~/.local/share/ork/ork.db`), and copy it with `.backup` or
`VACUUM INTO` rather than with `cp` while Ork is at work. This page is written by `cargo xtask reference` from two
migrated databases; not edited by hand.
";

/// What each table and view is for.
const PURPOSES: &[(&str, &str)] = &[
    ("v_runs", "A run with its status and progress."),
    ("v_tasks", "A task with its status, wherever that is kept."),
    ("api_tokens", "Who may use the API of a server, and as what. The secrets are not here: `token_hash` is keyed."),
    ("attempts", "Attempts that ended while their task went on; a task's last attempt stands in its own row."),
    ("bulk_jobs", "Actions on all runs that a filter finds."),
    (
        "counters",
        "The order in which tasks were queued, and that of all events. On PostgreSQL the sequence `ready_seq`, and the \
         ids of transactions.",
    ),
    ("delayed", "Tasks whose next attempt is due later."),
    ("duties", "What one process at a time does for all, and until when."),
    ("evaluations", "Groups whose condition or size must be evaluated; `-1` is the run's result."),
    (
        "events",
        "What happened to a run, in order. A row may hold a batch of like events, numbered `seq` to `seq_last`.",
    ),
    ("groups", "A node of a run's plan with its fan-out siblings. Dependencies are counted here."),
    ("held", "Tasks that wait for a slot of their concurrency key."),
    ("hooks", "Addresses to which others send messages that start runs."),
    ("leases", "Attempts at work, and who may settle them. Whoever deletes the row settles."),
    ("logs", "What tasks wrote to stdout and stderr, in pieces."),
    ("pruned_runs", "What is left of runs that are not kept any more."),
    ("queue_pauses", "Queues that somebody paused."),
    ("ready", "Tasks that may be claimed now, in the order of claims."),
    ("refinery_schema_history", "The migrations that were applied, with their checksums."),
    (
        "run_heads",
        "What of a run is narrow and changes with each settle: status, counters, the number of its last event.",
    ),
    ("run_labels", "The labels of runs."),
    ("run_slots", "Live runs with a concurrency key: those with a slot, and those that wait for one."),
    ("runs", "What of a run is wide and changes rarely: plan, input, result."),
    ("schedules", "When runs of stored workflows begin by themselves, and how far that is."),
    ("secrets", "Secrets, sealed with a key that is not in the database."),
    ("slot_keys", "A lock for each concurrency key. On SQLite the one writer is that lock."),
    ("tasks", "A task as it was born and as it ended. What happens in between stands in other tables: read `v_tasks`."),
    ("webhook_deliveries", "Messages about runs: written with what they tell of, and what became of them."),
    ("webhook_endpoints", "Who is told of all runs of a workspace."),
    ("workers", "Processes that carry or carried tasks, and when each was last heard of."),
    ("workflow_revisions", "Each text that a stored workflow had."),
    ("workflows", "Workflows that are stored under a name."),
    ("workspaces", "Tenants. The first is `default`."),
];

/// What the columns of the views hold, where the name does not say it all.
const MEANINGS: &[(&str, &str)] = &[
    ("acknowledged_at", "when somebody said that they have seen its end"),
    ("acknowledged_by", "who did"),
    ("attempt", "the newest attempt, from 1; 0 before the first"),
    ("available_at", "when the next attempt is due"),
    ("cancel_requested_at", "when somebody asked for its end"),
    ("cancel_requested_by", "who did"),
    ("cancelling", "`cancel` or `deadline` while it is being cancelled"),
    ("concurrency_key", "the key that limits how many are at work"),
    ("cpu_ms", "CPU time of the last attempt with all its processes"),
    ("created_at", "when it was accepted"),
    ("deadline_at", "when its `timeout` passes"),
    ("dispatched_at", "when the newest attempt was claimed"),
    ("error", "JSON: why it failed"),
    ("execution_name", "what the executor calls the attempt, such as the process id"),
    ("exit_code", "of the last attempt"),
    ("external_id", "a client's own name for the run"),
    ("failures", "attempts that failed or timed out; meets `max_attempts`"),
    ("finished_at", "when it was over"),
    ("g", "the number of its group in the plan"),
    ("host", "the host that it is pinned to"),
    ("id", "the run"),
    ("in_process", "whether `ork run` carries it, and no worker"),
    ("key", "the task's name in the workflow"),
    ("lane", "where it may be claimed: a queue, a queue on a host, or the run's own process"),
    ("lost", "attempts whose worker died; three quarantine the task"),
    ("max_attempts", "of its `retry`"),
    ("memory_bytes_max", "the most memory that the last attempt held"),
    ("message", "the last line of `$ORK_PROGRESS`: its text"),
    ("n", "the task's number in its run"),
    ("name", "the workflow's name"),
    ("output", "JSON: what it gave"),
    ("owner_id", "whose run it is"),
    ("priority", "higher goes first"),
    ("progress", "0 to 100"),
    ("project", "the folder of the workflow file"),
    ("reason", "why it has its status, where that alone does not say it"),
    ("result", "JSON: what the run gave"),
    ("retry_of", "the run that this one repeats"),
    ("reused_n", "the number of the task there"),
    ("reused_run_id", "the run that its output was taken over from"),
    ("revision_id", "the revision of the stored workflow that it was made of"),
    ("run_id", "the run"),
    ("seq", "the number of its last event"),
    ("signal", "that ended the last attempt"),
    ("stage", "the last line of `$ORK_PROGRESS`: its stage"),
    ("started_at", "when its work began"),
    ("status", "one of [these words](../concepts/runs.md#states)"),
    ("task_index", "which of the siblings, from 0"),
    ("tasks_bad", "tasks that failed, were cancelled, or skipped for that"),
    ("tasks_left", "tasks that are not over"),
    ("tasks_total", "tasks known so far, siblings counted"),
    ("triggered_by", "`manual`, `api`, `schedule`, `hook`, `task` or `retry`"),
    ("v_runs.held", "whether it waits for a slot of its key"),
    ("v_tasks.held", "whether it waits for a slot of its key"),
    ("workflow_id", "the stored workflow that it was made of"),
    ("worker_id", "who carries it, or carried it last"),
    ("workspace_id", "the tenant"),
];

/// Name, whether it is a view, column, type.
type Columns = Vec<Vec<String>>;

pub fn sqlite(home: &Home, statement: &str) -> Columns {
    let path = home.dir.join(".local/share/ork/ork.db");
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut prepared = connection.prepare(statement).unwrap_or_else(|error| panic!("{statement}\n{error}"));
    let width = prepared.column_count();
    let text = |value: rusqlite::types::Value| match value {
        rusqlite::types::Value::Text(text) => text,
        rusqlite::types::Value::Null => String::new(),
        other => format!("{other:?}"),
    };
    let rows = prepared.query_map([], |row| (0..width).map(|at| Ok(text(row.get(at)?))).collect());
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

fn columns_of_sqlite() -> Columns {
    let home = Home::new();
    assert!(home.says("db migrate").starts_with("exit 0\n"));
    sqlite(
        &home,
        "SELECT m.name, m.type, c.name, c.type FROM sqlite_schema m JOIN pragma_table_info(m.name) c \
         WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid",
    )
}

fn columns_of_postgres(url: &str) -> Columns {
    let home = Home::new();
    assert!(home.says(&format!("db migrate --database {url}")).starts_with("exit 0\n"));
    rows(
        url,
        "SELECT c.relname, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END, a.attname, \
         format_type(a.atttypid, a.atttypmod) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0 \
         AND NOT a.attisdropped ORDER BY c.relname, a.attnum",
    )
}

/// The word of a list for a name.
fn words<'a>(list: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    list.iter().find(|(known, _)| *known == name).map(|(_, words)| *words)
}

/// What SQLite stores for a type of PostgreSQL: an expression of a view declares none.
fn stored(postgres: &str) -> &'static str {
    match postgres {
        "uuid" | "bytea" => "BLOB",
        "boolean" | "smallint" | "integer" | "bigint" => "INTEGER",
        _ => "TEXT",
    }
}

/// One table or view as a section.
fn section(name: &str, sqlite: &Columns, postgres: &Columns, is_view: bool) -> String {
    let purpose = words(PURPOSES, name).unwrap_or_else(|| panic!("`{name}` has no sentence in `PURPOSES`"));
    let mut text = format!("\n### {name}\n\n{purpose}\n\n| column | SQLite | PostgreSQL |");
    text += if is_view { " what it is |\n|---|---|---|---|\n" } else { "\n|---|---|---|\n" };
    let of = |columns: &Columns| -> Vec<(String, String)> {
        let own = columns.iter().filter(|row| row[0] == name);
        own.map(|row| (row[2].clone(), row[3].clone())).collect()
    };
    let (sqlite, postgres) = (of(sqlite), of(postgres));
    let find =
        |list: &[(String, String)], name: &str| list.iter().find(|(known, _)| known == name).map(|c| c.1.clone());
    let only_there = postgres.iter().filter(|(column, _)| find(&sqlite, column).is_none());
    for (column, _) in sqlite.iter().chain(only_there) {
        let there = find(&postgres, column).unwrap_or_else(|| "–".into());
        let here = find(&sqlite, column).unwrap_or_else(|| "–".into());
        let here = if here.is_empty() { stored(&there).to_owned() } else { here };
        write!(text, "| `{column}` | {here} | {there} |").unwrap();
        if is_view {
            let meaning = words(MEANINGS, &format!("{name}.{column}")).or_else(|| words(MEANINGS, column));
            write!(text, " {} |", meaning.unwrap_or_else(|| panic!("`{name}.{column}` is not in `MEANINGS`"))).unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_page_of_tables_is_fresh() {
    with_database(|url| {
        let (sqlite, postgres) = (columns_of_sqlite(), columns_of_postgres(url));
        let mut text = ABOUT.to_owned();
        for (heading, kind) in [("Views", "view"), ("Tables", "table")] {
            write!(text, "\n## {heading}\n").unwrap();
            let both = sqlite.iter().chain(&postgres).filter(|row| row[1] == kind);
            let mut names: Vec<&str> = both.map(|row| row[0].as_str()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                text += &section(name, &sqlite, &postgres, kind == "view");
            }
        }
        page::check("reference/tables.md", &text);
    });
}

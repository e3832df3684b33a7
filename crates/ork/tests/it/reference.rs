//! `docs/reference/tables.md`: what a migrated database of each kind has, side by side.

#[path = "../../src/reference/page.rs"]
mod page;

use std::fmt::Write;

use rusqlite::{Connection, OpenFlags};

use crate::home::Home;
use crate::postgres::{rows, with_database};

const ABOUT: &str = "\
# Tables

The history is an ordinary database, and you may look into it with SQL. **The views, whose names begin with `v_`, are stable**: a
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
    ("v_artifacts", "What runs keep. Bytes are in the artifact store under `key`, or elsewhere at `url`."),
    (
        "v_budgets",
        "What may be used, and what is: of runs, and of workspaces in the present period or the last one that was touched.",
    ),
    ("v_gates", "Decisions that attempts wait for, or waited for."),
    ("v_prompts", "Prompts in all their versions."),
    ("v_runs", "A run with its status and progress."),
    ("v_steps", "The steps of attempts, as far as they have begun."),
    ("v_tasks", "A task with its status, wherever that is kept."),
    ("api_tokens", "Who may use the API of a server, and as what. The secrets are not here: `token_hash` is keyed."),
    (
        "artifacts",
        "What runs keep: rows that never change and go with their run. Their bytes are in the artifact store, or elsewhere.",
    ),
    ("attempts", "Attempts that ended while their task went on; a task's last attempt stands in its own row."),
    ("budgets", "What a workspace's models may use in a period, and have used or reserved."),
    ("bulk_jobs", "Actions on all runs that a filter finds."),
    (
        "counters",
        "The order in which tasks were queued, and that of all events. On PostgreSQL the sequence `ready_seq`, and the \
         ids of transactions.",
    ),
    ("delayed", "Tasks whose next attempt is due later."),
    ("duties", "What one process at a time does for all, and until when."),
    ("evaluations", "Groups whose condition or size must be evaluated; `-1` is the run's result."),
    ("event_requests", "Requests of bots that have a name: the same one writes its events once."),
    (
        "events",
        "What happened to a run, in order. A row may hold a batch of like events, numbered `seq` to `seq_last`.",
    ),
    ("gates", "Decisions that attempts wait for, or waited for."),
    ("groups", "A node of a run's plan with its fan-out siblings. Dependencies are counted here."),
    ("held", "Tasks that wait for a slot of their concurrency key."),
    ("hooks", "Addresses to which others send messages that start runs."),
    ("leases", "Attempts at work, and who may settle them. Whoever deletes the row settles."),
    ("log_parts", "Logs that are packed, in parts; the bytes of those of large ones are in the artifact store."),
    ("logs", "What tasks wrote to stdout and stderr, and Ork noted, in pieces, as far as it is not packed."),
    (
        "loose_blobs",
        "Bytes of the artifact store that no artifact names: of uploads that are under way, and those that are to be removed.",
    ),
    ("prices", "What the tokens of models cost: millionths of a US dollar for a million of them."),
    ("prompt_versions", "Each text that a prompt had."),
    ("prompts", "Prompts that are stored under a name."),
    ("pruned_runs", "What is left of runs that are not kept any more."),
    ("queue_pauses", "Queues that somebody paused."),
    ("ready", "Tasks that may be claimed now, in the order of claims."),
    ("refinery_schema_history", "The migrations that were applied, with their checksums."),
    ("run_budgets", "What a run's models may use, and have used or reserved."),
    (
        "run_heads",
        "What of a run is narrow and changes with each settle: status, counters, the number of its last event.",
    ),
    ("run_labels", "The labels of runs."),
    ("run_slots", "Live runs with a concurrency key: those with a slot, and those that wait for one."),
    ("runs", "What of a run is wide and changes rarely: plan, input, result."),
    ("saved_works", "The folders of attempts as they were saved last; their bytes are in `work_parts`."),
    ("schedules", "When runs of stored workflows begin by themselves, and how far that is."),
    ("seal_keys", "Keys that have sealed events, themselves sealed with a key that is not in the database."),
    (
        "seals",
        "What finds a changed event: `link` is the end of a chain that is made with a key, `marks` has 8 bytes for each row.",
    ),
    ("secrets", "Secrets, sealed with a key that is not in the database."),
    ("slot_keys", "A lock for each concurrency key. On SQLite the one writer is that lock."),
    ("steps", "The steps of attempts, as far as they have begun."),
    ("tasks", "A task as it was born and as it ended. What happens in between stands in other tables: read `v_tasks`."),
    ("unpacked_logs", "Logs that are packed once their attempts are over, or of which something is not packed yet."),
    ("webhook_deliveries", "Messages about runs: written with what they tell of, and what became of them."),
    ("webhook_endpoints", "Who is told of all runs of a workspace."),
    ("work_parts", "The bytes of saved folders, in pieces."),
    ("workers", "Processes that carry or carried tasks, and when each was last heard of."),
    ("workflow_revisions", "Each text that a stored workflow had."),
    ("workflows", "Workflows that are stored under a name."),
    ("workspaces", "Tenants. The first is `default`."),
];

/// What the columns of the views hold, where the name does not say it all.
const MEANINGS: &[(&str, &str)] = &[
    ("acknowledged_at", "when somebody said that they have seen its end"),
    ("acknowledged_by", "who did"),
    ("allow_self", "whether whoever started the run may decide"),
    ("attempt", "the newest attempt, from 1; 0 before the first"),
    ("available_at", "when the next attempt is due"),
    ("cached_tokens", "of what the model read, what was cached"),
    ("cancel_requested_at", "when somebody asked for its end"),
    ("cancel_requested_by", "who did"),
    ("cancelling", "`cancel` or `deadline` while it is being cancelled"),
    ("category", "what the prompt belongs to"),
    ("checksum", "the SHA-256 of its bytes"),
    ("comment", "why, in the words of whoever decided"),
    ("concurrency_key", "the key that limits how many are at work"),
    ("content_type", "its media type"),
    ("context", "where the prompt is used"),
    ("cost_micros", "what it cost, in millionths of a US dollar"),
    ("cost_tokens", "what it counts for in budgets, in tokens"),
    ("cpu_ms", "CPU time of the last attempt with all its processes"),
    ("created_at", "when it was accepted"),
    ("created_by", "who wrote this version"),
    ("deadline_at", "when its `timeout` passes"),
    ("decided_at", "when it was decided, or not needed any more"),
    ("decided_by", "who decided"),
    ("decided_by_kind", "what decided: a `user`, a `service`, or the `system`"),
    ("dispatched_at", "when the newest attempt was claimed"),
    ("duration_ms", "how long it took"),
    ("error", "JSON: why it failed"),
    ("execution_name", "what the executor calls the attempt, such as the process id"),
    ("exit_code", "of the last attempt"),
    ("expires_at", "when its time is over"),
    ("external_id", "a client's own name for the run"),
    ("failures", "attempts that failed or timed out; meets `max_attempts`"),
    ("finished_at", "when it was over"),
    ("g", "the number of its group in the plan"),
    ("host", "the host that it is pinned to"),
    ("id", "the run"),
    ("in_process", "whether `ork run` carries it, and no worker"),
    ("input_tokens", "what the model read"),
    ("key", "the task's name in the workflow"),
    ("kind", "`approval`, or `budget`: whether the run may use more"),
    ("lane", "where it may be claimed: a queue, a queue on a host, or the run's own process"),
    ("latest", "the newest version"),
    ("lease", "the lease under which it began"),
    ("limit_micros", "how much money may be used, in millionths of a US dollar"),
    ("limit_tokens", "how many tokens may be used"),
    ("lost", "attempts whose worker died; three quarantine the task"),
    ("max_attempts", "of its `retry`"),
    ("memory_bytes_max", "the most memory that the last attempt held"),
    ("message", "the last line of `$ORK_PROGRESS`: its text"),
    ("meta", "JSON: what else was said of it"),
    ("model", "the model that was asked"),
    ("n", "the task's number in its run"),
    ("name", "the workflow's name"),
    ("on_expiry", "what happens then: `reject`, `approve` or `hold`"),
    ("opened_at", "when somebody was asked"),
    ("output", "JSON: what it gave"),
    ("output_tokens", "what the model wrote"),
    ("owner_id", "whose run it is"),
    ("period", "`total`, `day`, `week` or `month`, in UTC"),
    ("phase", "`setup`, `execution`, `validation` or `cleanup`"),
    ("position", "the step's place in its task, from 0"),
    ("priority", "higher goes first"),
    ("progress", "0 to 100"),
    ("project", "the folder of the workflow file"),
    ("prompt", "the prompt that the model was given"),
    ("prompt_text", "the text"),
    ("reason", "why it has its status, where that alone does not say it"),
    ("reserved_micros", "money that is reserved for what is at work"),
    ("reserved_tokens", "tokens that are reserved for what is at work"),
    ("result", "JSON: what the run gave"),
    ("retry_of", "the run that this one repeats"),
    ("reused_n", "the number of the task there"),
    ("reused_run_id", "the run that its output was taken over from"),
    ("revision_id", "the revision of the stored workflow that it was made of"),
    ("role", "the least role of whoever decides"),
    ("round", "the round of execution and validation, from 1"),
    ("run_id", "the run"),
    ("run_name", "the workflow's name"),
    ("seq", "the number of its last event"),
    ("signal", "that ended the last attempt"),
    ("since", "when the period began"),
    ("size", "how many bytes it has"),
    ("stage", "the last line of `$ORK_PROGRESS`: its stage"),
    ("started_at", "when its work began"),
    ("started_by", "who started the run"),
    ("status", "one of [these words](../concepts/runs.md#states)"),
    ("step_name", "the step that waits for it"),
    ("task_index", "which of the siblings, from 0"),
    ("task_key", "the task's name in the workflow"),
    ("tasks_bad", "tasks that failed, were cancelled, or skipped for that"),
    ("tasks_left", "tasks that are not over"),
    ("tasks_total", "tasks known so far, siblings counted"),
    ("triggered_by", "`manual`, `api`, `schedule`, `hook`, `task` or `retry`"),
    ("try", "the try of the step, from 1"),
    ("type", "`command`, `ai_action`, `gate` or `artifact`"),
    ("url", "where its bytes are, when they are elsewhere"),
    ("used_micros", "money that is used"),
    ("used_tokens", "tokens that are used"),
    ("v_artifacts.attempt", "the attempt that made it"),
    ("v_artifacts.id", "the artifact"),
    ("v_artifacts.key", "where its bytes are in the artifact store"),
    ("v_artifacts.kind", "what it is, in a word of the run's: `file` if nobody says"),
    ("v_artifacts.n", "the number of the task that made it"),
    ("v_artifacts.name", "what people call it"),
    ("v_artifacts.step", "the step that made it"),
    ("v_gates.attempt", "the attempt that waits"),
    ("v_gates.id", "the gate"),
    ("v_gates.message", "what is asked"),
    ("v_gates.status", "`open`, `approved`, `rejected`, `expired` or `cancelled`"),
    ("v_prompts.created_at", "when this version was stored"),
    ("v_prompts.id", "the prompt's name"),
    ("v_runs.held", "whether it waits for a slot of its key"),
    ("v_steps.attempt", "the attempt that it belongs to"),
    ("v_steps.error", "JSON: why it failed"),
    ("v_steps.exit_code", "of its process"),
    ("v_steps.name", "the step's name"),
    ("v_steps.started_at", "when it began, or was skipped"),
    ("v_steps.status", "`running`, `waiting`, `success`, `failed`, `skipped` or `cancelled`"),
    ("v_tasks.held", "whether it waits for a slot of its key"),
    ("variables", "JSON: the variables of the text"),
    ("version", "this version, from 1"),
    ("worker_id", "who carries it, or carried it last"),
    ("workflow_id", "the stored workflow that it was made of"),
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

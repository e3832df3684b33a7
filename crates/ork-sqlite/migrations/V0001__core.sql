-- The core: runs, groups, tasks, the queue, events, logs.
--
-- A task row is written at birth and at settle; in between, a row in `ready`, `held`, `delayed` or `leases` says where it
-- is. Slots are counted from `leases`, so they cannot leak. CHECKs are chains of OR: for an IN with more than two words
-- SQLite builds a table anew for each row that is written. Ids are 16 bytes, times are microseconds since 1970 in UTC.
-- A task is (run_id, n); its public id is the run's id with n + 1 in its low 32 bits.

CREATE TABLE workspaces (
    id         BLOB PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    settings   TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What of a run is wide and changes rarely.
CREATE TABLE runs (
    id                  BLOB PRIMARY KEY,
    workspace_id        BLOB NOT NULL REFERENCES workspaces (id),
    external_id         TEXT,
    owner_id            TEXT,
    name                TEXT NOT NULL,
    priority            INTEGER NOT NULL,
    plan_source         TEXT,
    plan                TEXT NOT NULL,
    input               TEXT NOT NULL,
    result              TEXT,
    error               TEXT,
    triggered_by        TEXT NOT NULL CHECK (triggered_by = 'manual' OR triggered_by = 'api' OR triggered_by = 'schedule' OR triggered_by = 'hook' OR triggered_by = 'task' OR triggered_by = 'retry'),
    retry_of            BLOB,
    host                TEXT,
    in_process          INTEGER NOT NULL DEFAULT 0,
    project             TEXT,
    concurrency_key     TEXT,
    deadline_at         INTEGER,
    cancel_requested_at INTEGER,
    cancel_requested_by TEXT,
    created_at          INTEGER NOT NULL,
    started_at          INTEGER,
    finished_at         INTEGER,
    UNIQUE (id, workspace_id)
) STRICT;
-- The list of a workspace's runs, newest first, and the page after an id.
CREATE UNIQUE INDEX runs_by_workspace ON runs (workspace_id, id);
-- The list of one workflow's runs.
CREATE INDEX runs_by_name ON runs (workspace_id, name, id);
-- Look-up by the client's name for a run, and its uniqueness.
CREATE UNIQUE INDEX runs_by_external_id ON runs (workspace_id, external_id) WHERE external_id IS NOT NULL;
-- Live runs whose deadline has passed.
CREATE INDEX runs_by_deadline ON runs (deadline_at) WHERE deadline_at IS NOT NULL AND finished_at IS NULL;

CREATE TABLE run_labels (
    run_id       BLOB NOT NULL,
    key          TEXT NOT NULL,
    value        TEXT NOT NULL,
    workspace_id BLOB NOT NULL,
    PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;
-- Runs with a label.
CREATE INDEX run_labels_by_value ON run_labels (workspace_id, key, value, run_id);

-- What of a run is narrow and changes with each settle. Event numbers come from `seq`.
CREATE TABLE run_heads (
    run_id       BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    status       TEXT NOT NULL CHECK (status = 'pending' OR status = 'running' OR status = 'success' OR status = 'failed' OR status = 'cancelled'),
    paused       INTEGER NOT NULL,
    held         INTEGER NOT NULL,
    stopping     INTEGER NOT NULL,
    cancelling   TEXT CHECK (cancelling IN ('cancel', 'deadline')),
    on_failure   TEXT NOT NULL CHECK (on_failure IN ('stop', 'continue')),
    has_result   INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    tasks_total  INTEGER NOT NULL,
    tasks_left   INTEGER NOT NULL CHECK (tasks_left >= 0),
    tasks_bad    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Live runs with a concurrency key: those with a slot, and those that are held until one is free.
CREATE TABLE run_slots (
    run_id            BLOB PRIMARY KEY,
    workspace_id      BLOB NOT NULL,
    concurrency_key   TEXT NOT NULL,
    concurrency_limit INTEGER NOT NULL,
    priority          INTEGER NOT NULL,
    admitted          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Slots of a key: taken ones first, then who waits, in order.
CREATE INDEX run_slots_by_key ON run_slots (workspace_id, concurrency_key, admitted, priority DESC, run_id);

-- A node of a run's plan with its fan-out siblings; dependencies are counted here.
CREATE TABLE groups (
    run_id            BLOB NOT NULL,
    g                 INTEGER NOT NULL,
    workspace_id      BLOB NOT NULL,
    key               TEXT NOT NULL,
    children          TEXT NOT NULL,
    parents           INTEGER NOT NULL,
    run_if            TEXT CHECK (run_if IN ('always', 'failed')),
    deep              INTEGER NOT NULL,
    evaluated         INTEGER NOT NULL,
    lane              TEXT NOT NULL,
    priority          INTEGER NOT NULL,
    concurrency_key   TEXT,
    concurrency_limit INTEGER,
    retry             TEXT NOT NULL,
    at_most_once      INTEGER NOT NULL,
    phase             TEXT NOT NULL CHECK (phase = 'waiting' OR phase = 'evaluating' OR phase = 'released' OR phase = 'over'),
    first             INTEGER NOT NULL,
    rest              INTEGER NOT NULL,
    size              INTEGER,
    items             TEXT,
    ended             TEXT NOT NULL,
    tasks_left        INTEGER NOT NULL CHECK (tasks_left >= 0),
    tasks_bad         INTEGER NOT NULL,
    tasks_unmet       INTEGER NOT NULL,
    parents_left      INTEGER NOT NULL CHECK (parents_left >= 0),
    parents_bad       INTEGER NOT NULL,
    parents_unmet     INTEGER NOT NULL,
    PRIMARY KEY (run_id, g)
) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (
    run_id              BLOB NOT NULL,
    n                   INTEGER NOT NULL,
    workspace_id        BLOB NOT NULL,
    g                   INTEGER NOT NULL,
    task_index          INTEGER NOT NULL,
    status              TEXT NOT NULL
        CHECK (status = 'pending' OR status = 'waiting' OR status = 'retrying' OR status = 'success' OR status = 'failed' OR status = 'skipped' OR status = 'cancelled'),
    reason              TEXT,
    attempt             INTEGER NOT NULL DEFAULT 0,
    failures            INTEGER NOT NULL DEFAULT 0,
    lost                INTEGER NOT NULL DEFAULT 0,
    available_at        INTEGER,
    output              TEXT,
    error               TEXT,
    execution_name      TEXT,
    worker_id           BLOB,
    lease               INTEGER,
    outcome             TEXT,
    exit_code           INTEGER,
    signal              INTEGER,
    cpu_ms              INTEGER,
    memory_bytes_max    INTEGER,
    reused_run_id       BLOB,
    reused_n            INTEGER,
    cancel_requested_at INTEGER,
    dispatched_at       INTEGER,
    started_at          INTEGER,
    finished_at         INTEGER,
    PRIMARY KEY (run_id, n)
) STRICT, WITHOUT ROWID;

-- What may be claimed now. `rank` is minus the priority, so that the key's order is the order of claims.
CREATE TABLE ready (
    lane            TEXT NOT NULL,
    workspace_id    BLOB NOT NULL,
    rank            INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    run_id          BLOB NOT NULL,
    n               INTEGER NOT NULL,
    g               INTEGER NOT NULL,
    task_index      INTEGER NOT NULL,
    attempt         INTEGER NOT NULL,
    concurrency_key TEXT,
    PRIMARY KEY (lane, workspace_id, rank, seq)
) STRICT, WITHOUT ROWID;
-- Slots of a key that queued tasks have been given.
CREATE INDEX ready_by_key ON ready (workspace_id, concurrency_key) WHERE concurrency_key IS NOT NULL;

-- Tasks that wait for a slot of their concurrency key.
CREATE TABLE held (
    run_id            BLOB NOT NULL,
    n                 INTEGER NOT NULL,
    workspace_id      BLOB NOT NULL,
    g                 INTEGER NOT NULL,
    task_index        INTEGER NOT NULL,
    attempt           INTEGER NOT NULL,
    lane              TEXT NOT NULL,
    rank              INTEGER NOT NULL,
    seq               INTEGER NOT NULL,
    concurrency_key   TEXT NOT NULL,
    concurrency_limit INTEGER NOT NULL,
    PRIMARY KEY (run_id, n)
) STRICT, WITHOUT ROWID;
-- Who is next for a slot.
CREATE INDEX held_by_key ON held (workspace_id, concurrency_key, rank, seq);

-- Tasks whose next attempt is due later.
CREATE TABLE delayed (
    run_id       BLOB NOT NULL,
    n            INTEGER NOT NULL,
    workspace_id BLOB NOT NULL,
    due_at       INTEGER NOT NULL,
    PRIMARY KEY (run_id, n)
) STRICT, WITHOUT ROWID;
-- What is due.
CREATE INDEX delayed_by_due ON delayed (due_at);

-- Groups whose condition or size must be evaluated; -1 is the run's result.
CREATE TABLE evaluations (
    run_id       BLOB NOT NULL,
    g            INTEGER NOT NULL,
    workspace_id BLOB NOT NULL,
    PRIMARY KEY (run_id, g)
) STRICT, WITHOUT ROWID;

-- Who may settle which attempt. Deleting the row is the fence: whoever deletes it settles.
CREATE TABLE leases (
    run_id          BLOB NOT NULL,
    n               INTEGER NOT NULL,
    workspace_id    BLOB NOT NULL,
    g               INTEGER NOT NULL,
    task_index      INTEGER NOT NULL,
    attempt         INTEGER NOT NULL,
    lease           INTEGER NOT NULL,
    worker_id       BLOB NOT NULL,
    concurrency_key TEXT,
    dispatched_at   INTEGER NOT NULL,
    started_at      INTEGER,
    execution_name  TEXT,
    progress        INTEGER,
    stage           TEXT,
    message         TEXT,
    PRIMARY KEY (run_id, n)
) STRICT, WITHOUT ROWID;
-- A worker's leases are found by a scan: there are as many rows as tasks in flight on this machine.
-- Slots of a key that are taken.
CREATE INDEX leases_by_key ON leases (workspace_id, concurrency_key) WHERE concurrency_key IS NOT NULL;

-- Attempts that ended while their task went on; a task's last attempt stands in its own row.
CREATE TABLE attempts (
    run_id           BLOB NOT NULL,
    n                INTEGER NOT NULL,
    attempt          INTEGER NOT NULL,
    workspace_id     BLOB NOT NULL,
    lease            INTEGER NOT NULL,
    worker_id        BLOB NOT NULL,
    execution_name   TEXT,
    outcome          TEXT NOT NULL,
    error            TEXT,
    exit_code        INTEGER,
    signal           INTEGER,
    cpu_ms           INTEGER,
    memory_bytes_max INTEGER,
    dispatched_at    INTEGER NOT NULL,
    started_at       INTEGER,
    finished_at      INTEGER NOT NULL,
    PRIMARY KEY (run_id, n, attempt)
) STRICT, WITHOUT ROWID;

-- A row holds one event of the run, or a batch of like events of its tasks, numbered seq to seq_last.
CREATE TABLE events (
    run_id       BLOB NOT NULL,
    seq          INTEGER NOT NULL,
    seq_last     INTEGER NOT NULL,
    workspace_id BLOB NOT NULL,
    type         TEXT NOT NULL,
    tasks        TEXT NOT NULL,
    actor_kind   TEXT NOT NULL CHECK (actor_kind = 'user' OR actor_kind = 'service' OR actor_kind = 'worker' OR actor_kind = 'system' OR actor_kind = 'bot'),
    actor_id     TEXT NOT NULL,
    payload      TEXT,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (run_id, seq),
    CHECK (seq_last >= seq AND seq > 0)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are immutable'); END;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are immutable'); END;

CREATE TABLE workers (
    id           BLOB PRIMARY KEY,
    name         TEXT NOT NULL,
    host         TEXT NOT NULL,
    lanes        TEXT NOT NULL,
    capacity     INTEGER NOT NULL,
    version      TEXT NOT NULL,
    started_at   INTEGER NOT NULL,
    heartbeat_at INTEGER NOT NULL,
    ended_at     INTEGER
) STRICT, WITHOUT ROWID;
-- Workers that live.
CREATE INDEX workers_alive ON workers (heartbeat_at) WHERE ended_at IS NULL;

CREATE TABLE logs (
    run_id       BLOB NOT NULL,
    n            INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    position     INTEGER NOT NULL,
    workspace_id BLOB NOT NULL,
    stream       TEXT NOT NULL CHECK (stream IN ('stdout', 'stderr')),
    bytes        BLOB NOT NULL,
    PRIMARY KEY (run_id, n, attempt, position)
) STRICT;

-- The order in which tasks were queued. On PostgreSQL a sequence.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('ready', 0);

INSERT INTO workspaces (id, name, created_at) VALUES (x'00000000000070008000000000000001', 'default', 0);

-- What people and programs read. These views are the stable interface for SQL users.
CREATE VIEW v_tasks AS
SELECT
    t.run_id,
    t.n,
    t.workspace_id,
    t.g,
    gr.key,
    t.task_index,
    CASE
        WHEN t.status IN ('success', 'failed', 'skipped', 'cancelled') THEN t.status
        WHEN l.started_at IS NOT NULL THEN 'running'
        WHEN l.lease IS NOT NULL THEN 'dispatched'
        WHEN h.paused THEN 'paused'
        WHEN gr.phase = 'released' AND d.n IS NULL THEN 'queued'
        ELSE t.status
    END AS status,
    t.reason,
    coalesce(l.attempt, t.attempt) AS attempt,
    t.failures,
    t.lost,
    json_extract(gr.retry, '$.max_attempts') AS max_attempts,
    gr.lane,
    gr.concurrency_key,
    hd.n IS NOT NULL AS held,
    t.available_at,
    t.output,
    t.error,
    CASE WHEN t.status = 'success' THEN 100 ELSE l.progress END AS progress,
    l.stage,
    l.message,
    CASE WHEN l.lease IS NULL THEN t.worker_id ELSE l.worker_id END AS worker_id,
    CASE WHEN l.lease IS NULL THEN t.execution_name ELSE l.execution_name END AS execution_name,
    t.exit_code,
    t.signal,
    t.cpu_ms,
    t.memory_bytes_max,
    t.reused_run_id,
    t.reused_n,
    CASE WHEN l.lease IS NULL THEN t.dispatched_at ELSE l.dispatched_at END AS dispatched_at,
    CASE WHEN l.lease IS NULL THEN t.started_at ELSE l.started_at END AS started_at,
    t.finished_at,
    t.cancel_requested_at
FROM tasks t
JOIN run_heads h ON h.run_id = t.run_id
JOIN groups gr ON gr.run_id = t.run_id AND gr.g = t.g
LEFT JOIN leases l ON l.run_id = t.run_id AND l.n = t.n
LEFT JOIN held hd ON hd.run_id = t.run_id AND hd.n = t.n
LEFT JOIN delayed d ON d.run_id = t.run_id AND d.n = t.n;

CREATE VIEW v_runs AS
SELECT
    r.id,
    r.workspace_id,
    r.external_id,
    r.owner_id,
    r.name,
    CASE
        WHEN h.status IN ('success', 'failed', 'cancelled') THEN h.status
        WHEN h.paused THEN 'paused'
        WHEN h.status = 'pending' AND EXISTS (SELECT 1 FROM leases l WHERE l.run_id = r.id) THEN 'running'
        ELSE h.status
    END AS status,
    h.cancelling,
    h.held,
    r.priority,
    r.result,
    r.error,
    r.triggered_by,
    r.retry_of,
    r.host,
    r.in_process,
    r.project,
    r.concurrency_key,
    h.tasks_total,
    h.tasks_left,
    h.tasks_bad,
    CASE
        WHEN h.tasks_left = 0 THEN 100
        ELSE (100 * (h.tasks_total - h.tasks_left)
              + (SELECT coalesce(sum(l.progress), 0) FROM leases l WHERE l.run_id = r.id)) / h.tasks_total
    END AS progress,
    h.seq,
    r.deadline_at,
    r.cancel_requested_at,
    r.cancel_requested_by,
    r.created_at,
    r.started_at,
    r.finished_at
FROM runs r
JOIN run_heads h ON h.run_id = r.id;

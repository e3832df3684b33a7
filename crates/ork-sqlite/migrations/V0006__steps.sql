-- Steps, the decisions that they wait for, the folders that they share; prompts, prices and budgets.

-- How an attempt that is not over was left by its last lease; then `attempt` is the number of the one before, and `lease` and
-- `outcome` are those of that lease.
ALTER TABLE tasks ADD COLUMN open_as TEXT CHECK (open_as = 'waiting' OR open_as = 'lost' OR open_as = 'cancelled');
-- Tasks of a run whose attempt is not over: what a sweep puts away.
CREATE INDEX tasks_open ON tasks (run_id, n) WHERE open_as IS NOT NULL;

-- What has not begun has no row. `position` is the step's place in the plan.
CREATE TABLE steps (
    run_id          BLOB NOT NULL,
    n               INTEGER NOT NULL,
    attempt         INTEGER NOT NULL,
    round           INTEGER NOT NULL,
    position        INTEGER NOT NULL,
    try             INTEGER NOT NULL,
    workspace_id    BLOB NOT NULL,
    name            TEXT NOT NULL,
    phase           TEXT NOT NULL CHECK (phase = 'setup' OR phase = 'execution' OR phase = 'validation' OR phase = 'cleanup'),
    type            TEXT NOT NULL CHECK (type = 'command' OR type = 'ai_action' OR type = 'gate' OR type = 'artifact'),
    status          TEXT NOT NULL
        CHECK (status = 'running' OR status = 'waiting' OR status = 'success' OR status = 'failed' OR status = 'skipped' OR status = 'cancelled'),
    lease           INTEGER NOT NULL,
    output          TEXT,
    error           TEXT,
    exit_code       INTEGER,
    model           TEXT,
    prompt          TEXT,
    input_tokens    INTEGER NOT NULL,
    output_tokens   INTEGER NOT NULL,
    cached_tokens   INTEGER NOT NULL,
    cost_tokens     INTEGER NOT NULL,
    cost_micros     INTEGER NOT NULL,
    reserved_tokens INTEGER NOT NULL,
    reserved_micros INTEGER NOT NULL,
    started_at      INTEGER NOT NULL,
    finished_at     INTEGER,
    PRIMARY KEY (run_id, n, attempt, round, position, try),
    CHECK (finished_at IS NULL = (status = 'running' OR status = 'waiting'))
) STRICT, WITHOUT ROWID;
-- What is reserved in a workspace: a new budget begins with it.
CREATE INDEX steps_reserved ON steps (workspace_id) WHERE reserved_tokens > 0 OR reserved_micros > 0;

CREATE TABLE gates (
    id              BLOB PRIMARY KEY,
    workspace_id    BLOB NOT NULL,
    run_id          BLOB NOT NULL,
    n               INTEGER NOT NULL,
    attempt         INTEGER NOT NULL,
    round           INTEGER NOT NULL,
    position        INTEGER NOT NULL,
    try             INTEGER NOT NULL,
    step_name       TEXT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind = 'approval' OR kind = 'budget'),
    status          TEXT NOT NULL CHECK (status = 'open' OR status = 'approved' OR status = 'rejected' OR status = 'expired' OR status = 'cancelled'),
    role            TEXT NOT NULL,
    allow_self      INTEGER NOT NULL,
    message         TEXT,
    opened_at       INTEGER NOT NULL,
    expires_at      INTEGER,
    on_expiry       TEXT NOT NULL CHECK (on_expiry = 'reject' OR on_expiry = 'approve' OR on_expiry = 'hold'),
    decided_by_kind TEXT,
    decided_by      TEXT,
    comment         TEXT,
    decided_at      INTEGER,
    CHECK (decided_at IS NULL = (status = 'open'))
) STRICT, WITHOUT ROWID;
-- Gates of a task.
CREATE INDEX gates_by_task ON gates (run_id, n);
-- The list of a workspace's gates, newest first.
CREATE UNIQUE INDEX gates_by_workspace ON gates (workspace_id, id);
-- Those that nobody has decided.
CREATE UNIQUE INDEX gates_open ON gates (workspace_id, id) WHERE status = 'open';
-- Gates whose time is over.
CREATE INDEX gates_due ON gates (expires_at, id) WHERE status = 'open' AND on_expiry <> 'hold' AND expires_at IS NOT NULL;

-- The folder of an attempt as it was saved last; its bytes are in `work_parts`, and those of one that is being saved too.
CREATE TABLE saved_works (
    run_id       BLOB NOT NULL,
    n            INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    workspace_id BLOB NOT NULL,
    number       INTEGER NOT NULL,
    parts        INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    checksum     TEXT NOT NULL,
    PRIMARY KEY (run_id, n, attempt)
) STRICT, WITHOUT ROWID;
CREATE TABLE work_parts (
    run_id       BLOB NOT NULL,
    n            INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    number       INTEGER NOT NULL,
    part         INTEGER NOT NULL,
    workspace_id BLOB NOT NULL,
    bytes        BLOB NOT NULL,
    PRIMARY KEY (run_id, n, attempt, number, part)
) STRICT;

-- Texts for models. `version` is the newest one.
CREATE TABLE prompts (
    workspace_id BLOB NOT NULL REFERENCES workspaces (id),
    id           TEXT NOT NULL,
    category     TEXT,
    context      TEXT,
    version      INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE prompt_versions (
    workspace_id BLOB NOT NULL,
    prompt_id    TEXT NOT NULL,
    version      INTEGER NOT NULL CHECK (version > 0),
    prompt_text  TEXT NOT NULL,
    variables    TEXT NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, prompt_id, version),
    FOREIGN KEY (workspace_id, prompt_id) REFERENCES prompts (workspace_id, id)
) STRICT, WITHOUT ROWID;

-- What a model's tokens cost: millionths of a US dollar for a million of them.
CREATE TABLE prices (
    workspace_id  BLOB NOT NULL REFERENCES workspaces (id),
    model         TEXT NOT NULL,
    input_micros  INTEGER NOT NULL,
    output_micros INTEGER NOT NULL,
    cached_micros INTEGER NOT NULL,
    updated_by    TEXT NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, model)
) STRICT, WITHOUT ROWID;

-- What a workspace's models may use in a period, and have used or reserved since it began.
CREATE TABLE budgets (
    workspace_id    BLOB NOT NULL REFERENCES workspaces (id),
    period          TEXT NOT NULL CHECK (period = 'total' OR period = 'day' OR period = 'week' OR period = 'month'),
    since           INTEGER NOT NULL,
    limit_tokens    INTEGER,
    limit_micros    INTEGER,
    used_tokens     INTEGER NOT NULL,
    used_micros     INTEGER NOT NULL,
    reserved_tokens INTEGER NOT NULL,
    reserved_micros INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, period)
) STRICT, WITHOUT ROWID;
-- The same of a run.
CREATE TABLE run_budgets (
    run_id          BLOB PRIMARY KEY,
    workspace_id    BLOB NOT NULL,
    since           INTEGER NOT NULL,
    limit_tokens    INTEGER,
    limit_micros    INTEGER,
    used_tokens     INTEGER NOT NULL,
    used_micros     INTEGER NOT NULL,
    reserved_tokens INTEGER NOT NULL,
    reserved_micros INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

DROP VIEW v_tasks;
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
        WHEN t.status = 'waiting' THEN 'waiting'
        WHEN h.paused AND h.cancelling IS NULL THEN 'paused'
        WHEN gr.phase = 'released' AND d.n IS NULL THEN 'queued'
        ELSE t.status
    END AS status,
    t.reason,
    coalesce(l.attempt, t.attempt + (t.open_as IS NOT NULL)) AS attempt,
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

CREATE VIEW v_steps AS
SELECT
    s.run_id,
    s.n,
    s.attempt,
    s.round,
    s.position,
    s.try,
    s.workspace_id,
    s.name,
    s.phase,
    s.type,
    s.status,
    s.lease,
    s.output,
    s.error,
    s.exit_code,
    s.model,
    s.prompt,
    s.input_tokens,
    s.output_tokens,
    s.cached_tokens,
    s.cost_tokens,
    s.cost_micros,
    s.reserved_tokens,
    s.reserved_micros,
    s.started_at,
    s.finished_at,
    max(0, s.finished_at - s.started_at) / 1000 AS duration_ms
FROM steps s
JOIN run_heads h ON h.run_id = s.run_id;

CREATE VIEW v_gates AS
SELECT
    gt.id,
    gt.workspace_id,
    gt.run_id,
    gt.n,
    gr.key AS task_key,
    t.task_index,
    r.name AS run_name,
    r.owner_id,
    e.actor_id AS started_by,
    gt.attempt,
    gt.round,
    gt.position,
    gt.try,
    gt.step_name,
    gt.kind,
    gt.status,
    gt.role,
    gt.allow_self,
    gt.message,
    gt.opened_at,
    gt.expires_at,
    gt.on_expiry,
    gt.decided_by_kind,
    gt.decided_by,
    gt.comment,
    gt.decided_at
FROM gates gt
JOIN runs r ON r.id = gt.run_id
JOIN tasks t ON t.run_id = gt.run_id AND t.n = gt.n
JOIN groups gr ON gr.run_id = t.run_id AND gr.g = t.g
JOIN events e ON e.run_id = gt.run_id AND e.seq = 1;

CREATE VIEW v_prompts AS
SELECT
    p.workspace_id,
    p.id,
    p.category,
    p.context,
    p.version AS latest,
    v.version,
    v.prompt_text,
    v.variables,
    v.created_by,
    v.created_at
FROM prompts p
JOIN prompt_versions v ON v.workspace_id = p.workspace_id AND v.prompt_id = p.id;

-- A run's, and those of workspaces: the period of a row that was not touched since may be over.
CREATE VIEW v_budgets AS
SELECT workspace_id, NULL AS run_id, period, since, limit_tokens, limit_micros, used_tokens, used_micros, reserved_tokens, reserved_micros
FROM budgets
UNION ALL
SELECT b.workspace_id, b.run_id, 'total', b.since, b.limit_tokens, b.limit_micros, b.used_tokens, b.used_micros, b.reserved_tokens, b.reserved_micros
FROM run_budgets b
JOIN run_heads h ON h.run_id = b.run_id;

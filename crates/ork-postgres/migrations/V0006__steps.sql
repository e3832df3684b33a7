-- Steps, the decisions that they wait for, the folders that they share; prompts, prices and budgets.

-- How an attempt that is not over was left by its last lease; then `attempt` is the number of the one before, and `lease` and
-- `outcome` are those of that lease.
ALTER TABLE tasks ADD COLUMN open_as text CHECK (open_as IN ('waiting', 'lost', 'cancelled'));
-- Tasks of a run whose attempt is not over: what a sweep puts away.
CREATE INDEX tasks_open ON tasks (run_id, n) WHERE open_as IS NOT NULL;

-- What has not begun has no row. `position` is the step's place in the plan.
CREATE TABLE steps (
    run_id          uuid NOT NULL,
    n               integer NOT NULL,
    attempt         integer NOT NULL,
    round           integer NOT NULL,
    position        integer NOT NULL,
    try             integer NOT NULL,
    workspace_id    uuid NOT NULL,
    name            text NOT NULL,
    phase           text NOT NULL CHECK (phase IN ('setup', 'execution', 'validation', 'cleanup')),
    type            text NOT NULL CHECK (type IN ('command', 'ai_action', 'gate', 'artifact')),
    status          text NOT NULL
        CHECK (status IN ('running', 'waiting', 'success', 'failed', 'skipped', 'cancelled')),
    lease           bigint NOT NULL,
    output          json,
    error           json,
    exit_code       integer,
    model           text,
    prompt          text,
    input_tokens    bigint NOT NULL,
    output_tokens   bigint NOT NULL,
    cached_tokens   bigint NOT NULL,
    cost_tokens     bigint NOT NULL,
    cost_micros     bigint NOT NULL,
    reserved_tokens bigint NOT NULL,
    reserved_micros bigint NOT NULL,
    started_at      bigint NOT NULL,
    finished_at     bigint,
    PRIMARY KEY (run_id, n, attempt, round, position, try),
    CHECK ((finished_at IS NULL) = (status IN ('running', 'waiting')))
);
-- What is reserved in a workspace: a new budget begins with it.
CREATE INDEX steps_reserved ON steps (workspace_id) WHERE reserved_tokens > 0 OR reserved_micros > 0;

CREATE TABLE gates (
    id              uuid PRIMARY KEY,
    workspace_id    uuid NOT NULL,
    run_id          uuid NOT NULL,
    n               integer NOT NULL,
    attempt         integer NOT NULL,
    round           integer NOT NULL,
    position        integer NOT NULL,
    try             integer NOT NULL,
    step_name       text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('approval', 'budget')),
    status          text NOT NULL CHECK (status IN ('open', 'approved', 'rejected', 'expired', 'cancelled')),
    role            text NOT NULL,
    allow_self      boolean NOT NULL,
    message         text,
    opened_at       bigint NOT NULL,
    expires_at      bigint,
    on_expiry       text NOT NULL CHECK (on_expiry IN ('reject', 'approve', 'hold')),
    decided_by_kind text,
    decided_by      text,
    comment         text,
    decided_at      bigint,
    CHECK ((decided_at IS NULL) = (status = 'open'))
);
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
    run_id       uuid NOT NULL,
    n            integer NOT NULL,
    attempt      integer NOT NULL,
    workspace_id uuid NOT NULL,
    number       integer NOT NULL,
    parts        integer NOT NULL,
    bytes        bigint NOT NULL,
    checksum     text NOT NULL,
    PRIMARY KEY (run_id, n, attempt)
);
CREATE TABLE work_parts (
    run_id       uuid NOT NULL,
    n            integer NOT NULL,
    attempt      integer NOT NULL,
    number       integer NOT NULL,
    part         integer NOT NULL,
    workspace_id uuid NOT NULL,
    bytes        bytea NOT NULL,
    PRIMARY KEY (run_id, n, attempt, number, part)
);

-- Texts for models. `version` is the newest one.
CREATE TABLE prompts (
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    id           text COLLATE "C" NOT NULL,
    category     text,
    context      text,
    version      integer NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE TABLE prompt_versions (
    workspace_id uuid NOT NULL,
    prompt_id    text COLLATE "C" NOT NULL,
    version      integer NOT NULL CHECK (version > 0),
    prompt_text  text NOT NULL,
    variables    json NOT NULL,
    created_by   text NOT NULL,
    created_at   bigint NOT NULL,
    PRIMARY KEY (workspace_id, prompt_id, version),
    FOREIGN KEY (workspace_id, prompt_id) REFERENCES prompts (workspace_id, id)
);

-- What a model's tokens cost: millionths of a US dollar for a million of them.
CREATE TABLE prices (
    workspace_id  uuid NOT NULL REFERENCES workspaces (id),
    model         text COLLATE "C" NOT NULL,
    input_micros  bigint NOT NULL,
    output_micros bigint NOT NULL,
    cached_micros bigint NOT NULL,
    updated_by    text NOT NULL,
    updated_at    bigint NOT NULL,
    PRIMARY KEY (workspace_id, model)
);

-- What a workspace's models may use in a period, and have used or reserved since it began.
CREATE TABLE budgets (
    workspace_id    uuid NOT NULL REFERENCES workspaces (id),
    period          text NOT NULL CHECK (period IN ('total', 'day', 'week', 'month')),
    since           bigint NOT NULL,
    limit_tokens    bigint,
    limit_micros    bigint,
    used_tokens     bigint NOT NULL,
    used_micros     bigint NOT NULL,
    reserved_tokens bigint NOT NULL,
    reserved_micros bigint NOT NULL,
    PRIMARY KEY (workspace_id, period)
);
-- The same of a run.
CREATE TABLE run_budgets (
    run_id          uuid PRIMARY KEY,
    workspace_id    uuid NOT NULL,
    since           bigint NOT NULL,
    limit_tokens    bigint,
    limit_micros    bigint,
    used_tokens     bigint NOT NULL,
    used_micros     bigint NOT NULL,
    reserved_tokens bigint NOT NULL,
    reserved_micros bigint NOT NULL
);
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
        WHEN hd.n IS NOT NULL THEN 'queued'
        WHEN EXISTS (SELECT 1 FROM ready q WHERE q.run_id = t.run_id AND q.n = t.n) THEN 'queued'
        ELSE t.status
    END AS status,
    t.reason,
    coalesce(l.attempt, t.attempt + (t.open_as IS NOT NULL)::integer) AS attempt,
    t.failures,
    t.lost,
    (gr.retry ->> 'max_attempts')::integer AS max_attempts,
    gr.lane,
    gr.concurrency_key,
    hd.n IS NOT NULL AS held,
    t.available_at,
    t.output,
    t.error,
    CASE WHEN t.status = 'success' THEN 100::smallint ELSE l.progress END AS progress,
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
LEFT JOIN held hd ON hd.run_id = t.run_id AND hd.n = t.n;

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
    greatest(0, s.finished_at - s.started_at) / 1000 AS duration_ms
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
SELECT workspace_id, NULL::uuid AS run_id, period, since, limit_tokens, limit_micros, used_tokens, used_micros, reserved_tokens, reserved_micros
FROM budgets
UNION ALL
SELECT b.workspace_id, b.run_id, 'total', b.since, b.limit_tokens, b.limit_micros, b.used_tokens, b.used_micros, b.reserved_tokens, b.reserved_micros
FROM run_budgets b
JOIN run_heads h ON h.run_id = b.run_id;

-- Who may do what with all this. A view that is made anew has lost what it was given.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'budgets', 'gates', 'prices', 'prompt_versions', 'prompts', 'run_budgets', 'saved_works', 'steps', 'work_parts'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY engine ON %I TO ork_engine USING (true) WITH CHECK (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['budgets', 'prices', 'prompt_versions', 'prompts'] LOOP
        EXECUTE format('CREATE POLICY tenant ON %I TO ork_api USING (ork_place(workspace_id) <> ''foreign'')', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['gates', 'run_budgets', 'saved_works', 'steps', 'work_parts'] LOOP
        EXECUTE format(
            'CREATE POLICY tenant ON %1$I TO ork_api USING (ork_place(workspace_id) <> ''foreign''
             AND ((SELECT ork_sees()) <> ''own'' OR EXISTS (SELECT 1 FROM runs r WHERE r.id = %1$I.run_id OFFSET 0)))', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['v_budgets', 'v_gates', 'v_prompts', 'v_steps', 'v_tasks'] LOOP
        EXECUTE format('ALTER VIEW %I SET (security_invoker = true)', name);
        EXECUTE format('GRANT SELECT ON %I TO ork_engine, ork_api', name);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON gates, prompts, run_budgets, steps TO ork_engine, ork_api;
GRANT SELECT, INSERT ON prompt_versions TO ork_engine, ork_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON budgets, prices, saved_works, work_parts TO ork_engine, ork_api;
GRANT DELETE ON gates, run_budgets, steps TO ork_engine;

-- The core: runs, groups, tasks, the queue, events, logs.
--
-- A task row is written at birth and at settle; in between, a row in `ready`, `held`, `delayed` or `leases` says where it
-- is. Slots are counted from `leases`, so they cannot leak. Times are microseconds since 1970 in UTC. A task is
-- (run_id, n); its public id is the run's id with n + 1 in its low 32 bits.
--
-- The hot tables have no foreign keys (they would lock the parent on each insert; the checker proves the same) and no
-- index that no statement needs. Names of lanes and keys are compared as bytes.

CREATE TABLE workspaces (
    id         uuid PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    settings   json NOT NULL DEFAULT '{}',
    created_at bigint NOT NULL
);

-- What of a run is wide and changes rarely.
CREATE TABLE runs (
    id                  uuid PRIMARY KEY,
    workspace_id        uuid NOT NULL REFERENCES workspaces (id),
    external_id         text COLLATE "C",
    owner_id            text,
    name                text COLLATE "C" NOT NULL,
    priority            integer NOT NULL,
    plan_source         text,
    plan                json NOT NULL,
    input               json NOT NULL,
    result              json,
    error               json,
    triggered_by        text NOT NULL CHECK (triggered_by IN ('manual', 'api', 'schedule', 'hook', 'task', 'retry')),
    retry_of            uuid,
    host                text,
    in_process          boolean NOT NULL DEFAULT false,
    project             text,
    concurrency_key     text COLLATE "C",
    deadline_at         bigint,
    cancel_requested_at bigint,
    cancel_requested_by text,
    created_at          bigint NOT NULL,
    started_at          bigint,
    finished_at         bigint,
    UNIQUE (id, workspace_id)
);
-- The list of a workspace's runs, newest first, and the page after an id.
CREATE UNIQUE INDEX runs_by_workspace ON runs (workspace_id, id);
-- The list of one workflow's runs.
CREATE INDEX runs_by_name ON runs (workspace_id, name, id);
-- Look-up by the client's name for a run, and its uniqueness.
CREATE UNIQUE INDEX runs_by_external_id ON runs (workspace_id, external_id) WHERE external_id IS NOT NULL;
-- Live runs whose deadline has passed.
CREATE INDEX runs_by_deadline ON runs (deadline_at) WHERE deadline_at IS NOT NULL AND finished_at IS NULL;

CREATE TABLE run_labels (
    run_id       uuid NOT NULL,
    key          text COLLATE "C" NOT NULL,
    value        text COLLATE "C" NOT NULL,
    workspace_id uuid NOT NULL,
    PRIMARY KEY (run_id, key)
);
-- Runs with a label.
CREATE INDEX run_labels_by_value ON run_labels (workspace_id, key, value, run_id);

-- What of a run is narrow and changes with each settle. Event numbers come from `seq`. Half of each page stays free, so
-- that an update finds room beside the old row and touches no index.
CREATE TABLE run_heads (
    run_id       uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    status       text NOT NULL CHECK (status IN ('pending', 'running', 'success', 'failed', 'cancelled')),
    paused       boolean NOT NULL,
    held         boolean NOT NULL,
    stopping     boolean NOT NULL,
    cancelling   text CHECK (cancelling IN ('cancel', 'deadline')),
    on_failure   text NOT NULL CHECK (on_failure IN ('stop', 'continue')),
    has_result   boolean NOT NULL,
    seq          bigint NOT NULL,
    tasks_total  integer NOT NULL,
    tasks_left   integer NOT NULL CHECK (tasks_left >= 0),
    tasks_bad    integer NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

-- Live runs with a concurrency key: those with a slot, and those that are held until one is free.
CREATE TABLE run_slots (
    run_id            uuid PRIMARY KEY,
    workspace_id      uuid NOT NULL,
    concurrency_key   text COLLATE "C" NOT NULL,
    concurrency_limit bigint NOT NULL,
    priority          integer NOT NULL,
    admitted          boolean NOT NULL
);
-- Slots of a key: taken ones first, then who waits, in order.
CREATE INDEX run_slots_by_key ON run_slots (workspace_id, concurrency_key, admitted, priority DESC, run_id);

-- One row for each concurrency key that ever was contended: who gives out its slots holds the row's lock. On SQLite the
-- one writer is that lock.
CREATE TABLE slot_keys (
    workspace_id    uuid NOT NULL,
    concurrency_key text COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, concurrency_key)
);

-- A node of a run's plan with its fan-out siblings; dependencies are counted here.
CREATE TABLE groups (
    run_id            uuid NOT NULL,
    g                 integer NOT NULL,
    workspace_id      uuid NOT NULL,
    key               text COLLATE "C" NOT NULL,
    children          integer[] NOT NULL,
    parents           integer NOT NULL,
    run_if            text CHECK (run_if IN ('always', 'failed')),
    deep              boolean NOT NULL,
    evaluated         boolean NOT NULL,
    lane              text COLLATE "C" NOT NULL,
    priority          integer NOT NULL,
    concurrency_key   text COLLATE "C",
    concurrency_limit bigint,
    retry             json NOT NULL,
    at_most_once      boolean NOT NULL,
    phase             text NOT NULL CHECK (phase IN ('waiting', 'evaluating', 'released', 'over')),
    first             integer NOT NULL,
    rest              integer NOT NULL,
    size              integer,
    items             json,
    ended             text NOT NULL DEFAULT '',
    tasks_left        integer NOT NULL CHECK (tasks_left >= 0),
    tasks_bad         integer NOT NULL,
    tasks_unmet       integer NOT NULL,
    parents_left      integer NOT NULL CHECK (parents_left >= 0),
    parents_bad       integer NOT NULL,
    parents_unmet     integer NOT NULL,
    PRIMARY KEY (run_id, g)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- Written twice: at birth, and at the end, which finds room in the same page. The tasks of a group are found by their
-- numbers (`groups.first`, `groups.rest`), so the primary key is the only index.
CREATE TABLE tasks (
    run_id              uuid NOT NULL,
    n                   integer NOT NULL,
    workspace_id        uuid NOT NULL,
    g                   integer NOT NULL,
    task_index          integer NOT NULL,
    status              text NOT NULL
        CHECK (status IN ('pending', 'waiting', 'retrying', 'success', 'failed', 'skipped', 'cancelled')),
    reason              text,
    attempt             integer NOT NULL DEFAULT 0,
    failures            integer NOT NULL DEFAULT 0,
    lost                integer NOT NULL DEFAULT 0,
    exit_code           integer,
    signal              integer,
    available_at        bigint,
    lease               bigint,
    cpu_ms              bigint,
    memory_bytes_max    bigint,
    cancel_requested_at bigint,
    dispatched_at       bigint,
    started_at          bigint,
    finished_at         bigint,
    worker_id           uuid,
    reused_run_id       uuid,
    reused_n            integer,
    outcome             text,
    execution_name      text,
    output              json,
    error               json,
    PRIMARY KEY (run_id, n)
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);

-- What may be claimed now. `rank` is minus the priority, so that the key's order is the order of claims. Rows are only
-- inserted and deleted. Vacuumed early: dead entries at the head of the key are what slows claims down.
CREATE TABLE ready (
    lane            text COLLATE "C" NOT NULL,
    workspace_id    uuid NOT NULL,
    rank            bigint NOT NULL,
    seq             bigint NOT NULL,
    run_id          uuid NOT NULL,
    n               integer NOT NULL,
    g               integer NOT NULL,
    task_index      integer NOT NULL,
    attempt         integer NOT NULL,
    concurrency_key text COLLATE "C",
    PRIMARY KEY (lane, workspace_id, rank, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
        autovacuum_vacuum_insert_scale_factor = 0.5);
-- A run's part of the queue, for pause and cancel, and for a task's status.
CREATE INDEX ready_by_run ON ready (run_id, n);
-- Slots of a key that queued tasks have been given.
CREATE INDEX ready_by_key ON ready (workspace_id, concurrency_key) WHERE concurrency_key IS NOT NULL;
-- The order in which tasks were queued. No cache: numbers cached by a session would be given out late.
CREATE SEQUENCE ready_seq AS bigint;

-- Tasks that wait for a slot of their concurrency key.
CREATE TABLE held (
    run_id            uuid NOT NULL,
    n                 integer NOT NULL,
    workspace_id      uuid NOT NULL,
    g                 integer NOT NULL,
    task_index        integer NOT NULL,
    attempt           integer NOT NULL,
    lane              text COLLATE "C" NOT NULL,
    rank              bigint NOT NULL,
    seq               bigint NOT NULL,
    concurrency_key   text COLLATE "C" NOT NULL,
    concurrency_limit bigint NOT NULL,
    PRIMARY KEY (run_id, n)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
-- Who is next for a slot.
CREATE INDEX held_by_key ON held (workspace_id, concurrency_key, rank, seq);

-- Tasks whose next attempt is due later.
CREATE TABLE delayed (
    run_id       uuid NOT NULL,
    n            integer NOT NULL,
    workspace_id uuid NOT NULL,
    due_at       bigint NOT NULL,
    PRIMARY KEY (run_id, n)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
-- What is due.
CREATE INDEX delayed_by_due ON delayed (due_at);

-- Groups whose condition or size must be evaluated; -1 is the run's result.
CREATE TABLE evaluations (
    run_id       uuid NOT NULL,
    g            integer NOT NULL,
    workspace_id uuid NOT NULL,
    PRIMARY KEY (run_id, g)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

-- Who may settle which attempt. Deleting the row is the fence: whoever deletes it settles.
CREATE TABLE leases (
    run_id          uuid NOT NULL,
    n               integer NOT NULL,
    workspace_id    uuid NOT NULL,
    g               integer NOT NULL,
    task_index      integer NOT NULL,
    attempt         integer NOT NULL,
    lease           bigint NOT NULL,
    dispatched_at   bigint NOT NULL,
    started_at      bigint,
    worker_id       uuid NOT NULL,
    progress        smallint,
    concurrency_key text COLLATE "C",
    execution_name  text,
    stage           text,
    message         text,
    PRIMARY KEY (run_id, n)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
-- A worker's leases: a repeated claim, its cancels, its end.
CREATE INDEX leases_by_worker ON leases (worker_id, lease);
-- Slots of a key that are taken.
CREATE INDEX leases_by_key ON leases (workspace_id, concurrency_key) WHERE concurrency_key IS NOT NULL;

-- Attempts that ended while their task went on; a task's last attempt stands in its own row.
CREATE TABLE attempts (
    run_id           uuid NOT NULL,
    n                integer NOT NULL,
    attempt          integer NOT NULL,
    workspace_id     uuid NOT NULL,
    lease            bigint NOT NULL,
    worker_id        uuid NOT NULL,
    execution_name   text,
    outcome          text NOT NULL,
    error            json,
    exit_code        integer,
    signal           integer,
    cpu_ms           bigint,
    memory_bytes_max bigint,
    dispatched_at    bigint NOT NULL,
    started_at       bigint,
    finished_at      bigint NOT NULL,
    PRIMARY KEY (run_id, n, attempt)
);

-- A row holds one event of the run, or a batch of like events of its tasks, numbered seq to seq_last.
CREATE TABLE events (
    run_id       uuid NOT NULL,
    seq          bigint NOT NULL,
    seq_last     bigint NOT NULL,
    workspace_id uuid NOT NULL,
    type         text NOT NULL,
    tasks        text NOT NULL,
    actor_kind   text NOT NULL CHECK (actor_kind IN ('user', 'service', 'worker', 'system', 'bot')),
    actor_id     text NOT NULL,
    payload      json,
    created_at   bigint NOT NULL,
    PRIMARY KEY (run_id, seq),
    CHECK (seq_last >= seq AND seq > 0)
);
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are immutable';
END $$;
CREATE TRIGGER events_are_not_changed BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER events_are_not_truncated BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE workers (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    host         text NOT NULL,
    lanes        text[] NOT NULL,
    capacity     integer NOT NULL,
    version      text NOT NULL,
    started_at   bigint NOT NULL,
    heartbeat_at bigint NOT NULL,
    ended_at     bigint
) WITH (fillfactor = 50);
-- Workers that live. Not by `heartbeat_at`: an index on what each beat changes would be written by each beat.
CREATE INDEX workers_alive ON workers (started_at DESC, id DESC) WHERE ended_at IS NULL;

CREATE TABLE logs (
    run_id       uuid NOT NULL,
    n            integer NOT NULL,
    attempt      integer NOT NULL,
    position     integer NOT NULL,
    workspace_id uuid NOT NULL,
    stream       text NOT NULL CHECK (stream IN ('stdout', 'stderr')),
    bytes        bytea NOT NULL,
    PRIMARY KEY (run_id, n, attempt, position)
);

INSERT INTO workspaces (id, name, created_at) VALUES ('00000000-0000-7000-8000-000000000001', 'default', 0);

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
        WHEN hd.n IS NOT NULL THEN 'queued'
        WHEN EXISTS (SELECT 1 FROM ready q WHERE q.run_id = t.run_id AND q.n = t.n) THEN 'queued'
        ELSE t.status
    END AS status,
    t.reason,
    coalesce(l.attempt, t.attempt) AS attempt,
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
        WHEN h.tasks_left = 0 THEN 100::smallint
        ELSE ((100::bigint * (h.tasks_total - h.tasks_left)
               + (SELECT coalesce(sum(l.progress), 0) FROM leases l WHERE l.run_id = r.id)) / h.tasks_total)::smallint
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

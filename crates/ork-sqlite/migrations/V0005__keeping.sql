-- Secrets, schedules, and what is left of runs that are not kept.

-- Texts that are sealed with a key that is not in the database. The place of a row is bound to its ciphertext.
CREATE TABLE secrets (
    workspace_id BLOB NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    ciphertext   BLOB NOT NULL,
    key_id       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_by   TEXT NOT NULL,
    updated_at   INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, name)
) STRICT, WITHOUT ROWID;

-- When runs of stored workflows begin by themselves: what the newest revision says, and how far it is.
CREATE TABLE schedules (
    workflow_id  BLOB PRIMARY KEY REFERENCES workflows (id),
    workspace_id BLOB NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    revision_id  BLOB NOT NULL,
    cron         TEXT NOT NULL,
    timezone     TEXT NOT NULL,
    input        TEXT NOT NULL,
    overlap      TEXT NOT NULL CHECK (overlap IN ('skip', 'queue', 'allow')),
    catch_up     TEXT NOT NULL CHECK (catch_up IN ('none', 'latest', 'all')),
    enabled      INTEGER NOT NULL,
    next_at      INTEGER,
    last_at      INTEGER,
    last_run_id  BLOB,
    updated_by   TEXT NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- A schedule by its workflow's name, and the list of them.
CREATE UNIQUE INDEX schedules_by_name ON schedules (workspace_id, name);
-- Schedules whose time has come.
CREATE INDEX schedules_by_due ON schedules (next_at) WHERE enabled AND next_at IS NOT NULL;

-- What is left of a run that is not kept: it is gone as a whole from the moment at which it stands here. Its tasks, events and
-- logs follow in pieces; `swept` says that they are gone.
CREATE TABLE pruned_runs (
    run_id       BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    owner_id     TEXT,
    name         TEXT NOT NULL,
    status       TEXT NOT NULL CHECK (status IN ('success', 'failed', 'cancelled')),
    seq          INTEGER NOT NULL,
    finished_at  INTEGER NOT NULL,
    pruned_at    INTEGER NOT NULL,
    swept        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Runs whose rows are still to be removed.
CREATE INDEX pruned_runs_unswept ON pruned_runs (run_id) WHERE NOT swept;
-- Runs of a workspace by their end.
CREATE INDEX runs_by_end ON runs (workspace_id, finished_at, id) WHERE finished_at IS NOT NULL;
-- Live runs that were made of another one.
CREATE INDEX runs_by_origin ON runs (retry_of) WHERE retry_of IS NOT NULL AND finished_at IS NULL;

-- Events go with their run, and in no other way.
DROP TRIGGER events_are_not_deleted;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
WHEN NOT EXISTS (SELECT 1 FROM pruned_runs p WHERE p.run_id = OLD.run_id)
BEGIN SELECT RAISE(ABORT, 'events are immutable'); END;
-- A tombstone that comes from another database has no run here.
CREATE TRIGGER live_runs_are_kept BEFORE INSERT ON pruned_runs
WHEN EXISTS (
    SELECT 1 FROM run_heads h
    WHERE h.run_id = NEW.run_id AND (h.tasks_left > 0 OR h.status NOT IN ('success', 'failed', 'cancelled'))
)
BEGIN SELECT RAISE(ABORT, 'a run that is not over is kept'); END;
CREATE TRIGGER pruned_runs_stay BEFORE DELETE ON pruned_runs
BEGIN SELECT RAISE(ABORT, 'what is left of a run stays'); END;

-- Telling and keeping: webhooks, hooks, secrets, schedules, artifacts.

-- ==== webhooks and hooks ====

-- Whom a run tells of itself. The secret is sealed, or it is the workspace's secret of a name.
ALTER TABLE runs ADD COLUMN webhook_url TEXT;
ALTER TABLE runs ADD COLUMN webhook_secret BLOB;
ALTER TABLE runs ADD COLUMN webhook_secret_name TEXT;
ALTER TABLE runs ADD COLUMN webhook_events TEXT;
ALTER TABLE runs ADD COLUMN webhook_format TEXT;
-- The same of it that each change of the run asks for: which events, as bits (1 run.started, 2 run.finished, 4 task.finished).
ALTER TABLE run_heads ADD COLUMN told INTEGER NOT NULL DEFAULT 0;

-- Who is told of all runs of a workspace. `told` are the bits of `events`.
CREATE TABLE webhook_endpoints (
    id               BLOB PRIMARY KEY,
    workspace_id     BLOB NOT NULL REFERENCES workspaces (id),
    name             TEXT NOT NULL,
    url              TEXT NOT NULL,
    events           TEXT NOT NULL,
    told             INTEGER NOT NULL,
    format           TEXT NOT NULL CHECK (format = 'standard' OR format = 'execution'),
    secret           BLOB NOT NULL,
    previous_secret  BLOB,
    previous_until   INTEGER,
    slot             INTEGER NOT NULL CHECK (slot > 0 AND slot < 256),
    created_by       TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    disabled_at      INTEGER,
    disabled_because TEXT
) STRICT, WITHOUT ROWID;
-- The list of them; no two of a workspace have the same name.
CREATE UNIQUE INDEX webhook_endpoints_by_name ON webhook_endpoints (workspace_id, name);
CREATE UNIQUE INDEX webhook_endpoints_by_slot ON webhook_endpoints (workspace_id, slot);
-- What a workspace's runs tell: each change of a run asks.
CREATE INDEX webhook_endpoints_told ON webhook_endpoints (workspace_id, told) WHERE disabled_at IS NULL;

-- Messages, written with what they tell of. `next_attempt_at` of a pending one is also how long whoever sends it has.
CREATE TABLE webhook_deliveries (
    id               BLOB PRIMARY KEY,
    workspace_id     BLOB NOT NULL,
    run_id           BLOB,
    n                INTEGER,
    endpoint_id      BLOB,
    type             TEXT NOT NULL
        CHECK (type = 'run.started' OR type = 'run.finished' OR type = 'task.finished' OR type = 'webhook.test'),
    url              TEXT NOT NULL,
    payload          TEXT,
    status           TEXT NOT NULL CHECK (status = 'pending' OR status = 'delivered' OR status = 'failed'),
    attempts         INTEGER NOT NULL,
    next_attempt_at  INTEGER,
    last_status_code INTEGER,
    last_error       TEXT,
    log              TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    delivered_at     INTEGER
) STRICT, WITHOUT ROWID;
-- What is due, in the order in which it is read.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at, id, run_id) WHERE status = 'pending';
-- The list of a workspace's messages, newest first.
CREATE INDEX webhook_deliveries_by_workspace ON webhook_deliveries (workspace_id, created_at, id);
-- Those of a run.
CREATE INDEX webhook_deliveries_by_run ON webhook_deliveries (run_id, created_at, id) WHERE run_id IS NOT NULL;
-- Those that failed.
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (workspace_id, created_at, id) WHERE status = 'failed';

-- What others say to a workspace starts runs of its workflows. `key` is the end of a hook's address.
CREATE TABLE hooks (
    key          TEXT PRIMARY KEY,
    workspace_id BLOB NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    workflow     TEXT NOT NULL,
    secret       BLOB NOT NULL,
    input        TEXT,
    created_by   TEXT NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The list of them; no two of a workspace have the same name.
CREATE UNIQUE INDEX hooks_by_name ON hooks (workspace_id, name);

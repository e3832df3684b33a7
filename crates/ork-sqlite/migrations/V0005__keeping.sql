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
CREATE TRIGGER live_runs_are_kept BEFORE INSERT ON pruned_runs
WHEN NOT EXISTS (
    SELECT 1 FROM run_heads h
    WHERE h.run_id = NEW.run_id AND h.tasks_left = 0 AND h.status IN ('success', 'failed', 'cancelled')
)
BEGIN SELECT RAISE(ABORT, 'a run that is not over is kept'); END;
CREATE TRIGGER pruned_runs_stay BEFORE DELETE ON pruned_runs
BEGIN SELECT RAISE(ABORT, 'what is left of a run stays'); END;

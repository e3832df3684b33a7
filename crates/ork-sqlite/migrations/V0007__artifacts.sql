-- Artifacts: what runs keep, and which bytes nobody names.

-- Rows never change; they go with their run. Bytes are in Ork's artifact store under `key`, or elsewhere at `url`.
CREATE TABLE artifacts (
    id           BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    run_id       BLOB NOT NULL,
    n            INTEGER,
    attempt      INTEGER,
    step         TEXT,
    name         TEXT NOT NULL CHECK (name <> ''),
    kind         TEXT NOT NULL CHECK (kind <> ''),
    content_type TEXT NOT NULL,
    key          TEXT,
    url          TEXT,
    size         INTEGER CHECK (size >= 0),
    checksum     TEXT,
    meta         TEXT,
    created_at   INTEGER NOT NULL,
    CHECK (key IS NULL <> (url IS NULL)),
    CHECK (key IS NULL OR (size IS NOT NULL AND checksum IS NOT NULL))
) STRICT, WITHOUT ROWID;
-- Whether bytes are named; no two artifacts name the same.
CREATE UNIQUE INDEX artifacts_by_key ON artifacts (key) WHERE key IS NOT NULL;
-- The list of a workspace's artifacts, newest first.
CREATE UNIQUE INDEX artifacts_by_workspace ON artifacts (workspace_id, id);
-- Those of a run.
CREATE UNIQUE INDEX artifacts_by_run ON artifacts (run_id, id);
-- Those of a task.
CREATE UNIQUE INDEX artifacts_by_task ON artifacts (run_id, n, id) WHERE n IS NOT NULL;
CREATE TRIGGER artifacts_are_not_changed BEFORE UPDATE ON artifacts
BEGIN SELECT RAISE(ABORT, 'artifacts are immutable'); END;
CREATE TRIGGER artifacts_are_not_deleted BEFORE DELETE ON artifacts
WHEN NOT EXISTS (SELECT 1 FROM pruned_runs p WHERE p.run_id = OLD.run_id)
BEGIN SELECT RAISE(ABORT, 'artifacts are immutable'); END;
-- `REPLACE` would delete without asking the trigger above.
CREATE TRIGGER artifacts_are_not_replaced BEFORE INSERT ON artifacts
WHEN EXISTS (SELECT 1 FROM artifacts a WHERE a.id = NEW.id) OR EXISTS (SELECT 1 FROM artifacts a WHERE a.key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'artifacts are immutable'); END;
-- How many artifacts a run has: counted up with each, under the lock of its head.
ALTER TABLE run_heads ADD COLUMN artifacts INTEGER NOT NULL DEFAULT 0;

-- Bytes of the artifact store that no row names: yet, or any more. Until `kept_until` somebody may name them. Then they are
-- doomed, removed, and forgotten; of what is doomed, `kept_until` is when it was last to be removed.
CREATE TABLE loose_blobs (
    key          TEXT PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    kept_until   INTEGER NOT NULL,
    doomed       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- What is to be removed, the longest due first.
CREATE INDEX loose_blobs_by_due ON loose_blobs (kept_until, key);

CREATE VIEW v_artifacts AS
SELECT
    a.id,
    a.workspace_id,
    a.run_id,
    r.owner_id,
    a.n,
    a.attempt,
    a.step,
    a.name,
    a.kind,
    a.content_type,
    a.key,
    a.url,
    a.size,
    a.checksum,
    a.meta,
    a.created_at
FROM artifacts a
JOIN runs r ON r.id = a.run_id;

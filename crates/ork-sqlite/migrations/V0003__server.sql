-- What a server needs: tokens, stored workflows, paused queues, duties that one process at a time has, actions on many
-- runs, and a position in one order of all events.

-- Who may use the API, as what. The secret itself is kept by nobody: `token_hash` is keyed, and `key_id` tells keys apart.
CREATE TABLE api_tokens (
    id           BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    principal    TEXT NOT NULL,
    role         TEXT NOT NULL
        CHECK (role = 'viewer' OR role = 'user' OR role = 'operator' OR role = 'editor' OR role = 'admin' OR role = 'worker' OR role = 'bot' OR role = 'service'),
    queues       TEXT NOT NULL,
    token_hash   BLOB NOT NULL,
    prefix       TEXT NOT NULL,
    key_id       TEXT NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT, WITHOUT ROWID;
-- The token of a request.
CREATE UNIQUE INDEX api_tokens_by_hash ON api_tokens (token_hash);
-- A workspace's tokens; a name is free again once its token is revoked.
CREATE UNIQUE INDEX api_tokens_by_name ON api_tokens (workspace_id, name) WHERE revoked_at IS NULL;

CREATE TABLE workflows (
    id           BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    description  TEXT,
    revision_id  BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    deleted_at   INTEGER,
    UNIQUE (id, workspace_id)
) STRICT, WITHOUT ROWID;
-- A workflow by its name, and the list of them; a deleted one comes back with the next revision.
CREATE UNIQUE INDEX workflows_by_name ON workflows (workspace_id, name);

CREATE TABLE workflow_revisions (
    id              BLOB PRIMARY KEY,
    workspace_id    BLOB NOT NULL,
    workflow_id     BLOB NOT NULL,
    number          INTEGER NOT NULL CHECK (number > 0),
    definition_hash TEXT NOT NULL,
    source          TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    FOREIGN KEY (workflow_id, workspace_id) REFERENCES workflows (id, workspace_id)
) STRICT, WITHOUT ROWID;
-- The revisions of a workflow, newest last.
CREATE UNIQUE INDEX workflow_revisions_by_number ON workflow_revisions (workflow_id, number);

-- Queues that somebody paused; one that is not here is open.
CREATE TABLE queue_pauses (
    workspace_id BLOB NOT NULL REFERENCES workspaces (id),
    queue        TEXT NOT NULL,
    paused_by    TEXT NOT NULL,
    paused_at    INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, queue)
) STRICT, WITHOUT ROWID;

-- What one process at a time does for all. Two that overlap do no harm: each thing that is done is idempotent.
CREATE TABLE duties (
    name      TEXT PRIMARY KEY,
    holder_id BLOB NOT NULL,
    until_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Actions on all runs that a filter finds, carried out in pieces.
CREATE TABLE bulk_jobs (
    id           BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL REFERENCES workspaces (id),
    external_id  TEXT,
    action       TEXT NOT NULL CHECK (action = 'cancel' OR action = 'pause' OR action = 'resume' OR action = 'retry' OR action = 'acknowledge'),
    filter       TEXT NOT NULL,
    status       TEXT NOT NULL CHECK (status = 'running' OR status = 'success' OR status = 'cancelled'),
    before_id    BLOB NOT NULL,
    seen         INTEGER NOT NULL,
    changed      INTEGER NOT NULL,
    actor_kind   TEXT NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    finished_at  INTEGER
) STRICT, WITHOUT ROWID;
-- The list of a workspace's jobs, newest first.
CREATE UNIQUE INDEX bulk_jobs_by_workspace ON bulk_jobs (workspace_id, id);
-- A job by its client's name.
CREATE UNIQUE INDEX bulk_jobs_by_external_id ON bulk_jobs (workspace_id, external_id) WHERE external_id IS NOT NULL;
-- Jobs that go on.
CREATE INDEX bulk_jobs_running ON bulk_jobs (id) WHERE status = 'running';

-- The workflow that a run is of, and who has seen that it ended.
ALTER TABLE runs ADD COLUMN workflow_id BLOB;
ALTER TABLE runs ADD COLUMN revision_id BLOB;
ALTER TABLE runs ADD COLUMN acknowledged_at INTEGER;
ALTER TABLE runs ADD COLUMN acknowledged_by TEXT;
-- Runs that ended and that nobody has seen. By id: the list of them is walked like that of all.
CREATE INDEX runs_unacknowledged ON runs (id, workspace_id) WHERE finished_at IS NOT NULL AND acknowledged_at IS NULL;

-- Runs that are not over, of a workspace: what its quotas count.
CREATE INDEX runs_live ON runs (workspace_id) WHERE finished_at IS NULL;

-- Where an event stands in the order of all events. There is one writer, so the order of commits is that of the numbers.
ALTER TABLE events ADD COLUMN feed INTEGER NOT NULL DEFAULT 0;
-- Events after a position.
CREATE INDEX events_by_feed ON events (feed, run_id, seq);
-- The last position that was given out: what is pruned gives none back.
INSERT INTO counters (name, value) VALUES ('feed', 0);

DROP VIEW v_runs;
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
    r.finished_at,
    r.workflow_id,
    r.revision_id,
    r.acknowledged_at,
    r.acknowledged_by
FROM runs r
JOIN run_heads h ON h.run_id = r.id;

-- What a server needs: tokens, stored workflows, paused queues, duties that one process at a time has, actions on many
-- runs, and a position in one order of all events.

-- Who may use the API, as what. The secret itself is kept by nobody: `token_hash` is keyed, and `key_id` tells keys apart.
CREATE TABLE api_tokens (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    name         text COLLATE "C" NOT NULL,
    principal    text COLLATE "C" NOT NULL,
    role         text NOT NULL
        CHECK (role IN ('viewer', 'user', 'operator', 'editor', 'admin', 'worker', 'bot', 'service')),
    queues       text[] NOT NULL,
    token_hash   bytea NOT NULL,
    prefix       text NOT NULL,
    key_id       text NOT NULL,
    created_by   text NOT NULL,
    created_at   bigint NOT NULL,
    expires_at   bigint,
    last_used_at bigint,
    revoked_at   bigint
) WITH (fillfactor = 70);
-- The token of a request.
CREATE UNIQUE INDEX api_tokens_by_hash ON api_tokens (token_hash);
-- A workspace's tokens; a name is free again once its token is revoked.
CREATE UNIQUE INDEX api_tokens_by_name ON api_tokens (workspace_id, name) WHERE revoked_at IS NULL;

CREATE TABLE workflows (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    name         text COLLATE "C" NOT NULL,
    description  text,
    revision_id  uuid NOT NULL,
    created_at   bigint NOT NULL,
    updated_at   bigint NOT NULL,
    deleted_at   bigint,
    UNIQUE (id, workspace_id)
);
-- A workflow by its name, and the list of them; a deleted one comes back with the next revision.
CREATE UNIQUE INDEX workflows_by_name ON workflows (workspace_id, name);

CREATE TABLE workflow_revisions (
    id              uuid PRIMARY KEY,
    workspace_id    uuid NOT NULL,
    workflow_id     uuid NOT NULL,
    number          integer NOT NULL CHECK (number > 0),
    definition_hash text NOT NULL,
    source          text NOT NULL,
    created_by      text NOT NULL,
    created_at      bigint NOT NULL,
    FOREIGN KEY (workflow_id, workspace_id) REFERENCES workflows (id, workspace_id)
);
-- The revisions of a workflow, newest last.
CREATE UNIQUE INDEX workflow_revisions_by_number ON workflow_revisions (workflow_id, number);

-- Queues that somebody paused; one that is not here is open.
CREATE TABLE queue_pauses (
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    queue        text COLLATE "C" NOT NULL,
    paused_by    text NOT NULL,
    paused_at    bigint NOT NULL,
    PRIMARY KEY (workspace_id, queue)
);

-- What one process at a time does for all. Two that overlap do no harm: each thing that is done is idempotent.
CREATE TABLE duties (
    name      text COLLATE "C" PRIMARY KEY,
    holder_id uuid NOT NULL,
    until_at  bigint NOT NULL
);

-- Actions on all runs that a filter finds, carried out in pieces.
CREATE TABLE bulk_jobs (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    external_id  text COLLATE "C",
    action       text NOT NULL CHECK (action IN ('cancel', 'pause', 'resume', 'retry', 'acknowledge')),
    filter       text NOT NULL,
    status       text NOT NULL CHECK (status IN ('running', 'success', 'cancelled')),
    before_id    uuid NOT NULL,
    seen         bigint NOT NULL,
    changed      bigint NOT NULL,
    actor_kind   text NOT NULL,
    created_by   text NOT NULL,
    created_at   bigint NOT NULL,
    finished_at  bigint
);
-- The list of a workspace's jobs, newest first.
CREATE UNIQUE INDEX bulk_jobs_by_workspace ON bulk_jobs (workspace_id, id);
-- A job by its client's name.
CREATE UNIQUE INDEX bulk_jobs_by_external_id ON bulk_jobs (workspace_id, external_id) WHERE external_id IS NOT NULL;
-- Jobs that go on.
CREATE INDEX bulk_jobs_running ON bulk_jobs (id) WHERE status = 'running';

-- The workflow that a run is of, and who has seen that it ended.
ALTER TABLE runs ADD COLUMN workflow_id uuid;
ALTER TABLE runs ADD COLUMN revision_id uuid;
ALTER TABLE runs ADD COLUMN acknowledged_at bigint;
ALTER TABLE runs ADD COLUMN acknowledged_by text;
-- Runs that ended and that nobody has seen.
CREATE INDEX runs_unacknowledged ON runs (workspace_id, id) WHERE finished_at IS NOT NULL AND acknowledged_at IS NULL;

-- Runs that are not over, of a workspace: what its quotas count.
CREATE INDEX runs_live ON runs (workspace_id) WHERE finished_at IS NULL;

-- Where an event stands in the order of all events: the id of the transaction that wrote it, or that of the run's event
-- before it if that is higher. A transaction's id is taken before it commits, so a reader goes no further than the oldest
-- transaction that is still at work (`pg_snapshot_xmin`): nothing can come in before a place that it has read. The order
-- within a run is that of its own numbers, because a run's events never go back.
ALTER TABLE events ADD COLUMN feed bigint NOT NULL DEFAULT 0;
ALTER TABLE run_heads ADD COLUMN feed bigint NOT NULL DEFAULT 0;
-- Events after a position.
CREATE INDEX events_by_feed ON events (feed, run_id, seq);

CREATE OR REPLACE VIEW v_runs AS
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
    r.finished_at,
    r.workflow_id,
    r.revision_id,
    r.acknowledged_at,
    r.acknowledged_by
FROM runs r
JOIN run_heads h ON h.run_id = r.id;

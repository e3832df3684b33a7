-- Telling and keeping: webhooks, hooks, secrets, schedules, artifacts.

-- ==== webhooks and hooks ====

-- Whom a run tells of itself. The secret is sealed, or it is the workspace's secret of a name.
ALTER TABLE runs ADD COLUMN webhook_url text;
ALTER TABLE runs ADD COLUMN webhook_secret bytea;
ALTER TABLE runs ADD COLUMN webhook_secret_name text;
ALTER TABLE runs ADD COLUMN webhook_events text;
ALTER TABLE runs ADD COLUMN webhook_format text;
-- The same of it that each change of the run asks for: which events, as bits (1 run.started, 2 run.finished, 4 task.finished).
ALTER TABLE run_heads ADD COLUMN told integer NOT NULL DEFAULT 0;

-- Who is told of all runs of a workspace. `told` are the bits of `events`.
CREATE TABLE webhook_endpoints (
    id               uuid PRIMARY KEY,
    workspace_id     uuid NOT NULL REFERENCES workspaces (id),
    name             text COLLATE "C" NOT NULL,
    url              text NOT NULL,
    events           text NOT NULL,
    told             integer NOT NULL,
    format           text NOT NULL CHECK (format IN ('standard', 'execution')),
    secret           bytea NOT NULL,
    previous_secret  bytea,
    previous_until   bigint,
    slot             integer NOT NULL CHECK (slot > 0 AND slot < 256),
    created_by       text NOT NULL,
    created_at       bigint NOT NULL,
    updated_at       bigint NOT NULL,
    disabled_at      bigint,
    disabled_because text
);
-- The list of them; no two of a workspace have the same name.
CREATE UNIQUE INDEX webhook_endpoints_by_name ON webhook_endpoints (workspace_id, name);
CREATE UNIQUE INDEX webhook_endpoints_by_slot ON webhook_endpoints (workspace_id, slot);
-- What a workspace's runs tell: each change of a run asks.
CREATE INDEX webhook_endpoints_told ON webhook_endpoints (workspace_id, told) WHERE disabled_at IS NULL;

-- Messages, written with what they tell of. `next_attempt_at` of a pending one is also how long whoever sends it has.
CREATE TABLE webhook_deliveries (
    id               uuid PRIMARY KEY,
    workspace_id     uuid NOT NULL,
    run_id           uuid,
    n                integer,
    endpoint_id      uuid,
    type             text NOT NULL CHECK (type IN ('run.started', 'run.finished', 'task.finished', 'webhook.test')),
    url              text NOT NULL,
    payload          text,
    status           text NOT NULL CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts         integer NOT NULL,
    next_attempt_at  bigint,
    last_status_code integer,
    last_error       text,
    log              json NOT NULL,
    created_at       bigint NOT NULL,
    delivered_at     bigint
) WITH (fillfactor = 70);
-- What is due.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at, run_id) WHERE status = 'pending';
-- The list of a workspace's messages, newest first.
CREATE INDEX webhook_deliveries_by_workspace ON webhook_deliveries (workspace_id, created_at, id);
-- Those of a run.
CREATE INDEX webhook_deliveries_by_run ON webhook_deliveries (run_id, created_at, id) WHERE run_id IS NOT NULL;
-- Those that failed.
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (workspace_id, created_at, id) WHERE status = 'failed';

-- What others say to a workspace starts runs of its workflows. `key` is the end of a hook's address.
CREATE TABLE hooks (
    key          text COLLATE "C" PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    name         text COLLATE "C" NOT NULL,
    workflow     text COLLATE "C" NOT NULL,
    secret       bytea NOT NULL,
    input        json,
    created_by   text NOT NULL,
    created_at   bigint NOT NULL
);
-- The list of them; no two of a workspace have the same name.
CREATE UNIQUE INDEX hooks_by_name ON hooks (workspace_id, name);

ALTER TABLE webhook_endpoints ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE hooks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY engine ON hooks TO ork_engine USING (true) WITH CHECK (true);
CREATE POLICY tenant ON hooks TO ork_api USING (ork_place(workspace_id) <> 'foreign');
CREATE POLICY engine ON webhook_endpoints TO ork_engine USING (true) WITH CHECK (true);
CREATE POLICY engine ON webhook_deliveries TO ork_engine USING (true) WITH CHECK (true);
CREATE POLICY tenant ON webhook_endpoints TO ork_api USING (ork_place(workspace_id) <> 'foreign');
-- Below a run, but for tests, which nobody sees who sees only runs of their own.
CREATE POLICY tenant ON webhook_deliveries TO ork_api USING (ork_place(workspace_id) <> 'foreign'
    AND ((SELECT ork_sees()) <> 'own' OR EXISTS (SELECT 1 FROM runs r WHERE r.id = webhook_deliveries.run_id OFFSET 0)));
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoints TO ork_engine, ork_api;
GRANT SELECT, INSERT, UPDATE ON webhook_deliveries TO ork_engine, ork_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON hooks TO ork_engine, ork_api;

-- Secrets, schedules, and what is left of runs that are not kept.

-- Texts that are sealed with a key that is not in the database. The place of a row is bound to its ciphertext.
CREATE TABLE secrets (
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    name         text COLLATE "C" NOT NULL,
    ciphertext   bytea NOT NULL,
    key_id       text NOT NULL,
    created_at   bigint NOT NULL,
    updated_by   text NOT NULL,
    updated_at   bigint NOT NULL,
    PRIMARY KEY (workspace_id, name)
);

-- When runs of stored workflows begin by themselves: what the newest revision says, and how far it is.
CREATE TABLE schedules (
    workflow_id  uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    name         text COLLATE "C" NOT NULL,
    revision_id  uuid NOT NULL,
    cron         text NOT NULL,
    timezone     text NOT NULL,
    input        json NOT NULL,
    overlap      text NOT NULL CHECK (overlap IN ('skip', 'queue', 'allow')),
    catch_up     text NOT NULL CHECK (catch_up IN ('none', 'latest', 'all')),
    enabled      boolean NOT NULL,
    next_at      bigint,
    last_at      bigint,
    last_run_id  uuid,
    updated_by   text NOT NULL,
    updated_at   bigint NOT NULL,
    FOREIGN KEY (workflow_id, workspace_id) REFERENCES workflows (id, workspace_id)
);
-- A schedule by its workflow's name, and the list of them.
CREATE UNIQUE INDEX schedules_by_name ON schedules (workspace_id, name);
-- Schedules whose time has come.
CREATE INDEX schedules_by_due ON schedules (next_at) WHERE enabled AND next_at IS NOT NULL;

-- What is left of a run that is not kept: it is gone as a whole from the moment at which it stands here. Its tasks, events and
-- logs follow in pieces; `swept` says that they are gone.
CREATE TABLE pruned_runs (
    run_id       uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    owner_id     text,
    name         text NOT NULL,
    status       text NOT NULL CHECK (status IN ('success', 'failed', 'cancelled')),
    seq          bigint NOT NULL,
    finished_at  bigint NOT NULL,
    pruned_at    bigint NOT NULL,
    swept        boolean NOT NULL
);
-- Runs whose rows are still to be removed.
CREATE INDEX pruned_runs_unswept ON pruned_runs (run_id) WHERE NOT swept;
-- Runs of a workspace by their end.
CREATE INDEX runs_by_end ON runs (workspace_id, finished_at, id) WHERE finished_at IS NOT NULL;
-- Live runs that were made of another one.
CREATE INDEX runs_by_origin ON runs (retry_of) WHERE retry_of IS NOT NULL AND finished_at IS NULL;

-- Events go with their run, and in no other way.
CREATE FUNCTION refuse_unless_pruned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM pruned_runs p WHERE p.run_id = OLD.run_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'events are immutable';
END $$;
DROP TRIGGER events_are_not_changed ON events;
CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_unless_pruned();
-- A tombstone that comes from another database has no run here.
CREATE FUNCTION refuse_to_prune_live() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM run_heads h
        WHERE h.run_id = NEW.run_id AND (h.tasks_left > 0 OR h.status NOT IN ('success', 'failed', 'cancelled'))
    ) THEN
        RAISE EXCEPTION 'a run that is not over is kept';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER live_runs_are_kept BEFORE INSERT ON pruned_runs
    FOR EACH ROW EXECUTE FUNCTION refuse_to_prune_live();

-- Who may do what with these three, and who removes what is not kept: the engine, and nobody else.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['pruned_runs', 'schedules', 'secrets'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY engine ON %I TO ork_engine USING (true) WITH CHECK (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['schedules', 'secrets'] LOOP
        EXECUTE format('CREATE POLICY tenant ON %I TO ork_api USING (ork_place(workspace_id) <> ''foreign'')', name);
    END LOOP;
END $$;
CREATE POLICY tenant ON pruned_runs TO ork_api USING (ork_place(workspace_id) <> 'foreign'
    AND ((SELECT ork_sees()) <> 'own' OR owner_id = (SELECT ork_person())));
GRANT SELECT, INSERT, UPDATE, DELETE ON schedules, secrets TO ork_engine, ork_api;
GRANT SELECT, INSERT, UPDATE ON pruned_runs TO ork_engine;
GRANT SELECT ON pruned_runs TO ork_api;
GRANT DELETE ON attempts, events, groups, logs, run_heads, run_labels, runs, tasks TO ork_engine;

-- Moving data. What is copied into a database keeps its numbers, and the next one comes after them.
GRANT UPDATE ON SEQUENCE ready_seq TO ork_engine;

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
GRANT DELETE ON webhook_deliveries TO ork_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON hooks TO ork_engine, ork_api;

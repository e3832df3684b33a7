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
CREATE FUNCTION refuse_to_prune_live() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM run_heads h
        WHERE h.run_id = NEW.run_id AND h.tasks_left = 0 AND h.status IN ('success', 'failed', 'cancelled')
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

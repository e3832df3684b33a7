-- Artifacts: what runs keep, and which bytes nobody names.

-- Rows never change; they go with their run. Bytes are in Ork's artifact store under `key`, or elsewhere at `url`.
CREATE TABLE artifacts (
    id           uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    run_id       uuid NOT NULL,
    n            integer,
    attempt      integer,
    step         text,
    name         text COLLATE "C" NOT NULL CHECK (name <> ''),
    kind         text COLLATE "C" NOT NULL CHECK (kind <> ''),
    content_type text NOT NULL,
    key          text COLLATE "C",
    url          text,
    size         bigint CHECK (size >= 0),
    checksum     text,
    meta         json,
    created_at   bigint NOT NULL,
    CHECK ((key IS NULL) <> (url IS NULL)),
    CHECK (key IS NULL OR (size IS NOT NULL AND checksum IS NOT NULL))
);
-- Whether bytes are named; no two artifacts name the same.
CREATE UNIQUE INDEX artifacts_by_key ON artifacts (key) WHERE key IS NOT NULL;
-- The list of a workspace's artifacts, newest first.
CREATE UNIQUE INDEX artifacts_by_workspace ON artifacts (workspace_id, id);
-- Those of a run.
CREATE UNIQUE INDEX artifacts_by_run ON artifacts (run_id, id);
-- Those of a task.
CREATE UNIQUE INDEX artifacts_by_task ON artifacts (run_id, n, id) WHERE n IS NOT NULL;
CREATE FUNCTION refuse_change_of_artifact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM pruned_runs p WHERE p.run_id = OLD.run_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'artifacts are immutable';
END $$;
CREATE TRIGGER artifacts_are_not_changed BEFORE UPDATE OR DELETE ON artifacts
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_artifact();
CREATE FUNCTION refuse_to_empty_artifacts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'artifacts are immutable';
END $$;
CREATE TRIGGER artifacts_are_not_truncated BEFORE TRUNCATE ON artifacts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_empty_artifacts();
-- How many artifacts a run has: counted up with each, under the lock of its head.
ALTER TABLE run_heads ADD COLUMN artifacts integer NOT NULL DEFAULT 0;

-- Bytes of the artifact store that no row names: yet, or any more. Until `kept_until` somebody may name them. Then they are
-- doomed, removed, and forgotten; of what is doomed, `kept_until` is when it was last to be removed.
CREATE TABLE loose_blobs (
    key          text COLLATE "C" PRIMARY KEY,
    workspace_id uuid NOT NULL,
    kept_until   bigint NOT NULL,
    doomed       boolean NOT NULL
);
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

-- Who may do what with all this: artifacts are added, and go with their run, which the engine removes.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['artifacts', 'loose_blobs'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY engine ON %I TO ork_engine USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;
CREATE POLICY tenant ON artifacts TO ork_api USING (ork_place(workspace_id) <> 'foreign'
    AND ((SELECT ork_sees()) <> 'own' OR EXISTS (SELECT 1 FROM runs r WHERE r.id = artifacts.run_id OFFSET 0)));
CREATE POLICY tenant ON loose_blobs TO ork_api USING (ork_place(workspace_id) <> 'foreign');
ALTER VIEW v_artifacts SET (security_invoker = true);
GRANT SELECT ON v_artifacts TO ork_engine, ork_api;
GRANT SELECT, INSERT ON artifacts TO ork_engine, ork_api;
GRANT DELETE ON artifacts TO ork_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON loose_blobs TO ork_engine, ork_api;

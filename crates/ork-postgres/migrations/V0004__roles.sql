-- Who may do what. The tables belong to the role that migrates. Two roles work on them, and nobody logs in as one of the
-- two: `ork_engine` serves all workspaces, `ork_api` the one of the request at hand. They are of the whole cluster, so
-- `ork db migrate` makes them before this. `ork db verify` compares everything here with what `src/privileges.rs` says.
--
-- Row level security is forced: without a policy of its own the owner sees no row either. A later migration that changes
-- rows says `NO FORCE ROW LEVEL SECURITY` first and `FORCE` at its end.

-- Whether a workspace is the one that the transaction names (nothing is, where none is named); and the person whose runs it may
-- touch, if it sees not all but its own.
--
-- How policies ask decides about plans. `<> 'foreign'` and `<> 'own'` are questions that PostgreSQL takes for true, as for the rows
-- that a statement asks for they nearly always are. With `workspace_id = …` in the policy and in the statement it would count
-- on a small part of a small part, and sort all runs of a tenant for a page of them. Neither is a condition of an index: by
-- one, a plan that was made while tables were tiny would go through the rows of the tenant instead of by the key.
CREATE FUNCTION ork_place(workspace uuid) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$SELECT CASE WHEN workspace = nullif(current_setting('ork.workspace', true), '')::uuid THEN 'own' ELSE 'foreign' END$$;
CREATE FUNCTION ork_person() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$SELECT nullif(current_setting('ork.owner', true), '')$$;
CREATE FUNCTION ork_sees() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$SELECT CASE WHEN coalesce(current_setting('ork.owner', true), '') = '' THEN 'all' ELSE 'own' END$$;

DO $$
DECLARE
    name text;
BEGIN
    IF NOT has_schema_privilege('ork_engine', current_schema(), 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO ork_engine, ork_api', current_schema());
    END IF;
    FOREACH name IN ARRAY ARRAY[
        'api_tokens', 'attempts', 'bulk_jobs', 'delayed', 'duties', 'evaluations', 'events', 'groups', 'held', 'leases', 'logs',
        'queue_pauses', 'ready', 'run_heads', 'run_labels', 'run_slots', 'runs', 'slot_keys', 'tasks', 'workers',
        'workflow_revisions', 'workflows', 'workspaces'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY engine ON %I TO ork_engine USING (true) WITH CHECK (true)', name);
    END LOOP;
    -- What has a tenant and belongs to no run.
    FOREACH name IN ARRAY ARRAY[
        'api_tokens', 'bulk_jobs', 'queue_pauses', 'slot_keys', 'workflow_revisions', 'workflows'
    ] LOOP
        EXECUTE format('CREATE POLICY tenant ON %I TO ork_api USING (ork_place(workspace_id) <> ''foreign'')', name);
    END LOOP;
    -- What lies below a run. The runs that this asks for are those that the policy of `runs` shows. `OFFSET 0` keeps it a
    -- look-up by key; otherwise all runs of a person may be read into a table of hashes first.
    FOREACH name IN ARRAY ARRAY[
        'attempts', 'delayed', 'evaluations', 'events', 'groups', 'held', 'leases', 'logs', 'ready', 'run_heads', 'run_labels',
        'run_slots', 'tasks'
    ] LOOP
        EXECUTE format(
            'CREATE POLICY tenant ON %1$I TO ork_api USING (ork_place(workspace_id) <> ''foreign''
             AND ((SELECT ork_sees()) <> ''own'' OR EXISTS (SELECT 1 FROM runs r WHERE r.id = %1$I.run_id OFFSET 0)))', name);
    END LOOP;
END $$;
CREATE POLICY tenant ON workspaces TO ork_api USING (ork_place(id) <> 'foreign');
CREATE POLICY tenant ON runs TO ork_api USING (ork_place(workspace_id) <> 'foreign'
    AND ((SELECT ork_sees()) <> 'own' OR owner_id = (SELECT ork_person())));
-- Workers serve all tenants.
CREATE POLICY tenant ON workers TO ork_api USING (true) WITH CHECK (false);

-- Rows that change must be changeable by who locks them: `FOR UPDATE` takes the right to update.
GRANT SELECT, INSERT ON attempts, events, logs, run_labels, workflow_revisions TO ork_engine, ork_api;
GRANT SELECT, INSERT, UPDATE ON api_tokens, bulk_jobs, groups, run_heads, runs, slot_keys, tasks, workflows TO ork_engine, ork_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON delayed, evaluations, held, leases, queue_pauses, ready, run_slots TO ork_engine, ork_api;
GRANT SELECT, INSERT, UPDATE ON workers, workspaces TO ork_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON duties TO ork_engine;
GRANT SELECT ON workers, workspaces TO ork_api;
GRANT SELECT ON refinery_schema_history, v_runs, v_tasks TO ork_engine, ork_api;
GRANT USAGE ON SEQUENCE ready_seq TO ork_engine, ork_api;

-- A view is read with the rights of whoever reads it, not with those of its owner.
ALTER VIEW v_runs SET (security_invoker = true);
ALTER VIEW v_tasks SET (security_invoker = true);

-- A run belongs to the person for whom it was created, and never to another tenant or person.
CREATE FUNCTION refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a run keeps its workspace and its owner';
END $$;
CREATE TRIGGER runs_stay_where_they_are BEFORE UPDATE OF id, workspace_id, owner_id ON runs
    FOR EACH ROW EXECUTE FUNCTION refuse_move();

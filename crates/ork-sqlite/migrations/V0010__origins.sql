-- A run is kept as long as another one has outputs of it: the bytes that they name are its.
CREATE INDEX tasks_by_origin ON tasks (reused_run_id) WHERE reused_run_id IS NOT NULL;

-- Served by `runs_by_external_id`: a partial index, so the name must be seen to be there.
SELECT id FROM runs WHERE workspace_id = $1 AND external_id = $2

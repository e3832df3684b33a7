SELECT open_as, error FROM tasks WHERE run_id = $1 AND n = $2 AND ($3::uuid IS NULL OR workspace_id = $3)

SELECT workspace_id, run_id, g FROM evaluations
WHERE ($1::uuid IS NULL OR workspace_id = $1) AND ($2::uuid IS NULL OR run_id = $2) ORDER BY run_id, g LIMIT $3

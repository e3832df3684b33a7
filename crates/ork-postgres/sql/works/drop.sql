DELETE FROM saved_works WHERE run_id = $1 AND n = $2 AND ($3::uuid IS NULL OR workspace_id = $3)

SELECT * FROM v_artifacts WHERE id = $1 AND ($2::uuid IS NULL OR workspace_id = $2)

DELETE FROM prices WHERE workspace_id = $1 AND model = $2

DELETE FROM hooks WHERE workspace_id = $1 AND name = $2

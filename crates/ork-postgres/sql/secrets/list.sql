SELECT workspace_id, name, key_id, created_at, updated_by, updated_at FROM secrets
WHERE ($1::uuid IS NULL OR workspace_id = $1) AND name > $2
ORDER BY workspace_id, name LIMIT $3

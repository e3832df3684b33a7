SELECT workspace_id, name, key, workflow, secret, input, created_by, created_at FROM hooks
WHERE ?1 IS NULL OR workspace_id = ?1
ORDER BY workspace_id, name

SELECT workspace_id, name, key, workflow, secret, input, created_by, created_at FROM hooks WHERE key = ?1

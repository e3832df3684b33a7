INSERT INTO workflows (id, workspace_id, name, description, revision_id, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
ON CONFLICT (workspace_id, name) DO NOTHING

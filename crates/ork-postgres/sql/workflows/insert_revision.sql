INSERT INTO workflow_revisions (id, workspace_id, workflow_id, number, definition_hash, source, created_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

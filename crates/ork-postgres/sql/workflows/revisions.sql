SELECT id AS revision_id, number, definition_hash, created_by, created_at FROM workflow_revisions
WHERE workflow_id = $1 AND ($2::uuid IS NULL OR workspace_id = $2) AND number < $3
ORDER BY number DESC LIMIT $4

SELECT w.id, w.workspace_id, w.name, w.description, r.id AS revision_id, r.number, r.definition_hash, r.created_by,
       r.created_at AS revised_at, w.created_at, w.updated_at
FROM workflows w JOIN workflow_revisions r ON r.id = w.revision_id
WHERE w.name = $1 AND ($2::uuid IS NULL OR w.workspace_id = $2) AND w.deleted_at IS NULL

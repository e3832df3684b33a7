-- A workflow as a change finds it, deleted or not. Whoever changes it holds its row.
SELECT w.id, w.revision_id, r.number, r.definition_hash, w.deleted_at IS NOT NULL
FROM workflows w LEFT JOIN workflow_revisions r ON r.id = w.revision_id
WHERE w.workspace_id = $1 AND w.name = $2
FOR UPDATE OF w

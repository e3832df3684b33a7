INSERT INTO hooks (workspace_id, name, key, workflow, secret, input, created_by, created_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
WHERE (SELECT count(*) FROM hooks WHERE workspace_id = ?1) < ?9
ON CONFLICT (key) DO NOTHING

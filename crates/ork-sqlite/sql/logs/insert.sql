INSERT INTO logs (run_id, n, attempt, position, workspace_id, stream, bytes)
SELECT ?1, ?2, ?3, ?4, r.workspace_id, ?5, ?6 FROM runs r WHERE r.id = ?1 AND (?7 IS NULL OR r.workspace_id = ?7)
ON CONFLICT DO NOTHING

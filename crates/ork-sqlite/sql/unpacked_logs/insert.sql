INSERT INTO unpacked_logs (run_id, n, attempt, workspace_id)
SELECT l.run_id, l.n, l.attempt, l.workspace_id FROM logs l
WHERE l.run_id = ?1 AND l.n = ?2 AND l.attempt = ?3 AND l.start = ?4 AND (?5 IS NULL OR l.workspace_id = ?5)
ON CONFLICT DO NOTHING

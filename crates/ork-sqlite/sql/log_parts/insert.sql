INSERT INTO log_parts (run_id, n, attempt, start, workspace_id, length, line, lines, size, blob_key, bytes)
SELECT ?1, ?2, ?3, ?4, u.workspace_id, ?5, ?6, ?7, ?8, ?9, ?10
FROM unpacked_logs u WHERE u.run_id = ?1 AND u.n = ?2 AND u.attempt = ?3
ON CONFLICT DO NOTHING

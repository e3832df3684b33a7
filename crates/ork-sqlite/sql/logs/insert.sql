-- Not what is packed already.
INSERT INTO logs (run_id, n, attempt, start, line, workspace_id, stream, bytes)
SELECT ?1, ?2, ?3, ?4, ?5, r.workspace_id, ?6, ?7 FROM runs r
WHERE r.id = ?1 AND (?8 IS NULL OR r.workspace_id = ?8) AND NOT EXISTS (
    SELECT 1 FROM log_parts p
    WHERE p.run_id = ?1 AND p.n = ?2 AND p.attempt = ?3 AND p.start + p.length >= ?4 + length(?7))
ON CONFLICT DO NOTHING

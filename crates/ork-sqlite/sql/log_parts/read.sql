SELECT start, line, length, lines, size, blob_key, bytes FROM log_parts
WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 AND start + length > ?4 AND (?5 IS NULL OR workspace_id = ?5)
ORDER BY start

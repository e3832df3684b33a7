SELECT start + length AS start, line + lines AS line FROM log_parts
WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 AND (?4 IS NULL OR workspace_id = ?4)
ORDER BY start DESC LIMIT 1

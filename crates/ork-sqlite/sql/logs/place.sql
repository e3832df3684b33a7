SELECT start, line FROM logs
WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 AND line < ?4 AND (?5 IS NULL OR workspace_id = ?5)
ORDER BY start DESC LIMIT 1

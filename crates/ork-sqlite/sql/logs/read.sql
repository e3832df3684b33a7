SELECT position, stream, bytes FROM logs
WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 AND position >= ?4 AND (?5 IS NULL OR workspace_id = ?5) ORDER BY position

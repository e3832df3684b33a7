SELECT 1 FROM logs WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 AND (?4 IS NULL OR workspace_id = ?4) LIMIT 1

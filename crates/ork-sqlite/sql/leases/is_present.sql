SELECT 1 FROM leases
WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 AND lease = ?4 AND (?5 IS NULL OR workspace_id = ?5)

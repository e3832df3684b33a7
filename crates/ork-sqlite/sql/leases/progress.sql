UPDATE leases SET progress = ?4, stage = ?5, message = ?6 WHERE run_id = ?1 AND n = ?2 AND lease = ?3 AND (?7 IS NULL OR workspace_id = ?7)

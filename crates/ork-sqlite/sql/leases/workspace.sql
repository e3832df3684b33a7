-- Whose a lease is, if it is the present one.
SELECT workspace_id FROM leases WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 AND lease = ?4 AND (?5 IS NULL OR workspace_id = ?5)

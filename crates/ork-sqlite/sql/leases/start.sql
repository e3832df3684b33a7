UPDATE leases SET started_at = ?5, execution_name = ?6
WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 AND lease = ?4 AND started_at IS NULL AND (?7 IS NULL OR workspace_id = ?7)
RETURNING g, worker_id, dispatched_at

SELECT g, worker_id, dispatched_at, started_at, execution_name, concurrency_key FROM leases
WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 AND lease = ?4 AND (?5 IS NULL OR workspace_id = ?5)

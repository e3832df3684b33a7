-- The fence: whoever deletes the lease settles the attempt.
DELETE FROM leases
WHERE run_id = ?1 AND n = ?2 AND attempt = ?3 AND lease = ?4 AND (?5 IS NULL OR workspace_id = ?5)
RETURNING g, worker_id, dispatched_at, started_at, execution_name, concurrency_key

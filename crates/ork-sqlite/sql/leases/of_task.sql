SELECT attempt, lease, worker_id, execution_name, dispatched_at, started_at FROM leases WHERE run_id = ?1 AND n = ?2

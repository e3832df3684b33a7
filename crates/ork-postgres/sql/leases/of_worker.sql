SELECT run_id, n, g, attempt, lease, worker_id, dispatched_at, started_at, execution_name FROM leases
WHERE worker_id = $1 ORDER BY run_id, n LIMIT $2

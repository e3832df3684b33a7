SELECT workspace_id, run_id, n, g, task_index, attempt, dispatched_at FROM leases
WHERE worker_id = $1 AND lease = $2 ORDER BY run_id, n

INSERT INTO leases (run_id, n, workspace_id, g, task_index, attempt, lease, worker_id, concurrency_key, dispatched_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)

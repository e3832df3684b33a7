-- The attempts before the last; the last from the task's own row; the present one from its lease.
SELECT attempt, lease, worker_id, execution_name, outcome, error, exit_code, signal, cpu_ms, memory_bytes_max,
       dispatched_at, started_at, finished_at
FROM attempts WHERE run_id = $1 AND n = $2 AND ($3::uuid IS NULL OR workspace_id = $3)
UNION ALL
SELECT attempt, lease, worker_id, execution_name, outcome, error, exit_code, signal, cpu_ms, memory_bytes_max,
       dispatched_at, started_at, finished_at
FROM tasks WHERE run_id = $1 AND n = $2 AND outcome IS NOT NULL AND open_as IS NULL AND ($3::uuid IS NULL OR workspace_id = $3)
UNION ALL
SELECT attempt, lease, worker_id, execution_name, NULL, NULL, NULL, NULL, NULL, NULL, dispatched_at, started_at, NULL
FROM leases WHERE run_id = $1 AND n = $2 AND ($3::uuid IS NULL OR workspace_id = $3)
ORDER BY attempt

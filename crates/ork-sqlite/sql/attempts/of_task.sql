-- The attempts before the last, and the last from the task's own row.
SELECT attempt, lease, worker_id, execution_name, outcome, error, exit_code, signal, cpu_ms, memory_bytes_max,
       dispatched_at, started_at, finished_at
FROM attempts WHERE run_id = ?1 AND n = ?2
UNION ALL
SELECT attempt, lease, worker_id, execution_name, outcome, error, exit_code, signal, cpu_ms, memory_bytes_max,
       dispatched_at, started_at, finished_at
FROM tasks WHERE run_id = ?1 AND n = ?2 AND outcome IS NOT NULL AND open_as IS NULL
ORDER BY attempt

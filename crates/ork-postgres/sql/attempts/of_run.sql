-- The ended attempts of all tasks of a run.
SELECT n, attempt, lease, worker_id, execution_name, outcome, error, exit_code, signal, cpu_ms, memory_bytes_max,
       dispatched_at, started_at, finished_at
FROM attempts WHERE run_id = $1
UNION ALL
SELECT n, attempt, lease, worker_id, execution_name, outcome, error, exit_code, signal, cpu_ms, memory_bytes_max,
       dispatched_at, started_at, finished_at
FROM tasks WHERE run_id = $1 AND outcome IS NOT NULL AND open_as IS NULL
ORDER BY n, attempt

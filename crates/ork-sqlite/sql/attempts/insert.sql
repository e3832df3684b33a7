INSERT INTO attempts (run_id, n, attempt, workspace_id, lease, worker_id, execution_name, outcome, error, exit_code, signal,
                      cpu_ms, memory_bytes_max, dispatched_at, started_at, finished_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)

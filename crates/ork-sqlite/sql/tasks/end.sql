-- A terminal state: the last write of the row. The guard is the transition table's: terminal is final. What ends without an
-- attempt keeps its last error.
UPDATE tasks
SET status = ?3, reason = ?4, attempt = max(attempt, ?5), failures = max(failures, ?6), lost = max(lost, ?7),
    available_at = NULL, open_as = NULL, output = ?8, error = CASE WHEN ?10 IS NULL THEN coalesce(?9, error) ELSE ?9 END, lease = ?10, worker_id = ?11, execution_name = ?12, outcome = ?13,
    exit_code = ?14, signal = ?15, cpu_ms = ?16, memory_bytes_max = ?17, dispatched_at = ?18, started_at = ?19,
    finished_at = ?20
WHERE run_id = ?1 AND n = ?2 AND (status = 'pending' OR status = 'waiting' OR status = 'retrying')

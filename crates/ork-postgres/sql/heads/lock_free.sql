-- Those that nobody else is changing: whoever gives out slots does not wait behind a busy run.
SELECT run_id, workspace_id, status, paused, held, stopping, cancelling, on_failure, has_result, seq, tasks_total, tasks_left,
       tasks_bad
FROM run_heads WHERE run_id = ANY ($1::uuid[])
ORDER BY run_id FOR NO KEY UPDATE SKIP LOCKED

SELECT run_id, workspace_id, status, paused, held, stopping, cancelling, on_failure, has_result, seq, tasks_total, tasks_left,
       tasks_bad
FROM run_heads WHERE run_id = $1 AND ($2::uuid IS NULL OR workspace_id = $2)

-- After groups, by id. A settle's last lock; a claim takes none.
SELECT run_id, workspace_id, status, paused, held, stopping, cancelling, on_failure, has_result, seq, tasks_total, tasks_left,
       tasks_bad
FROM run_heads WHERE run_id = ANY ($1::uuid[]) AND ($2::uuid IS NULL OR workspace_id = $2)
ORDER BY run_id FOR NO KEY UPDATE

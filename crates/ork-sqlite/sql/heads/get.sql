SELECT run_id, workspace_id, status, paused, held, stopping, cancelling, on_failure, has_result, seq, tasks_total,
       tasks_left, tasks_bad,
       told | (SELECT coalesce(max(e.told & 1) | max(e.told & 2) | max(e.told & 4), 0) FROM webhook_endpoints e
               WHERE e.workspace_id = run_heads.workspace_id AND e.disabled_at IS NULL) AS told
FROM run_heads WHERE run_id = ?1 AND (?2 IS NULL OR workspace_id = ?2)

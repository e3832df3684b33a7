-- Those that nobody else is changing: whoever gives out slots does not wait behind a busy run.
SELECT h.run_id, h.workspace_id, h.status, h.paused, h.held, h.stopping, h.cancelling, h.on_failure, h.has_result, h.seq,
       h.tasks_total, h.tasks_left, h.tasks_bad,
       h.told | (SELECT coalesce(max(e.told & 1) | max(e.told & 2) | max(e.told & 4), 0) FROM webhook_endpoints e
               WHERE e.workspace_id = h.workspace_id AND e.disabled_at IS NULL) AS told
FROM (SELECT DISTINCT run_id FROM unnest($1::uuid[]) AS s (run_id) ORDER BY run_id OFFSET 0) AS s
CROSS JOIN LATERAL (
    SELECT * FROM run_heads own WHERE own.run_id = s.run_id FOR NO KEY UPDATE SKIP LOCKED
) AS h

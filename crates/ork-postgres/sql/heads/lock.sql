-- After groups, by id. A settle's last lock; a claim takes none.
SELECT h.run_id, h.workspace_id, h.status, h.paused, h.held, h.stopping, h.cancelling, h.on_failure, h.has_result, h.seq,
       h.tasks_total, h.tasks_left, h.tasks_bad,
       h.told | (SELECT coalesce(max(e.told & 1) | max(e.told & 2) | max(e.told & 4), 0) FROM webhook_endpoints e
               WHERE e.workspace_id = h.workspace_id AND e.disabled_at IS NULL) AS told
FROM (SELECT DISTINCT run_id FROM unnest($1::uuid[]) AS s (run_id) ORDER BY run_id OFFSET 0) AS s
CROSS JOIN LATERAL (
    SELECT * FROM run_heads own WHERE own.run_id = s.run_id AND ($2::uuid IS NULL OR own.workspace_id = $2) FOR NO KEY UPDATE
) AS h

SELECT workflow_id, workspace_id, name, revision_id, cron, timezone, input, overlap, catch_up, enabled, next_at, last_at,
       last_run_id, updated_by, updated_at
FROM schedules WHERE enabled AND next_at <= ?1
    AND (?3 IS NULL OR (next_at, workflow_id) > (?3, ?4))
ORDER BY next_at, workflow_id LIMIT ?2

SELECT workflow_id, workspace_id, name, revision_id, cron, timezone, input, overlap, catch_up, enabled, next_at, last_at,
       last_run_id, updated_by, updated_at
FROM schedules WHERE name = $1 AND ($2::uuid IS NULL OR workspace_id = $2)

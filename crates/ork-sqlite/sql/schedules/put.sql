-- One that is there stays enabled or disabled, and where the times are the same it keeps the next one. Others are counted
-- only where this one is new.
INSERT INTO schedules (workflow_id, workspace_id, name, revision_id, cron, timezone, input, overlap, catch_up, enabled, next_at,
                       updated_by, updated_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?11, ?12
WHERE (SELECT count(*) FROM schedules WHERE workspace_id = ?2 AND workflow_id <> ?1) < ?13
ON CONFLICT (workflow_id) DO UPDATE
SET revision_id = excluded.revision_id, cron = excluded.cron, timezone = excluded.timezone, input = excluded.input,
    overlap = excluded.overlap, catch_up = excluded.catch_up, updated_by = excluded.updated_by, updated_at = excluded.updated_at,
    next_at = CASE WHEN schedules.cron = excluded.cron AND schedules.timezone = excluded.timezone
                   THEN schedules.next_at ELSE excluded.next_at END

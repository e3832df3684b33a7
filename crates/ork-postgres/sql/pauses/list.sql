SELECT workspace_id, queue, paused_by, paused_at FROM queue_pauses
WHERE $1::uuid IS NULL OR workspace_id = $1
ORDER BY workspace_id, queue

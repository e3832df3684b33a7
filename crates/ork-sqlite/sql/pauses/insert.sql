INSERT INTO queue_pauses (workspace_id, queue, paused_by, paused_at)
SELECT ?1, ?2, ?3, ?4
WHERE (SELECT count(*) FROM queue_pauses WHERE workspace_id = ?1) < ?5
ON CONFLICT (workspace_id, queue) DO NOTHING

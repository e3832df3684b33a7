INSERT INTO queue_pauses (workspace_id, queue, paused_by, paused_at)
SELECT $1::uuid, $2::text, $3::text, $4::bigint
WHERE (SELECT count(*) FROM queue_pauses WHERE workspace_id = $1) < $5::bigint
ON CONFLICT (workspace_id, queue) DO NOTHING

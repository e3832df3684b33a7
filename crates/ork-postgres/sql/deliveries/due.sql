-- Those that wait longest first, after a place.
SELECT id, workspace_id, url, next_attempt_at FROM webhook_deliveries
WHERE status = 'pending' AND next_attempt_at <= $1 AND (next_attempt_at, id) > ($2::bigint, $3::uuid)
ORDER BY next_attempt_at, id LIMIT $4

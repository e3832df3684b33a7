-- The same of one run. What is few is read: its messages, or what is due, as PostgreSQL counts them.
SELECT id, workspace_id, url, next_attempt_at FROM webhook_deliveries
WHERE run_id = $5 AND status = 'pending' AND next_attempt_at <= $1 AND (next_attempt_at, id) > ($2::bigint, $3::uuid)
ORDER BY next_attempt_at, id LIMIT $4

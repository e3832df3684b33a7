-- Those that wait longest first.
SELECT id, workspace_id, run_id, n, endpoint_id, type, url, payload, status, attempts, next_attempt_at, log, created_at, delivered_at
FROM webhook_deliveries
WHERE status = 'pending' AND next_attempt_at <= ?1 AND (?2 IS NULL OR run_id = ?2)
ORDER BY next_attempt_at LIMIT ?3

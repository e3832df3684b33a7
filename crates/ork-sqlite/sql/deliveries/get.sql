SELECT id, workspace_id, run_id, n, endpoint_id, type, url, payload, status, attempts, next_attempt_at, log, created_at, delivered_at
FROM webhook_deliveries WHERE id = ?1 AND (?2 IS NULL OR workspace_id = ?2)

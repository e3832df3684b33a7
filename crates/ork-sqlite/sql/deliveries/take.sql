UPDATE webhook_deliveries SET next_attempt_at = ?3 WHERE id = ?1 AND status = 'pending' AND next_attempt_at <= ?2
RETURNING id, workspace_id, run_id, n, endpoint_id, type, url, payload, status, attempts, next_attempt_at, log, created_at, delivered_at

UPDATE webhook_deliveries SET status = 'pending', attempts = 0, next_attempt_at = ?3
WHERE status = 'failed' AND (?1 IS NULL OR workspace_id = ?1) AND (?2 IS NULL OR endpoint_id = ?2)

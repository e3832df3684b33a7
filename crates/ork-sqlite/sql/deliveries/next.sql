SELECT min(next_attempt_at) FROM webhook_deliveries WHERE status = 'pending' AND (?1 IS NULL OR run_id = ?1)

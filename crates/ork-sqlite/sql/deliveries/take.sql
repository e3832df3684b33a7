UPDATE webhook_deliveries SET next_attempt_at = ?2 WHERE id = ?1

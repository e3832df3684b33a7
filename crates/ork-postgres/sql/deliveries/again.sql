UPDATE webhook_deliveries SET status = 'pending', attempts = 0, next_attempt_at = $3, delivered_at = NULL
WHERE id = $1 AND ($2::uuid IS NULL OR workspace_id = $2)

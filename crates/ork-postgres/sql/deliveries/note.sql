UPDATE webhook_deliveries
SET status = $3, attempts = attempts + 1, next_attempt_at = $4, payload = coalesce($5::text, payload), last_status_code = $6,
    last_error = $7, log = $8::text::json, delivered_at = $9
WHERE id = $1 AND status = 'pending' AND next_attempt_at = $2

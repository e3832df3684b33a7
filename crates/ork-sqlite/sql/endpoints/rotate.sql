UPDATE webhook_endpoints
SET previous_secret = secret, previous_until = ?4, secret = ?3, updated_at = ?5
WHERE id = ?1 AND (?2 IS NULL OR workspace_id = ?2)

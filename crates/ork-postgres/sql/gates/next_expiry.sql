SELECT expires_at FROM gates
WHERE status = 'open' AND on_expiry <> 'hold' AND expires_at IS NOT NULL AND ($1::uuid IS NULL OR workspace_id = $1)
ORDER BY expires_at, id LIMIT 1

SELECT id FROM gates
WHERE status = 'open' AND on_expiry <> 'hold' AND expires_at IS NOT NULL AND expires_at <= $1 AND ($2::uuid IS NULL OR workspace_id = $2)
ORDER BY expires_at, id LIMIT $3

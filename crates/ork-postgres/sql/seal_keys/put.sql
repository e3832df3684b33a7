INSERT INTO seal_keys (key_id, sealed, sealed_by, sealed_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (key_id) DO UPDATE SET sealed = $2, sealed_by = $3, sealed_at = $4

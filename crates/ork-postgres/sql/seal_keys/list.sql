SELECT key_id, sealed, sealed_by, sealed_at FROM seal_keys ORDER BY key_id

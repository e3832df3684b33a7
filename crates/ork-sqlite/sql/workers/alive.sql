SELECT 1 FROM workers WHERE id = ?1 AND ended_at IS NULL

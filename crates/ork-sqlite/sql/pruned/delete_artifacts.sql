DELETE FROM artifacts WHERE id IN (SELECT id FROM artifacts WHERE run_id = ?1 ORDER BY id LIMIT ?2)

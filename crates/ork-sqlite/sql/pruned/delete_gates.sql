DELETE FROM gates WHERE id IN (SELECT id FROM gates WHERE run_id = ?1 LIMIT ?2)

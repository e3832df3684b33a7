DELETE FROM seals WHERE run_id = ?1 AND number IN (SELECT number FROM seals WHERE run_id = ?1 ORDER BY number LIMIT ?2)
